package receiver

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/parascope/parascope/internal/awserr"
	"github.com/parascope/parascope/internal/queue"
)

// Meaning is what an answer says about the samples of a request.
type Meaning int

const (
	Later    Meaning = iota // keep them and try again
	Accepted                // they arrived
	Never                   // some of them will never be taken, and it is not said how many
	Split                   // the request is too large
)

// Answer is a receiver's, or what stands for the lack of one.
type Answer struct {
	Meaning    Meaning
	Code       int             // HTTP status; 0: there was no answer
	Reason     queue.Uncertain // of Never
	RetryAfter time.Duration   // of Later, if the receiver asks for it
	Text       string          // first line of the body, or of the error
	Unsigned   bool            // there are no credentials; no request was made
}

// limitPhrases are in the 400s that speak of the workspace, not of the samples:
// AMP raises the series limit by itself, and then takes the same samples.
var limitPhrases = []string{"series limit", "limit exceeded", "limits exceeded", "rate limit", "err-mimir-max-series-per-",
	"err-mimir-max-active-series"}

// neverPhrases are in the 400s that say that these very samples cannot be taken:
// the words of AMP, Cortex, Prometheus, and the ids (err-mimir-…) that Mimir never
// changes, in lower case. The first that is found names the reason. Sources: AMP
// user guide, troubleshooting; cortexproject/cortex pkg/util/validation/errors.go;
// grafana/mimir pkg/util/globalerror/user.go and pkg/distributor/validate.go.
var neverPhrases = []struct {
	phrase string
	reason queue.Uncertain
}{
	{"out of order", queue.OutOfOrder},
	{"out-of-order", queue.OutOfOrder},
	{"duplicate sample", queue.DuplicateTimestamp},
	{"sample-duplicate-timestamp", queue.DuplicateTimestamp},
	{"different value but same timestamp", queue.DuplicateTimestamp},
	{"new-value-for-timestamp", queue.DuplicateTimestamp},
	{"too old", queue.RefusedTooOld},
	{"sample-too-old", queue.RefusedTooOld},
	{"sample-timestamp-too-old", queue.RefusedTooOld},
	{"too-far-in-past", queue.RefusedTooOld},
	{"too far in the past", queue.RefusedTooOld},
	{"greater_than_max_sample_age", queue.RefusedTooOld},
	{"out of bounds", queue.RefusedTooOld},
	{"too new", queue.TooNew},
	{"too_far_in_future", queue.TooNew},
	{"too-far-in-future", queue.TooNew},
	{"too far in the future", queue.TooNew},
	{"too many labels", queue.InvalidLabels},
	{"label_names_per_series", queue.InvalidLabels},
	{"label-names-per-series", queue.InvalidLabels},
	{"label-names-per-info-series", queue.InvalidLabels},
	{"invalid label", queue.InvalidLabels},
	{"label_invalid", queue.InvalidLabels},
	{"label-invalid", queue.InvalidLabels},
	{"label-value-invalid", queue.InvalidLabels},
	{"label name too long", queue.InvalidLabels},
	{"label-name-too-long", queue.InvalidLabels},
	{"label value too long", queue.InvalidLabels},
	{"label-value-too-long", queue.InvalidLabels},
	{"duplicate label", queue.InvalidLabels},
	{"duplicate-label-names", queue.InvalidLabels},
	{"labels not sorted", queue.InvalidLabels},
	{"labels-not-sorted", queue.InvalidLabels},
	{"invalid metric name", queue.InvalidLabels},
	{"metric-name-invalid", queue.InvalidLabels},
	{"missing metric name", queue.InvalidLabels},
	{"missing-metric-name", queue.InvalidLabels},
	{"invalid native histogram", queue.InvalidHistogram},
	{"invalid-native-histogram-schema", queue.InvalidHistogram},
	{"native histogram schema", queue.InvalidHistogram},
	{"max-native-histogram-buckets", queue.InvalidHistogram},
	{"not-reducible-native-histogram", queue.InvalidHistogram},
	{"err-mimir-native-histogram-", queue.InvalidHistogram},
	{"histogram_too_large", queue.InvalidHistogram},
}

// Classify says what an HTTP answer means. Whatever is not known to be final is
// later: a wrong guess then costs time, and never samples.
func Classify(code int, header http.Header, body string, now time.Time) Answer {
	a := Answer{Code: code, Text: firstLine(body)}
	switch {
	case code/100 == 2:
		a.Meaning = Accepted
	case code == http.StatusRequestEntityTooLarge:
		a.Meaning = Split
	case code == http.StatusBadRequest:
		a.Meaning, a.Reason = classify400(strings.ToLower(body))
	}
	if a.Meaning == Later {
		a.RetryAfter = retryAfter(header.Get("Retry-After"), now)
	}
	return a
}

func classify400(body string) (Meaning, queue.Uncertain) {
	if containsAny(body, limitPhrases) {
		return Later, 0
	}
	for _, p := range neverPhrases {
		if strings.Contains(body, p.phrase) {
			return Never, p.reason
		}
	}
	return Later, 0
}

// maxRetryAfter bounds what a receiver can ask for.
const maxRetryAfter = 5 * time.Minute

// retryAfter reads the header: seconds, or a date.
func retryAfter(value string, now time.Time) time.Duration {
	d := time.Duration(0)
	if seconds, err := strconv.ParseInt(strings.TrimSpace(value), 10, 32); err == nil {
		d = time.Duration(seconds) * time.Second
	} else if date, err := http.ParseTime(value); err == nil {
		d = date.Sub(now)
	}
	return min(max(d, 0), maxRetryAfter)
}

// firstLine is what fits into a log line and a status page, and may stand there.
func firstLine(body string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(awserr.Public(body)), "\n")
	line = strings.ToValidUTF8(line, "?")
	const most = 512
	if len(line) > most {
		line = strings.ToValidUTF8(line[:most], "") + "…"
	}
	return line
}

// Next is what a person can do about an answer that keeps samples waiting.
func (a Answer) Next() string {
	switch {
	case a.Unsigned:
		return "give the machine an instance role, or AWS_PROFILE a profile, that may aps:RemoteWrite; it is taken up without a restart"
	case a.Code == http.StatusUnauthorized, a.Code == http.StatusForbidden:
		return "give the machine's role or profile the permission aps:RemoteWrite on this workspace, and check the sigv4 section's region; " +
			"fresh credentials are taken up without a restart"
	case a.Code == http.StatusNotFound:
		return "the workspace or the path does not exist: compare remote_write's url with the workspace's endpoint"
	case a.Code == http.StatusTooManyRequests:
		return "nothing, if it passes; else ask for a higher quota, or scrape less"
	case a.Code == http.StatusBadRequest:
		return "the answer names the limit or the fault; the samples are kept and sent again until it is mended"
	case a.Code/100 == 3:
		return "remote_write's url is answered with a redirect; write the final address into the configuration"
	case a.Code >= 500:
		return "nothing: the receiver's own fault; the samples are kept and sent again"
	}
	return "check the network, the name and the proxy between this machine and the endpoint; the samples are kept and sent again"
}
