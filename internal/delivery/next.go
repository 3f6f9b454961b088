package delivery

import "github.com/parascope/parascope/internal/queue"

// Next is what a person can do about the verdict; empty if nothing is to be done.
// While samples are lost it speaks of why those are, whatever else is wrong.
func (rs *RemoteStatus) Next() string {
	answer := ""
	if rs.LastError != nil && !rs.FailingSince.IsZero() {
		answer = rs.LastError.Next
	}
	switch rs.Verdict {
	case AtRisk:
		return nextDisk
	case InDoubt:
		return "the receiver's last response names a sample: fix its exporter, or drop the series with write_relabel_configs"
	case Losing:
		return nextOfLoss(rs.LossReason, answer)
	case Delayed:
		if answer == "" && rs.Refused.Series > 0 {
			return "raise the limit that the receiver names, or drop the series with write_relabel_configs; refused series are tried again " +
				"once a minute"
		}
		return answer
	}
	return ""
}

const nextDisk = "free space on the disk of the head's --storage.agent.path, and give the head write permission; check the disk if it " +
	"answers with input/output errors; sending resumes automatically"

// nextOfLoss is what helps against a loss; answer is what helps against the
// receiver's answers, empty if they are good.
func nextOfLoss(reason, answer string) string {
	switch reason {
	case queue.Disk.String():
		return nextDisk
	case queue.Corrupted.String():
		return "check the disk of the head's --storage.agent.path; 'parascope head inspect DIR' reads every record"
	case queue.Unsupported.String():
		return "read the head's log and the last refusal: they name a series and the setting to change"
	case queue.TooLarge.String():
		return "a single sample exceeds the receiver's request size limit: shorten its labels, or drop its series with write_relabel_configs"
	case queue.QueueFull.String():
		if answer != "" {
			return "raise the size limit with --queue.max-bytes; and " + answer
		}
		return "raise the size limit with --queue.max-bytes, or scrape fewer series"
	case queue.TooOld.String():
		if answer != "" {
			return answer
		}
		return "if delivery was not delayed, check whether an exporter sets old timestamps (honor_timestamps: false ignores " +
			"timestamps of exporters) or the machine's clock is behind"
	}
	return answer
}
