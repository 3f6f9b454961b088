package faults

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/golang/snappy"
	"github.com/prometheus/prometheus/prompb"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/principal"
)

// refuseSome hands the operation a request without some of its samples, and
// answers with a 400 about the first of those.
func refuseSome(f Fault, _ <-chan struct{}, inner serve) serve {
	return func(w http.ResponseWriter, r *gateway.Request) error {
		rest, first, err := without(r.Body, f.RefuseSamples)
		if err != nil || first == "" {
			return inner(w, r) // the operation has its own words for what is no request
		}
		kept := *r
		kept.Body = rest
		own := &held{header: http.Header{}}
		if err := inner(own, &kept); err != nil {
			return err
		}
		if own.status >= http.StatusMultipleChoices {
			return own.copyTo(w)
		}
		http.Error(w, fmt.Sprintf("user=%s_%s: err: out-of-order sample. %s", principal.Account, r.Labels["workspaceId"], first),
			http.StatusBadRequest)
		return nil
	}
}

// without takes the last n samples out of a remote write request. first tells of
// the first of them; it is empty when the request has no sample.
func without(body []byte, n int) (rest []byte, first string, err error) {
	message, err := snappy.Decode(nil, body)
	if err != nil {
		return nil, "", fmt.Errorf("decompress: %w", err)
	}
	var req prompb.WriteRequest
	if err := req.Unmarshal(message); err != nil {
		return nil, "", fmt.Errorf("could not decode: %w", err)
	}
	for i := len(req.Timeseries) - 1; i >= 0 && n > 0; i-- {
		ts := &req.Timeseries[i]
		keep := max(0, len(ts.Samples)-n)
		if keep == len(ts.Samples) {
			continue
		}
		n -= len(ts.Samples) - keep
		first = fmt.Sprintf("timestamp=%s, series=%s", time.UnixMilli(ts.Samples[keep].Timestamp).UTC().Format(time.RFC3339Nano),
			seriesName(ts.Labels))
		ts.Samples = ts.Samples[:keep]
	}
	message, err = req.Marshal()
	if err != nil {
		return nil, "", fmt.Errorf("could not encode: %w", err)
	}
	return snappy.Encode(nil, message), first, nil
}

// seriesName prints labels as PromQL does.
func seriesName(labels []prompb.Label) string {
	name, pairs := "", []string{}
	for _, l := range labels {
		if l.Name == "__name__" {
			name = l.Value
			continue
		}
		pairs = append(pairs, fmt.Sprintf("%s=%q", l.Name, l.Value))
	}
	if len(pairs) == 0 {
		return name
	}
	return name + "{" + strings.Join(pairs, ", ") + "}"
}

// held is an answer that may not be the one that is sent.
type held struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (h *held) Header() http.Header { return h.header }

func (h *held) WriteHeader(status int) {
	if h.status == 0 {
		h.status = status
	}
}

func (h *held) Write(b []byte) (int, error) {
	h.WriteHeader(http.StatusOK)
	return h.body.Write(b)
}

func (h *held) copyTo(w http.ResponseWriter) error {
	for name, values := range h.header {
		w.Header()[name] = values
	}
	w.WriteHeader(h.status)
	h.body.WriteTo(w) // an error means that the client is gone
	return nil
}
