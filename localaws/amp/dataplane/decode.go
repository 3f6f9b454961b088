package dataplane

import (
	"fmt"
	"mime"
	"net/http"

	"github.com/golang/snappy"
	"github.com/prometheus/prometheus/prompb"

	"github.com/parascope/parascope/localaws/gateway"
)

const (
	maxRequestBytes = 1 << 20 // as sent, a query's parameters in the URL included
	// maxDecodedBytes bounds what a small request can unfold to.
	maxDecodedBytes = 32 << 20
)

// checkHeaders refuses what is not Prometheus remote write 1.0.
func checkHeaders(h http.Header) error {
	if got := h.Get("Content-Encoding"); got != "snappy" && got != "" {
		return refuse(http.StatusUnsupportedMediaType, "%q is not a supported Content-Encoding, expected snappy", got)
	}
	mediaType, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil || mediaType != "application/x-protobuf" {
		return refuse(http.StatusUnsupportedMediaType, "%q is not a supported Content-Type, expected application/x-protobuf",
			h.Get("Content-Type"))
	}
	if proto, ok := params["proto"]; ok && proto != "prometheus.WriteRequest" {
		return refuse(http.StatusUnsupportedMediaType,
			"%s is not a supported protobuf message, expected prometheus.WriteRequest (remote write 1.0)", proto)
	}
	return nil
}

// decode reads a remote write 1.0 request: snappy's block format around a
// prometheus.WriteRequest.
func decode(body []byte) (*prompb.WriteRequest, error) {
	n, err := snappy.DecodedLen(body)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "snappy: %v", err)
	}
	if n > maxDecodedBytes {
		return nil, gateway.TooLarge()
	}
	raw, err := snappy.Decode(nil, body)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "snappy: %v", err)
	}
	var req prompb.WriteRequest
	if err := req.Unmarshal(raw); err != nil {
		return nil, refuse(http.StatusBadRequest, "%v", err)
	}
	return &req, nil
}

// refusal is what AMP's ingestion says to a request it refuses, as plain text.
type refusal struct {
	status int
	text   string
}

func (r *refusal) Error() string { return r.text }

func refuse(status int, format string, args ...any) error {
	return &refusal{status, fmt.Sprintf(format, args...)}
}
