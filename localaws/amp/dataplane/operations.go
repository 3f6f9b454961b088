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
			{Text: "a query range of more than 95 days is refused with 422 `the query time range exceeds the limit (query length: …, limit: …)`",
				Basis: gateway.Confirmed, Source: quotas + " and " + trouble + " (it documents the limit and the error text; the HTTP status " +
					"code is an assumption)"},
		}},
		{Name: "QueryMetrics (range, POST)", Method: post, Path: api + "query_range", Serve: s.prometheus("/query_range")},
		{Name: "GetLabels", Method: get, Path: api + "labels", Serve: s.prometheus("/labels")},
		{Name: "GetLabels (POST)", Method: post, Path: api + "labels", Serve: s.prometheus("/labels")},
		{Name: "GetLabels (values)", Method: get, Path: api + "label/{name}/values", Serve: s.labelValues},
		{Name: "GetSeries", Method: get, Path: api + "series", Serve: s.prometheus("/series")},
		{Name: "GetSeries (POST)", Method: post, Path: api + "series", Serve: s.prometheus("/series")},
		{Name: "GetMetricMetadata", Method: get, Path: api + "metadata", Serve: s.getMetadata, Rules: []gateway.Rule{
			{Text: "metadata is limited to 1 KB per description, 10 descriptions per metric and 20,000 metrics; further metadata is " +
				"omitted", Basis: gateway.Confirmed,
				Source: quotas + " (it is assumed that further metadata is omitted without an error)"},
			{Text: "metadata is kept in memory; after a restart it is missing until senders send it again", Basis: gateway.Assumed,
				Source: "a simplification of the local cloud"},
		}},
		{Name: "ListRules", Method: get, Path: api + "rules", Serve: s.listed("/rules"), Rules: []gateway.Rule{
			{Text: "the response is that of Prometheus' API, with the namespace in the field file, and empty errorType and " +
				"error", Basis: gateway.Confirmed,
				Source: reference + ", ListRules (it documents the form of the response)"},
		}},
		{Name: "ListAlerts", Method: get, Path: api + "alerts", Serve: s.listed("/alerts"), Rules: []gateway.Rule{
			{Text: "the response is that of Prometheus' API, with empty errorType and error", Basis: gateway.Confirmed,
				Source: reference + ", ListAlerts (it documents the form of the response)"},
		}},
	}
}

func writeRules() []gateway.Rule {
	return []gateway.Rule{
		{Text: "a successful request returns 200 without a body", Basis: gateway.Confirmed, Source: reference + ", RemoteWrite"},
		{Text: "only remote write 1.0 is supported: other protobuf messages, content types and encodings are refused with " +
			"415", Basis: gateway.Inferred,
			Source: reference + ", RemoteWrite (it documents 1.0 only); the remote write specification requires a 1.0 receiver to return 415"},
		{Text: "a body of more than 32 MB after decompression is refused with 413", Basis: gateway.Assumed, Source: "a limit of the local cloud"},
		{Text: "a body that is not snappy or not protobuf is refused with 400, and nothing is stored", Basis: gateway.Inferred, Source: cortex},
		{Text: "a sample older than one hour by the local cloud's clock is refused with 400 (`timestamp too old: MS metric: …`)",
			Basis: gateway.Confirmed, Source: quotas + " and " + trouble + " (it documents the rule and the error text; the HTTP status " +
				"code is inferred)"},
		{Text: "a sample more than 10 minutes ahead of the local cloud's clock is refused with 400", Basis: gateway.Assumed,
			Source: "Cortex' default creation_grace_period"},
		{Text: "a sample behind the newest by more than the workspace's out-of-order window (60 s by default, 0 to 600) is refused with 400 " +
			"(`err: too old sample`; without an out-of-order window, `err: out of order " +
			"sample`)", Basis: gateway.Confirmed, Source: quotas + " and " + trouble},
		{Text: "a different value for an existing timestamp is refused with 400 (`duplicate sample for timestamp`); an identical value " +
			"is accepted", Basis: gateway.Confirmed, Source: trouble + " (accepting an identical value is inferred from Cortex)"},
		{Text: "within one request, a second value for the same timestamp and a sample outside the out-of-order window are dropped " +
			"without an error, and the response is 200", Basis: gateway.Inferred, Source: cortex + "; measured on Cortex, whose TSDB drops " +
			"them when it " +
			"commits"},
		{Text: "if the response is 400, the valid samples of the request are stored; the error text describes the first refused " +
			"sample", Basis: gateway.Inferred,
			Source: cortex},
		{Text: "a request with more samples and metadata than the token bucket of the ingestion rate holds is rejected as a whole with 429 " +
			"(`ingestion rate limit (N) exceeded while adding S samples and M metadata`)", Basis: gateway.Confirmed,
			Source: quotas + " (`the entire request is rejected`) and " + trouble},
		{Text: "a new series above the limit of active series is refused with 400 (`per-user series limit of N exceeded`); samples of existing " +
			"series are kept", Basis: gateway.Confirmed, Source: trouble + " (it documents status 429 too; status 400 was measured on Cortex)"},
		{Text: "a series with more than 150 labels, or with more than 7 KB of label names and values, is refused with 400 (`series has " +
			"too many labels`)", Basis: gateway.Confirmed,
			Source: quotas + " and " + trouble + " (the HTTP status code is an assumption)"},
		{Text: "a series requires a metric name; label and metric names must be valid in Prometheus 2 (no UTF-8); a duplicate label is " +
			"refused with 400",
			Basis: gateway.Confirmed, Source: quotas + " (it documents the required metric name; the other rules are assumed to be those " +
				"of Cortex)"},
		{Text: "label names of more than 1,024 bytes and label values of more than 2,048 bytes are refused with 400 (`label value too " +
			"long for metric`); if a series has no labels, the whole request is refused (`empty labels found`)", Basis: gateway.Inferred,
			Source: cortex + "; its default limits were measured"},
		{Text: "a request without Content-Encoding is decoded as snappy", Basis: gateway.Inferred, Source: cortex + "; measured on Cortex"},
		{Text: "a label value that is not UTF-8 is refused with 400, because JSON responses could not contain it", Basis: gateway.Inferred,
			Source: "Prometheus' data model: label values are UTF-8, and its own receiver refuses others; Cortex returns 200"},
		{Text: "native histograms of schema -4 to 8 are stored; exemplars are accepted and dropped", Basis: gateway.Confirmed,
			Source: quotas + " (it documents histograms; the handling of exemplars is an assumption)"},
		{Text: "an exemplar without labels or timestamp, or with more than 128 bytes of labels, is refused with 400 (`exemplar missing " +
			"labels`), and the " +
			"samples of its series in that request are dropped", Basis: gateway.Inferred, Source: cortex + "; the first case was measured"},
	}
}

// Rules are what holds for the data plane as a whole.
func (s *Store) Rules() []gateway.Rule {
	return []gateway.Rule{
		{Text: "a request to a workspace that does not exist, is not ACTIVE, or is in another region, is refused before its samples are read",
			Basis: gateway.Assumed, Source: nothingIs + "; the error texts are those of the control plane"},
		{Text: "a write or query request of more than 1 MB (1,048,576 bytes of body and query string, as sent) is refused with 413 " +
			"`{\"message\": " +
			"\"Request size exceeded\"}`", Basis: gateway.Confirmed,
			Source: quotas + " (`request size 1 MB (ingest or query)`; the HTTP status code, the unit, the form and the error text are " +
				"assumptions)"},
		{Text: "quotas on requests per second (3,000 RemoteWrite, 300 QueryMetrics, 10 labels and series) are not enforced",
			Basis: gateway.Assumed, Source: "a simplification of the local cloud; the quotas are in " + quotas},
		{Text: "`first_over_time`, `smoothed` and `anchored` are refused with 400 bad_data; `holt_winters` is supported; other parse " +
			"errors have Prometheus' text with the prefix `invalid parameter \"query\"`, which Cortex does not have", Basis: gateway.Inferred,
			Source: "measured on Cortex, which AMP is built on"},
		{Text: "invalid PromQL is refused with 400 bad_data, in the form of Prometheus' API; a query may load at most 50,000,000 " +
			"samples", Basis: gateway.Confirmed,
			Source: quotas + " (AMP applies the limit to each 24 hours of range, the local cloud to the whole query)"},
		{Text: "a query that takes longer than one minute, or longer than its timeout parameter, returns 422 execution `query timed out " +
			"- consider simplifying your " +
			"query`", Basis: gateway.Confirmed, Source: trouble + " (it documents the minute; the response for the timeout parameter is an " +
			"assumption)"},
		{Text: "a range query of more than 11,000 steps is refused with 400 bad_data `exceeded maximum resolution of 11,000 points per " +
			"timeseries`",
			Basis: gateway.Inferred, Source: "Prometheus' HTTP API, which AMP implements"},
		{Text: "a query whose subqueries have more than 10,000,000 steps, or whose outer steps read more than 500,000,000 points of " +
			"subqueries, is refused before evaluation with 422 execution `query processing would load too many samples into memory in " +
			"query execution`",
			Basis: gateway.Assumed, Source: "a limit of the local cloud with the error text of Prometheus: AMP's limit is unknown, and " +
				"Prometheus allocates the memory before it checks"},
		{Text: "a query of more than 10,000 tokens, with regular expressions of more than 262,144 instructions, or whose label_replace " +
			"and label_join can produce more than 256 KB of labels for a series, is refused with 422 execution", Basis: gateway.Assumed,
			Source: "limits of the local cloud, which prevent one query from exhausting the machine's memory"},
		{Text: "at most four queries run at once across all workspaces; the others wait for up to a minute", Basis: gateway.Assumed,
			Source: "a limit of the local cloud"},
		{Text: "an unknown path, such as one with a trailing slash, returns 403 `Missing Authentication Token`", Basis: gateway.Confirmed,
			Source: "user reports (prometheus-community/helm-charts#4687, vectordotdev/vector#7814)"},
	}
}
