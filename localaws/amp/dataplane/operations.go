package dataplane

import (
	"net/http"

	"github.com/parascope/parascope/localaws/gateway"
)

// Sources of the rules below, named once.
const (
	userGuide = "AMP user guide"
	quotas    = "AMP user guide, service quotas"
	trouble   = "AMP user guide, troubleshooting"
	reference = "AMP user guide, Prometheus-compatible APIs"
	cortex    = "behaviour of Cortex, which AMP is built on (cortexproject/cortex#2662)"
	nothingIs = "no source found"
)

// Operations are the Prometheus-compatible APIs at AMP's paths.
func (s *Store) Operations() []gateway.Operation {
	const (
		api       = "/workspaces/{workspaceId}/api/v1/"
		get, post = http.MethodGet, http.MethodPost
	)
	return []gateway.Operation{
		{Name: "RemoteWrite", Method: post, Path: api + "remote_write", Serve: s.remoteWrite, Rules: writeRules()},
		{Name: "QueryMetrics", Method: get, Path: api + "query", Serve: s.prometheus("/query")},
		{Name: "QueryMetrics (POST)", Method: post, Path: api + "query", Serve: s.prometheus("/query")},
		{Name: "QueryMetrics (range)", Method: get, Path: api + "query_range", Serve: s.prometheus("/query_range"), Rules: []gateway.Rule{
			{Text: "a range of more than 95 days: 422 `the query time range exceeds the limit (query length: …, limit: …)`",
				Basis: gateway.Confirmed, Source: quotas + " and " + trouble + " (the limit and the text; the HTTP status code is an assumption)"},
		}},
		{Name: "QueryMetrics (range, POST)", Method: post, Path: api + "query_range", Serve: s.prometheus("/query_range")},
		{Name: "GetLabels", Method: get, Path: api + "labels", Serve: s.prometheus("/labels")},
		{Name: "GetLabels (POST)", Method: post, Path: api + "labels", Serve: s.prometheus("/labels")},
		{Name: "GetLabels (values)", Method: get, Path: api + "label/{name}/values", Serve: s.labelValues},
		{Name: "GetSeries", Method: get, Path: api + "series", Serve: s.prometheus("/series")},
		{Name: "GetSeries (POST)", Method: post, Path: api + "series", Serve: s.prometheus("/series")},
		{Name: "GetMetricMetadata", Method: get, Path: api + "metadata", Serve: s.getMetadata, Rules: []gateway.Rule{
			{Text: "1 KB per description, 10 descriptions per metric, 20,000 metrics; further metadata is left out", Basis: gateway.Confirmed,
				Source: quotas + " (assumed: it is left out without an error)"},
			{Text: "metadata is kept in memory; after a restart it is missing until senders send it again", Basis: gateway.Assumed,
				Source: "a simplification of the local cloud"},
		}},
		{Name: "ListRules", Method: get, Path: api + "rules", Serve: s.listed("/rules"), Rules: []gateway.Rule{
			{Text: "the response of Prometheus' API, with the namespace in the field file, and empty errorType and error", Basis: gateway.Confirmed,
				Source: reference + ", ListRules (the form)"},
		}},
		{Name: "ListAlerts", Method: get, Path: api + "alerts", Serve: s.listed("/alerts"), Rules: []gateway.Rule{
			{Text: "the response of Prometheus' API, with empty errorType and error", Basis: gateway.Confirmed,
				Source: reference + ", ListAlerts (the form)"},
		}},
	}
}

func writeRules() []gateway.Rule {
	return []gateway.Rule{
		{Text: "success is 200 without a body", Basis: gateway.Confirmed, Source: reference + ", RemoteWrite"},
		{Text: "remote write 1.0 only: another protobuf message, content type or encoding is 415", Basis: gateway.Inferred,
			Source: reference + ", RemoteWrite documents 1.0 only; 415 is what the remote write specification asks of a 1.0 receiver"},
		{Text: "a body of more than 32 MB after decompression is 413 too", Basis: gateway.Assumed, Source: "a bound of the local cloud"},
		{Text: "a body that is not snappy or not protobuf is 400, and nothing is stored", Basis: gateway.Inferred, Source: cortex},
		{Text: "a sample older than one hour by the cloud's clock is refused with 400 (`timestamp too old: MS metric: …`)",
			Basis: gateway.Confirmed, Source: quotas + " and " + trouble + " (the rule and the word; the status is inferred)"},
		{Text: "a sample more than 10 minutes ahead of the cloud's clock is refused with 400", Basis: gateway.Assumed,
			Source: "Cortex' default creation_grace_period"},
		{Text: "a sample behind the newest by more than the workspace's out-of-order window (60 s by default, 0 to 600) is refused with 400 " +
			"(`err: too old sample`, without a window `err: out of order sample`)", Basis: gateway.Confirmed, Source: quotas + " and " + trouble},
		{Text: "another value for an existing timestamp is refused with 400 (`duplicate sample for timestamp`); the same value again is " +
			"accepted", Basis: gateway.Confirmed, Source: trouble + " (the second half is inferred from Cortex)"},
		{Text: "within one request another value for a timestamp, and a sample later than the window allows, are dropped without an " +
			"error, and the response is 200", Basis: gateway.Inferred, Source: cortex + "; measured on Cortex, whose TSDB drops them when it " +
			"commits"},
		{Text: "a 400 keeps the good samples of the request; its text describes the first refused sample", Basis: gateway.Inferred,
			Source: cortex},
		{Text: "a request with more samples and metadata than the token bucket of the ingestion rate holds is rejected as a whole with 429 " +
			"(`ingestion rate limit (N) exceeded while adding S samples and M metadata`)", Basis: gateway.Confirmed,
			Source: quotas + " (`the entire request is rejected`) and " + trouble},
		{Text: "a new series above the limit of active series is refused with 400 (`per-user series limit of N exceeded`); samples of existing " +
			"series are kept", Basis: gateway.Confirmed, Source: trouble + " (it prints a 429, too; the 400 is what Cortex was measured to answer)"},
		{Text: "more than 150 labels, or 7 KB of names and values, per series: 400 (`series has too many labels`)", Basis: gateway.Confirmed,
			Source: quotas + " and " + trouble + " (the HTTP status code is an assumption)"},
		{Text: "a series needs a metric name; label and metric names are those of Prometheus 2 (no UTF-8); a label twice is 400",
			Basis: gateway.Confirmed, Source: quotas + " (metric name required; the rest is assumed from Cortex)"},
		{Text: "label names of more than 1,024 bytes and values of more than 2,048 are 400 (`label value too long for metric`); a series " +
			"without labels refuses the whole request (`empty labels found`)", Basis: gateway.Inferred,
			Source: cortex + "; its default limits, as measured"},
		{Text: "a request without Content-Encoding is decoded as snappy", Basis: gateway.Inferred, Source: cortex + "; as measured"},
		{Text: "a label value that is not UTF-8 is 400, because JSON responses could not contain it", Basis: gateway.Inferred,
			Source: "Prometheus' data model: label values are UTF-8, and its own receiver refuses others; Cortex answers 200"},
		{Text: "native histograms of schema -4 to 8 are stored; exemplars are accepted and dropped", Basis: gateway.Confirmed,
			Source: quotas + " (histograms; exemplars are assumed)"},
		{Text: "an exemplar without labels or timestamp, or with more than 128 bytes of labels, is 400 (`exemplar missing labels`), and the " +
			"samples of its series in that request are dropped", Basis: gateway.Inferred, Source: cortex + "; the first was measured"},
	}
}

// Rules are what holds for the data plane as a whole.
func (s *Store) Rules() []gateway.Rule {
	return []gateway.Rule{
		{Text: "a request to a workspace that does not exist, is not ACTIVE, or is in another region, is refused before its samples are read",
			Basis: gateway.Assumed, Source: nothingIs + "; see the control plane for the texts"},
		{Text: "a write or query request of more than 1 MB (1,048,576 bytes of body and query string, as sent) is 413 `{\"message\": " +
			"\"Request size exceeded\"}`", Basis: gateway.Confirmed,
			Source: quotas + " (`request size 1 MB (ingest or query)`; status, unit, form and text are assumed)"},
		{Text: "quotas on requests per second (3,000 RemoteWrite, 300 QueryMetrics, 10 labels and series) are not enforced",
			Basis: gateway.Assumed, Source: "a simplification of the local cloud; the quotas are in " + quotas},
		{Text: "`first_over_time`, `smoothed` and `anchored` are not enabled: 400 bad_data; `holt_winters` is evaluated. Other parse errors " +
			"are in Prometheus' words, with `invalid parameter \"query\"` before them, which Cortex does not have", Basis: gateway.Inferred,
			Source: "measured on Cortex, AMP's engine"},
		{Text: "bad PromQL is 400 bad_data, in the form of Prometheus' API; a query may touch 50,000,000 samples", Basis: gateway.Confirmed,
			Source: quotas + " (per 24 hours of range at AMP, here of the whole query)"},
		{Text: "a query that takes longer than a minute, or than its own timeout: 422 execution `query timed out - consider simplifying your " +
			"query`", Basis: gateway.Confirmed, Source: trouble + " (the minute; assumed: the same response for the request's own timeout)"},
		{Text: "a range query of more than 11,000 steps is 400 bad_data `exceeded maximum resolution of 11,000 points per timeseries`",
			Basis: gateway.Inferred, Source: "Prometheus' HTTP API, which AMP has"},
		{Text: "a query whose subqueries have more than 10,000,000 steps, or whose outer steps look at more than 500,000,000 of their points, " +
			"is refused before it is evaluated: 422 execution `query processing would load too many samples into memory in query execution`",
			Basis: gateway.Assumed, Source: "a bound of the local cloud, in Prometheus' words: AMP's limit is unknown, and Prometheus " +
				"allocates the memory before it counts"},
		{Text: "a query of more than 10,000 tokens, with regular expressions of more than 262,144 instructions, or whose label_replace and " +
			"label_join can make more than 256 KB of labels for a series: 422 execution", Basis: gateway.Assumed,
			Source: "limits of the local cloud, so that one query cannot exhaust it"},
		{Text: "at most four queries of all workspaces run at once; the others wait for up to a minute", Basis: gateway.Assumed,
			Source: "a bound of the local cloud"},
		{Text: "an unknown path, such as one with a trailing slash, is 403 `Missing Authentication Token`", Basis: gateway.Confirmed,
			Source: "reports of users (prometheus-community/helm-charts#4687, vectordotdev/vector#7814)"},
	}
}
