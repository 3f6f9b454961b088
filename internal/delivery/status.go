// Package delivery says what became of the samples of a head: in numbers that add
// up, in a verdict for people, and in metrics.
package delivery

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/parascope/parascope/internal/queue"
)

// Verdict is what is to be thought of a remote write.
type Verdict string

const (
	Delivering Verdict = "delivering"  // samples arrive as they are scraped
	CatchingUp Verdict = "catching up" // they arrive, older ones first
	Delayed    Verdict = "delayed"     // they do not arrive, and are kept
	InDoubt    Verdict = "in doubt"    // the receiver refused some in the last minutes, without saying how many
	AtRisk     Verdict = "at risk"     // the queue's disk fails; nothing was lost by it yet
	Losing     Verdict = "losing"      // some were dropped in the last minutes
	Removed    Verdict = "removed"     // no configuration names it; what it has is kept until it is too old
)

// Status is what became of all samples, at one instant.
type Status struct {
	Time    time.Time      `json:"time"`
	Verdict Verdict        `json:"verdict"` // the worst of all
	Total   queue.Ledger   `json:"total"`
	Remotes []RemoteStatus `json:"remotes"`
}

// RemoteStatus is one remote_write of a Status. Times that are not known are left
// out.
type RemoteStatus struct {
	Name            string       `json:"name"`
	URL             string       `json:"url"`
	Verdict         Verdict      `json:"verdict"`
	Reason          string       `json:"reason,omitempty"` // why it is no better
	Ledger          queue.Ledger `json:"ledger"`
	OldestSample    time.Time    `json:"oldest_sample,omitzero"` // of those that wait
	LastSuccess     time.Time    `json:"last_success,omitzero"`  // answer of 2xx
	FailingSince    time.Time    `json:"failing_since,omitzero"`
	LastError       *Trouble     `json:"last_error,omitempty"`
	LastRefusal     string       `json:"last_refusal,omitempty"` // why samples are uncertain
	LastDoubt       time.Time    `json:"last_doubt,omitzero"`    // when samples last became uncertain, in this process
	LossBegins      time.Time    `json:"loss_begins,omitzero"`   // unless samples arrive again before
	LossBecause     string       `json:"loss_because,omitempty"`
	LastLoss        time.Time    `json:"last_loss,omitzero"` // in this process
	LossReason      string       `json:"loss_reason,omitempty"`
	QueueBytes      int64        `json:"queue_bytes"`
	QueueMaxBytes   int64        `json:"queue_max_bytes"`
	AgeLimitSeconds float64      `json:"age_limit_seconds"`
	TakenRate       float64      `json:"taken_samples_per_second"`
	DeliveredRate   float64      `json:"delivered_samples_per_second"`
	RateLimit       float64      `json:"rate_limit_samples_per_second,omitempty"` // found after 429
	Disk            string       `json:"disk,omitempty"`                          // what is wrong with it
	TornTailBytes   int64        `json:"torn_tail_bytes,omitempty"`               // cut at the start

	// Refused are series that the receiver does not take.
	Refused Refused `json:"refused,omitzero"`
	// Aside are the paths of files of the queue that could not be read, and were set
	// aside by this process or an earlier one: the first ones of AsideFiles.
	Aside      []string `json:"set_aside,omitempty"`
	AsideFiles int      `json:"set_aside_files,omitempty"`

	NewestSample   time.Time         `json:"newest_sample,omitzero"` // of those that were taken by this process
	Requests       map[string]uint64 `json:"requests"`               // by HTTP status of the answer; none: there was none
	RetriedSamples uint64            `json:"retried_samples"`
	SentBytes      uint64            `json:"sent_bytes"` // of bodies, compressed

	diskAt time.Time // when Disk was, if it may be over
}

// New returns the status of remotes, judged as of now.
func New(now time.Time, remotes []RemoteStatus) Status {
	s := Status{Time: now.UTC(), Verdict: Delivering, Remotes: remotes}
	for i := range remotes {
		r := &remotes[i]
		r.judge(s.Time)
		s.Total.Add(r.Ledger)
		if rank(r.Verdict) > rank(s.Verdict) {
			s.Verdict = r.Verdict
		}
	}
	return s
}

const (
	// freshness is how old a waiting sample may be while all is well: it was
	// held for a second, for a request to be full, and the receiver takes its time.
	freshness = 15 * time.Second
	// recentDisk is how long a failure to sync or to read stands in the verdict:
	// both are tried every second.
	recentDisk = 10 * time.Second
	// recentLoss is how long a drop or a refusal stands in the verdict.
	recentLoss = 5 * time.Minute
)

// rank orders verdicts by how much they ask for someone.
func rank(v Verdict) int {
	switch v {
	case CatchingUp:
		return 1
	case InDoubt:
		return 2
	case Delayed:
		return 3
	case AtRisk:
		return 4
	case Losing:
		return 5
	}
	return 0
}

// judge finds the verdict and when loss begins.
func (rs *RemoteStatus) judge(now time.Time) {
	if !rs.FailingSince.IsZero() || rs.Ledger.Queued > 0 && now.Sub(rs.OldestSample) > freshness && !rs.OldestSample.IsZero() {
		rs.foresee(now)
	}
	if !rs.diskAt.IsZero() && now.Sub(rs.diskAt) > recentDisk {
		rs.Disk = ""
	}
	losing := !rs.LastLoss.IsZero() && now.Sub(rs.LastLoss) < recentLoss
	switch {
	case rs.Verdict == Removed:
		rs.Reason = "no remote_write section has this name"
	case losing && rs.Disk != "":
		rs.Verdict, rs.Reason = Losing, "samples were dropped, and the queue's disk fails: "+rs.Disk
	case losing:
		rs.Verdict, rs.Reason = Losing, "samples were dropped"
		if rs.AsideFiles > 0 && rs.LossReason == queue.Corrupted.String() {
			rs.Reason += "; " + rs.AsideText()
		}
	case rs.Disk != "":
		rs.Verdict, rs.Reason = AtRisk, "the queue's disk fails: "+rs.Disk
	case !rs.FailingSince.IsZero():
		rs.Verdict = Delayed
	case rs.Refused.Samples > 0 && len(rs.Refused.Named) > 0:
		one := rs.Refused.Named[0]
		rs.Verdict = Delayed
		rs.Reason = fmt.Sprintf("%d series are refused, and %d samples of these series wait; other series are delivered: %s: "+
			"%s", rs.Refused.Series,
			rs.Refused.Samples, one.Series, one.Text)
	case !rs.LastDoubt.IsZero() && now.Sub(rs.LastDoubt) < recentLoss:
		rs.Verdict, rs.Reason = InDoubt, "the receiver refuses samples: "+rs.LastRefusal
	case rs.Ledger.Queued > 0 && !rs.OldestSample.IsZero() && now.Sub(rs.OldestSample) > freshness:
		rs.Verdict = CatchingUp
	default:
		rs.Verdict = Delivering
	}
	if rs.LastError != nil && !rs.FailingSince.IsZero() && rs.Verdict != Removed {
		because := rs.LastError.describe()
		if rs.Reason != "" {
			because = rs.Reason + "; " + because
		}
		rs.Reason = because
	}
}

// asideShown is how many files that were set aside are named.
const asideShown = 5

// wholeQueue are the names of directories that are set aside with their counts: a queue's, or
// that of a remote write's queues.
var wholeQueue = regexp.MustCompile(`(?:^|/)(?:remote-[^/]+|[0-9]{4,}-lanes-[0-9]+)\.unreadable(?:-[0-9]+)?$`)

// AsideText says which files were set aside.
func (rs *RemoteStatus) AsideText() string {
	named := rs.Aside[:min(len(rs.Aside), asideShown)]
	text := fmt.Sprintf("%d files of the queue could not be read, and were set aside: %s", rs.AsideFiles, strings.Join(named, ", "))
	if rs.AsideFiles == 1 {
		text = "a file of the queue could not be read, and was set aside: " + strings.Join(named, ", ")
	}
	if more := rs.AsideFiles - len(named); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	var uncounted []string
	for _, path := range named {
		if wholeQueue.MatchString(path) {
			uncounted = append(uncounted, path)
		}
	}
	switch {
	case len(uncounted) == 0:
	case rs.AsideFiles == 1:
		text += "; an unknown number of samples in it is not sent"
	default:
		text += "; an unknown number of samples is not sent in " + strings.Join(uncounted, ", ")
	}
	return text
}

// foresee says when the oldest sample that waits is lost if nothing changes.
func (rs *RemoteStatus) foresee(now time.Time) {
	if !rs.OldestSample.IsZero() {
		rs.LossBegins = rs.OldestSample.Add(time.Duration(rs.AgeLimitSeconds * float64(time.Second)))
		rs.LossBecause = queue.TooOld.String()
	}
	if rs.Verdict == Removed {
		return // it takes nothing
	}
	perSample := 0.0
	if rs.Ledger.Queued > 0 {
		perSample = float64(rs.QueueBytes) / float64(rs.Ledger.Queued)
	}
	if growth := (rs.TakenRate - rs.DeliveredRate) * perSample; growth > 0 {
		left := max(float64(rs.QueueMaxBytes-rs.QueueBytes), 0) / growth
		if full := now.Add(time.Duration(min(left, 1e6) * float64(time.Second))); rs.LossBegins.IsZero() || full.Before(rs.LossBegins) {
			rs.LossBegins, rs.LossBecause = full, queue.QueueFull.String()
		}
	}
}

// describe is the trouble in a line.
func (t *Trouble) describe() string {
	if t.Code == 0 {
		return t.Text
	}
	text := t.Text
	if text == "" {
		text = "the response body is empty"
	}
	return fmt.Sprintf("HTTP %d %s: %s", t.Code, http.StatusText(t.Code), text)
}
