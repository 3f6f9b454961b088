package dataplane

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/timestamp"
	"github.com/prometheus/prometheus/prompb"
	"github.com/prometheus/prometheus/storage"

	"github.com/parascope/parascope/localaws/gateway"
)

const (
	maxSampleAge    = time.Hour
	maxSampleFuture = 10 * time.Minute
)

// remoteWrite serves POST …/remote_write: 200 with nothing in it, or a refusal.
func (s *Store) remoteWrite(w http.ResponseWriter, r *gateway.Request) error {
	err := s.with(r, func(ws *workspace) error {
		if err := checkHeaders(r.Header); err != nil {
			return err
		}
		req, err := decode(r.Body)
		if err != nil {
			return err
		}
		return ws.ingest(r.Context(), req, r.Now)
	})
	if refused, ok := errors.AsType[*refusal](err); ok {
		http.Error(w, refused.text, refused.status)
		return nil
	}
	if err == nil {
		w.WriteHeader(http.StatusOK)
	}
	return err
}

// ingest stores what AMP would store of the request and returns its refusal, if
// any: of the whole request when it comes too fast, else of the first sample
// that was not taken. The samples that are good are kept then, too.
func (ws *workspace) ingest(ctx context.Context, req *prompb.WriteRequest, now time.Time) error {
	samples := 0
	for _, ts := range req.Timeseries {
		samples += len(ts.Samples) + len(ts.Histograms)
	}
	if !ws.rate.take(samples+len(req.Metadata), now) {
		return refuse(http.StatusTooManyRequests, "ingestion rate limit (%d) exceeded while adding %d samples and %d metadata",
			ws.limits.IngestionRate, samples, len(req.Metadata))
	}
	ws.writing.Lock() // what a request is held against must stay so until it is stored
	defer ws.writing.Unlock()
	for _, ts := range req.Timeseries {
		if len(ts.Labels) == 0 {
			return refuse(http.StatusBadRequest, "empty labels found")
		}
	}
	batch := &batch{ws: ws, ctx: ctx, app: ws.db.Appender(ctx), now: now}
	for _, ts := range req.Timeseries {
		if err := batch.add(ts); err != nil {
			return errors.Join(fmt.Errorf("could not append to workspace %s: %w", ws.id, err), batch.app.Rollback())
		}
	}
	if err := batch.app.Commit(); err != nil {
		return fmt.Errorf("could not commit to workspace %s: %w", ws.id, err)
	}
	ws.remember(req.Metadata)
	return batch.first
}

// batch is a request on its way into the TSDB.
type batch struct {
	ws      *workspace
	ctx     context.Context
	app     storage.Appender
	builder labels.ScratchBuilder
	now     time.Time
	first   error // first refusal; the batch goes on after it
}

// add appends one series. It returns only what is no fault of the sender.
func (b *batch) add(ts prompb.TimeSeries) error {
	series, err := toLabels(&b.builder, ts.Labels)
	if err != nil {
		return b.note(err)
	}
	if err := checkExemplars(ts.Exemplars, series); err != nil {
		return b.note(err) // Cortex drops the samples beside them, too
	}
	var ref storage.SeriesRef
	if getter, ok := b.app.(storage.GetRef); ok {
		ref, _ = getter.GetRef(series, series.Hash())
	}
	if ref == 0 && b.ws.db.Head().NumSeries() >= uint64(b.ws.limits.ActiveSeries) {
		limit := b.ws.limits.ActiveSeries
		return b.note(b.ingesters("per-user series limit of %d exceeded, please contact administrator to raise it "+
			"(local limit: 0 global limit: %d actual local limit: %d)", limit, limit, limit))
	}
	for _, p := range ts.Samples {
		ref, err = b.append(ref, series, p.Timestamp, point{value: p.Value})
		if err := b.note(b.explain(err, series, p.Timestamp)); err != nil {
			return err
		}
	}
	for _, h := range ts.Histograms {
		p, err := toPoint(h, series)
		if err == nil {
			ref, err = b.append(ref, series, h.Timestamp, p)
		}
		if err := b.note(b.explain(err, series, h.Timestamp)); err != nil {
			return err
		}
	}
	return nil // exemplars: AMP takes them and has no way to ask for them
}

// maxExemplarLabels bounds the names and values of an exemplar's labels, in bytes.
const maxExemplarLabels = 128

// checkExemplars refuses those that the OpenMetrics specification does not have.
func checkExemplars(all []prompb.Exemplar, series labels.Labels) error {
	for _, e := range all {
		size, b := 0, labels.NewScratchBuilder(len(e.Labels))
		for _, l := range e.Labels {
			size += len(l.Name) + len(l.Value)
			b.Add(l.Name, l.Value)
		}
		what := ""
		switch {
		case len(e.Labels) == 0:
			what = "missing labels"
		case e.Timestamp == 0:
			what = "missing timestamp"
		case size > maxExemplarLabels:
			what = fmt.Sprintf("combined labelset exceeds %d characters", maxExemplarLabels)
		default:
			continue
		}
		return refuse(http.StatusBadRequest, "exemplar %s, timestamp: %d series: %s labels: %s", what, e.Timestamp, series, b.Labels())
	}
	return nil
}

// point is a sample without its time.
type point struct {
	value   float64 // of a sample that is no histogram
	integer *histogram.Histogram
	float   *histogram.FloatHistogram
}

func toPoint(h prompb.Histogram, series labels.Labels) (p point, err error) {
	if h.Schema < -4 || h.Schema > 8 {
		return point{}, refuse(http.StatusBadRequest, "invalid native histogram schema %d for metric: %.200q. supported schema from -4 to 8",
			h.Schema, metricOf(series))
	}
	if h.IsFloatHistogram() {
		p.float = h.ToFloatHistogram()
		err = p.float.Validate()
	} else {
		p.integer = h.ToIntHistogram()
		err = p.integer.Validate()
	}
	if err != nil {
		return point{}, refuse(http.StatusBadRequest, "invalid native histogram, validation err: %v, metric: %.200q", err, metricOf(series))
	}
	return p, nil
}

// append gives the TSDB a sample. Of those that it takes, it drops some in silence when
// it commits: those that are late, or that have another value, in one request.
func (b *batch) append(ref storage.SeriesRef, series labels.Labels, ms int64, p point) (storage.SeriesRef, error) {
	if err := b.checkTime(series, ms); err != nil {
		return ref, err
	}
	if p.integer == nil && p.float == nil {
		return b.app.Append(ref, series, ms, p.value)
	}
	return b.app.AppendHistogram(ref, series, ms, p.integer, p.float)
}

// checkTime holds a sample against AMP's own clock, whatever the TSDB would take.
func (b *batch) checkTime(series labels.Labels, ms int64) error {
	t := timestamp.Time(ms)
	switch {
	case b.now.Sub(t) > maxSampleAge:
		return refuse(http.StatusBadRequest, "timestamp too old: %d metric: %.200q", ms, metricOf(series))
	case t.Sub(b.now) > maxSampleFuture:
		return refuse(http.StatusBadRequest, "timestamp too new: %d metric: %.200q", ms, metricOf(series))
	}
	return nil
}

// metricOf writes a series as Cortex' validation does.
func metricOf(series labels.Labels) string {
	metric, others := "", []string(nil)
	series.Range(func(l labels.Label) {
		if l.Name == model.MetricNameLabel {
			metric = l.Value
		} else {
			others = append(others, fmt.Sprintf("%s=%q", l.Name, l.Value))
		}
	})
	if len(others) == 0 {
		return metric
	}
	return metric + "{" + strings.Join(others, ", ") + "}"
}

// ingesters is what stands before an ingester's words.
func (b *batch) ingesters(format string, args ...any) error {
	return refuse(http.StatusBadRequest, "maxFailure (quorum) on a given error family, addr=127.0.0.1:9095 state=ACTIVE zone=, "+
		"rpc error: code = Code(400) desc = user="+b.ws.tenant+": "+format, args...)
}

// explain turns the TSDB's objections to a sample into Cortex'.
func (b *batch) explain(err error, series labels.Labels, ms int64) error {
	at := timestamp.Time(ms).UTC().Format(time.RFC3339Nano)
	switch {
	case errors.Is(err, storage.ErrOutOfOrderSample):
		return b.ingesters("err: out of order sample. timestamp=%s, series=%s", at, series)
	case errors.Is(err, storage.ErrTooOldSample):
		newest := timestamp.Time(b.ws.db.Head().MaxTime()).UTC().Format(time.RFC3339Nano)
		return b.ingesters("err: too old sample. timestamp=%s, tsdbHeadMaxTimestamp=%s, series=%s", at, newest, series)
	case errors.Is(err, storage.ErrOutOfBounds):
		return b.ingesters("err: out of bounds. timestamp=%s, series=%s", at, series)
	case errors.Is(err, storage.ErrDuplicateSampleForTimestamp):
		return b.ingesters("err: duplicate sample for timestamp %d; overrides not allowed. series=%s", ms, series)
	}
	return err
}

// note keeps the first refusal and lets only other errors through.
func (b *batch) note(err error) error {
	refused, ok := errors.AsType[*refusal](err)
	if !ok {
		return err
	}
	if b.first == nil {
		b.first = refused
	}
	return nil
}
