package receiver

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/parascope/parascope/internal/queue"
)

var now = time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)

const quorum = "maxFailure (quorum) on a given error family, addr=127.0.0.1:47095 state=ACTIVE zone=, rpc error: code = Code(400) desc = " +
	"user=T: "

// TestForbiddenNamesItsCause: the permission is one cause of a 403 among many.
func TestForbiddenNamesItsCause(t *testing.T) {
	for text, want := range map[string]string{
		`{"message":"Missing Authentication Token"}`:                                                           "url ends in",
		`{"message":"The security token included in the request is expired"}`:                                  "expired",
		`{"message":"The security token included in the request is invalid."}`:                                 "does not recognize",
		`{"message":"Credential should be scoped to a valid region. "}`:                                        "region",
		`{"message":"Signature expired: 20260101T000000Z is now earlier than 20260101T010000Z"}`:               "clock",
		`{"message":"The request signature we calculated does not match the signature you provided."}`:         "secret key",
		`{"Message":"User: arn:aws:sts::1:assumed-role/r/i is not authorized to perform: aps:RemoteWrite on"}`: "permission aps:RemoteWrite",
		``: "permission aps:RemoteWrite",
	} {
		next := Classify(403, http.Header{}, text, now).Next()
		if !strings.Contains(next, want) || want == "url ends in" && strings.Contains(next, "give the machine's role") {
			t.Errorf("%s: %q does not speak of %q", text, next, want)
		}
	}
}

// TestClassify has the bodies as AMP, Cortex, Mimir and Prometheus print them.
func TestClassify(t *testing.T) {
	for _, c := range []struct {
		code   int
		body   string
		want   Meaning
		reason queue.Uncertain
	}{
		{200, "", Accepted, 0},
		{204, "", Accepted, 0},
		{301, "", Later, 0},
		{307, "", Later, 0},
		{400, "", Unclear, 0},
		{400, "<html><body>400 Bad Request</body></html>", Unclear, 0},
		{400, "snappy: corrupt input", Unclear, 0},
		{400, "user=1_ws-1: per-user series limit of 10000000 exceeded, Capacity from 2,000,000 to 10,000,000 is automatically adjusted", Limited,
			0},
		{400, "maxFailure (quorum) on a given error family, rpc error: code = Code(400) desc = addr=10.1.2.3:9095 state=ACTIVE zone=a, rpc " +
			"error: code = Code(400) desc = user=1_ws: per-user series limit of 10000000 exceeded", Limited, 0},
		{400, "out of order sample; and: per-user series limit of 1 exceeded", Limited, 0}, // both: what heals wins
		{400, "user=1: err: out of order sample. timestamp=2020-05-29T19:00:03.442Z, series={}", Never, queue.OutOfOrder},
		{400, "Out-Of-Order sample", Never, queue.OutOfOrder},
		{400, "err: duplicate sample for timestamp. timestamp=2026", Never, queue.DuplicateTimestamp},
		{400, "samples with different value but same timestamp", Never, queue.DuplicateTimestamp},
		{400, "timestamp too old: 1 metric: 'up'", Never, queue.RefusedTooOld},
		{400, "out of bounds", Never, queue.RefusedTooOld},
		{400, "timestamp too new: 2 metric: 'up'", Never, queue.TooNew},
		{400, "series has too many labels (151, limit: 150) series: 'x'", Never, queue.InvalidLabels},
		{400, "sample invalid label: 'x-y' metric 'up'", Never, queue.InvalidLabels},
		{400, "sample missing metric name", Never, queue.InvalidLabels},
		{400, "native histogram schema 9 is not between -4 and 8, series: 'x'", Never, queue.InvalidHistogram},
		// Cortex.
		{400, "label value too long for metric: \"up\" label value: \"xxxx\"", Never, queue.InvalidLabels},
		{400, "label name too long: \"xxxx\" metric \"up\"", Never, queue.InvalidLabels},
		{400, "duplicate label name: \"job\" metric \"up\"", Never, queue.InvalidLabels},
		{400, "labels not sorted: \"job\" metric \"up{z=\\\"1\\\", job=\\\"node\\\"}\"", Never, queue.InvalidLabels},
		{400, "sample invalid metric name: \"1up\"", Never, queue.InvalidLabels},
		// Mimir.
		{400, "user=anonymous: the sample has been rejected because another sample with the same timestamp, but a different value, has already " +
			"been ingested (err-mimir-sample-duplicate-timestamp). The affected sample has timestamp 2026-11-02T09:00:00Z and is from series up",
			Never, queue.DuplicateTimestamp},
		{400, "the sample has been rejected because another sample with a more recent timestamp has already been ingested and out-of-order " +
			"samples are not allowed (err-mimir-sample-out-of-order)", Never, queue.OutOfOrder},
		{400, "the sample has been rejected because its timestamp is too old (err-mimir-sample-timestamp-too-old)", Never, queue.RefusedTooOld},
		{400, "received a sample whose timestamp is too far in the past, timestamp: 1 series: 'up' (err-mimir-too-far-in-past)", Never,
			queue.RefusedTooOld},
		{400, "received a sample whose timestamp is too far in the future, timestamp: 1 series: 'up' (err-mimir-too-far-in-future)", Never,
			queue.TooNew},
		{400, "received a series whose number of labels exceeds the limit (actual: 31, limit: 30) series: 'up{}' " +
			"(err-mimir-max-label-names-per-series). To adjust the related per-tenant limit, configure -validation.max-label-names-per-series, or " +
			"contact your service administrator.", Never, queue.InvalidLabels},
		{400, "received a series whose label value length exceeds the limit, label: 'x', value: 'xxxx' (truncated) series: 'up' " +
			"(err-mimir-label-value-too-long). To adjust the related per-tenant limit, configure -validation.max-length-label-value, or contact " +
			"your service administrator.", Never, queue.InvalidLabels},
		{400, "received a series whose label name length exceeds the limit, label: 'xxxx' series: 'up' (err-mimir-label-name-too-long)", Never,
			queue.InvalidLabels},
		{400, "received a series with an invalid label: 'x-y' series: 'up' (err-mimir-label-invalid)", Never, queue.InvalidLabels},
		{400, "received a series with duplicate label name, label: 'job' series: 'up' (err-mimir-duplicate-label-names)", Never,
			queue.InvalidLabels},
		{400, "received series has no metric name (err-mimir-missing-metric-name)", Never, queue.InvalidLabels},
		{400, "received a native histogram sample with too many buckets, timestamp: 1 series: h, buckets: 200, limit: 160 " +
			"(err-mimir-max-native-histogram-buckets)", Never, queue.InvalidHistogram},
		{400, "per-user series limit of 150000 exceeded (err-mimir-max-series-per-user). To adjust the related per-tenant limit, configure " +
			"-ingester.max-global-series-per-user, or contact your service administrator.", Limited, 0},
		{400, "ingestion rate limit exceeded", Later, 0},
		{409, "store locally for endpoint 127.0.0.1:10901: conflict", Unclear, 0},
		{409, "add 1 samples: out of order sample", Never, queue.OutOfOrder},
		{422, "", Unclear, 0},
		{400, "the request has been rejected because the tenant exceeded the ingestion rate limit (err-mimir-tenant-max-ingestion-rate)", Later,
			0},
		// Cortex' words before what it prints of the request.
		{400, quorum + "per-metric series limit of 50 exceeded for metric v_g, please contact administrator to raise it (local limit: 50) for " +
			"series {__name__=\"v_g\", i=\"50\"}", Limited, 0},
		{400, quorum + "per-labelset series limit of 3 exceeded (labelSet: {poison=\"ls\"}, global limit: 3 actual local limit: 3) for series " +
			"{a=\"out of order\"}", Limited, 0},
		{400, quorum + "per-user native histogram series limit of 1 exceeded, please contact administrator (local limit: 1)", Limited, 0},
		{400, "too many HA replicaGroups (limit: 2)", Limited, 0},
		{400, "labels size bytes exceeded for metric (actual: 417, limit: 300) metric: \"v_g{a=\\\"series limit\\\"}\"", Never,
			queue.InvalidLabels},
		{400, "series has too large labels", Never, queue.InvalidLabels},
		{400, "empty labels found", Never, queue.InvalidLabels},
		{400, "sample invalid label: \"a.b\" metric \"v_g{a.b=\\\"x\\\"}\"", Never, queue.InvalidLabels},
		{400, "native histogram bucket count exceeded for metric (limit: 4) metric: \"v_h\"", Never, queue.InvalidHistogram},
		{400, "native histogram sample size bytes exceeded for metric (actual: 441, limit: 300) metric: \"v_h\"", Never, queue.InvalidHistogram},
		{400, quorum + "err: too old sample. timestamp=1, tsdbHeadMaxTimestamp=2, series={a=\"rate limit exceeded\"}", Never,
			queue.RefusedTooOld},
		{400, quorum + "err: out of order sample. timestamp=1, series={a=\"series limit\"}", Never, queue.OutOfOrder},
		{400, "label value too long for metric (actual: 100, limit: 64) metric: v label name: \"v\" label value: ingestion rate limit exceeded",
			Never, queue.InvalidLabels},
		{400, "unknown words series={a=\"duplicate sample\"}", Unclear, 0},
		{400, "received message larger than max (29985 vs 12000)", Split, 0},
		{400, "{\"message\":\"per-user series limit of 5 exceeded\"}", Limited, 0},
		{202, "replicas did not match, rejecting sample: replica=r2, elected=r1", Deduplicated, queue.Deduplicated},
		{401, "", Later, 0},
		{403, "out of order", Later, 0}, // only a 400 speaks of samples
		{404, "", Later, 0},
		{408, "", Later, 0},
		{413, "", Split, 0},
		{422, "duplicate sample for timestamp", Never, queue.DuplicateTimestamp},
		{418, "duplicate sample for timestamp", Later, 0},
		{429, "ingestion rate limit (6666.67) exceeded while adding 499 samples and 0 metadata", Later, 0},
		{429, "user=1_ws: per-user series limit (5) exceeded", Limited, 0},
		{429, "native histogram ingestion rate limit (0.1) exceeded while adding 2 native histogram samples", Later, 0},
		{500, "", Later, 0},
		{503, "out of order", Later, 0},
	} {
		a := Classify(c.code, http.Header{}, c.body, now)
		if a.Meaning != c.want || a.Reason != c.reason || a.Code != c.code {
			t.Errorf("%d %q: meaning %d, reason %s; want %d, %s", c.code, c.body, a.Meaning, a.Reason, c.want, c.reason)
		}
		if a.Meaning != Accepted && a.Next() == "" {
			t.Errorf("%d %q: nothing is said of what to do", c.code, c.body)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	for value, want := range map[string]time.Duration{
		"":                              0,
		"7":                             7 * time.Second,
		" 7 ":                           7 * time.Second,
		"-3":                            0,
		"soon":                          0,
		"86400":                         maxRetryAfter,
		"99999999999":                   maxRetryAfter,
		"-9223372036854775807":          0,
		"99999999999999999999":          maxRetryAfter,
		"Mon, 02 Nov 2026 09:00:30 GMT": 30 * time.Second,
		"Mon, 02 Nov 2026 08:00:00 GMT": 0,
	} {
		a := Classify(503, http.Header{"Retry-After": {value}}, "", now)
		if a.RetryAfter != want {
			t.Errorf("Retry-After %q: %s, want %s", value, a.RetryAfter, want)
		}
	}
}

// A refused signature is answered with the request as AWS read it, session token and all.
func TestTextHoldsNoToken(t *testing.T) {
	const mismatch = `{"message":"The request signature we calculated does not match the signature you provided.`
	for body, want := range map[string]string{
		mismatch + `\n\nThe Canonical String for this request should have been\n'POST\n/\n\nx-amz-security-token:IQoJb3JpZ2lu\n'"}`: mismatch,
		"denied: X-Amz-Security-Token: IQoJb3JpZ2lu\nmore":                                                                          "denied: X-Amz-Security-Token: (left out)",
	} {
		if a := Classify(403, http.Header{}, body, now); a.Text != want {
			t.Errorf("text %q, want %q", a.Text, want)
		}
	}
}

// FuzzClassify: whatever a receiver says, only a 400 puts samples in doubt, only a
// 2xx delivers them, and what is shown is short and valid text.
func FuzzClassify(f *testing.F) {
	f.Add(400, "out of order\nsecond line", "1")
	f.Add(200, strings.Repeat("ü", 400), "Mon, 02 Nov 2026 09:00:30 GMT")
	f.Add(429, "\xff\xfe", "-1")
	f.Fuzz(func(t *testing.T, code int, body, after string) {
		a := Classify(code, http.Header{"Retry-After": {after}}, body, now)
		switch {
		case (a.Meaning == Accepted || a.Meaning == Deduplicated) != (code >= 200 && code < 300):
			t.Errorf("%d is accepted: %v", code, a.Meaning == Accepted)
		case a.Meaning == Never && code != 400, a.Meaning == Split && code != 413 && code != 400:
			t.Errorf("%d has meaning %d", code, a.Meaning)
		case a.RetryAfter < 0 || a.RetryAfter > maxRetryAfter:
			t.Errorf("Retry-After %q is %s", after, a.RetryAfter)
		case len(a.Text) > 520 || strings.ToValidUTF8(a.Text, "") != a.Text:
			t.Errorf("text %q", a.Text)
		}
	})
}
