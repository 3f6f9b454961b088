package receiver

import (
	"cmp"
	"encoding/json"
	"errors"
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
	Later        Meaning = iota // keep them and try again
	Accepted                    // they arrived
	Never                       // some of them will never be taken, and it is not said how many
	Limited                     // some of them are not taken while a limit is in force
	Unclear                     // some or all of them are refused, in unknown words
	Deduplicated                // another replica's are taken in their place, or were
	Split                       // the request is too large
)

// Answer is a receiver's, or what stands for the lack of one.
type Answer struct {
	Meaning    Meaning
	Code       int             // HTTP status; 0: there was no answer
	Reason     queue.Uncertain // of Never and Deduplicated
	RetryAfter time.Duration   // of Later, if the receiver asks for it
	Text       string          // first line of the body, or of the error
	Printed    string          // of a refusal: what follows the receiver's own words, where it names a series
	Unsigned   bool            // there are no credentials; no request was made
	Unanswered bool            // the request was sent, in part at least, and there was no answer
}

// limitPhrases are in the 400s that speak of the workspace, not of the samples:
// AMP raises the series limit by itself, and then takes the same samples.
var limitPhrases = []string{"series limit", "limit exceeded", "limits exceeded", "err-mimir-max-series-per-",
	"err-mimir-max-active-series", "too many ha replicagroups"}

// ratePhrases are in the 400s that speak of all that is sent.
var ratePhrases = []string{"rate limit"}

// largePhrases are in the 400s that speak of the size of the request.
var largePhrases = []string{"received message larger than max", "distributor-max-write-message-size"}

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
	{"histogram bucket count exceeded", queue.InvalidHistogram},
	{"histogram sample size bytes exceeded", queue.InvalidHistogram},
	{"histogram sample with too many buckets", queue.InvalidHistogram},
	{"labels size bytes exceeded", queue.InvalidLabels},
	{"too large labels", queue.InvalidLabels},
	{"empty labels found", queue.InvalidLabels},
	{"number of labels exceeds", queue.InvalidLabels},
	{"label value length exceeds", queue.InvalidLabels},
	{"label name length exceeds", queue.InvalidLabels},
}

// Classify says what an HTTP answer means. Whatever is not known to be final is
// later: a wrong guess then costs time, and never samples.
func Classify(code int, header http.Header, body string, now time.Time) Answer {
	a := Answer{Code: code, Text: firstLine(body)}
	switch {
	case code == http.StatusAccepted:
		a.Meaning, a.Reason = Deduplicated, queue.Deduplicated
	case code/100 == 2:
		a.Meaning = Accepted
	case code == http.StatusRequestEntityTooLarge:
		a.Meaning = Split
	case code == http.StatusTooManyRequests:
		// AMP documents it for a series limit, too; no pace helps against that.
		own, printed := ownWords(body)
		if strings.Contains(strings.ToLower(own), "series limit") {
			a.Meaning, a.Printed = Limited, printed
		}
	case isOfSamples(code):
		own, printed := ownWords(body)
		a.Meaning, a.Reason = classify400(strings.ToLower(own))
		a.Printed = printed
	}
	if a.Meaning == Later || a.Meaning == Split {
		a.RetryAfter = retryAfter(header.Get("Retry-After"), now)
	}
	return a
}

// isOfSamples reports whether a status can be about the samples: other receivers, such as
// Thanos, answer 409 to samples out of order, and 422 to what they cannot read.
func isOfSamples(code int) bool {
	return code == http.StatusBadRequest || code == http.StatusConflict || code == http.StatusUnprocessableEntity
}

func classify400(words string) (Meaning, queue.Uncertain) {
	switch {
	case containsAny(words, largePhrases):
		return Split, 0
	case containsAny(words, ratePhrases): // "rate limit exceeded" has words of a limit, too
		return Later, 0
	case containsAny(words, limitPhrases):
		return Limited, 0
	}
	for _, p := range neverPhrases {
		if strings.Contains(words, p.phrase) {
			return Never, p.reason
		}
	}
	return Unclear, 0
}

// printedAfter are the places from which on a receiver prints what it was sent: labels
// hold any text, that of a limit among them.
var printedAfter = []string{"series=", "series:", "metric:", "for metric", "for series", "from series", "label value:",
	"value:", "{", "\"", "'"}

// ownWords splits a body in the receiver's own words and in what it prints of the
// request. The body of an AWS service is JSON, whose message counts.
func ownWords(body string) (own, printed string) {
	var frame struct{ Message, Error string }
	if text := strings.TrimSpace(body); strings.HasPrefix(text, "{") && json.Unmarshal([]byte(text), &frame) == nil {
		body = cmp.Or(frame.Message, frame.Error)
	}
	end := len(body)
	for _, mark := range printedAfter {
		if i := strings.Index(body[:end], mark); i >= 0 {
			end = i
		}
	}
	return body[:end], body[end:]
}

// maxRetryAfter bounds what a receiver can ask for.
const maxRetryAfter = 5 * time.Minute

// retryAfter reads the header: seconds, or a date.
func retryAfter(value string, now time.Time) time.Duration {
	d := time.Duration(0)
	if seconds, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64); err == nil || errors.Is(err, strconv.ErrRange) {
		d = time.Duration(min(max(seconds, 0), int64(maxRetryAfter/time.Second))) * time.Second
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
