package dataplane

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

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
	batch := &batch{ws: ws, ctx: ctx, app: ws.db.Appender(ctx), taken: newTaken(), now: now}
	for _, ts := range req.Timeseries {
		if err := batch.add(ts); err != nil {
			return errors.Join(fmt.Errorf("append to workspace %s: %w", ws.id, err), batch.app.Rollback())
		}
	}
	if err := batch.app.Commit(); err != nil {
		return fmt.Errorf("commit to workspace %s: %w", ws.id, err)
	}
	ws.remember(req.Metadata)
	return batch.first
}

// batch is a request on its way into the TSDB.
type batch struct {
	ws      *workspace
	ctx     context.Context
	app     storage.Appender
	taken   *taken
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
	var ref storage.SeriesRef
	if getter, ok := b.app.(storage.GetRef); ok {
		ref, _ = getter.GetRef(series, series.Hash())
	}
	if ref == 0 && b.ws.db.Head().NumSeries() >= uint64(b.ws.limits.ActiveSeries) {
		return b.note(refuse(http.StatusTooManyRequests, "user=%s: per-user series limit (%d) exceeded", b.ws.tenant, b.ws.limits.ActiveSeries))
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

func toPoint(h prompb.Histogram, series labels.Labels) (p point, err error) {
	if h.Schema < -4 || h.Schema > 8 {
		return point{}, refuse(http.StatusBadRequest, "native histogram schema %d is not between -4 and 8, series: '%s'", h.Schema, series)
	}
	if h.IsFloatHistogram() {
		p.float = h.ToFloatHistogram()
		err = p.float.Validate()
	} else {
		p.integer = h.ToIntHistogram()
		err = p.integer.Validate()
	}
	if err != nil {
		return point{}, refuse(http.StatusBadRequest, "invalid native histogram: %v, series: '%s'", err, series)
	}
	return p, nil
}

// append gives the TSDB a sample that it will not drop when it commits.
func (b *batch) append(ref storage.SeriesRef, series labels.Labels, ms int64, p point) (storage.SeriesRef, error) {
	if err := b.checkTime(series, ms); err != nil {
		return ref, err
	}
	if known, err := b.taken.check(ref, ms, p, b.ws.window); known || err != nil {
		return ref, err
	}
	got, err := ref, storage.ErrOutOfOrderSample
	if p.isFloat() { // of histograms the TSDB does not tell
		got, err = b.put(ref, series, ms, p, true)
	}
	if errors.Is(err, storage.ErrOutOfOrderSample) {
		if before, found, err := b.ws.stored(b.ctx, series, ms); err != nil {
			return ref, err
		} else if found && b.ws.window > 0 {
			return ref, before.clash(p)
		}
		got, err = b.put(ref, series, ms, p, false)
	}
	if err != nil {
		return ref, err
	}
	b.taken.add(got, ms, p)
	return got, nil
}

// put appends a sample, unless it is out of order and inOrder asks to be told.
func (b *batch) put(ref storage.SeriesRef, series labels.Labels, ms int64, p point, inOrder bool) (storage.SeriesRef, error) {
	b.app.SetOptions(&storage.AppendOptions{DiscardOutOfOrder: inOrder})
	if p.isFloat() {
		return b.app.Append(ref, series, ms, p.value)
	}
	return b.app.AppendHistogram(ref, series, ms, p.integer, p.float)
}

// checkTime holds a sample against AMP's own clock, whatever the TSDB would take.
func (b *batch) checkTime(series labels.Labels, ms int64) error {
	t := timestamp.Time(ms)
	switch {
	case b.now.Sub(t) > maxSampleAge:
		return refuse(http.StatusBadRequest, "user=%s: timestamp too old (greater_than_max_sample_age): %s metric: '%s'", b.ws.tenant,
			t.UTC().Format(time.RFC3339Nano), series)
	case t.Sub(b.now) > maxSampleFuture:
		return refuse(http.StatusBadRequest, "user=%s: timestamp too new: %s metric: '%s'", b.ws.tenant, t.UTC().Format(time.RFC3339Nano), series)
	}
	return nil
}

// explain turns the TSDB's objections to a sample into AMP's.
func (b *batch) explain(err error, series labels.Labels, ms int64) error {
	text := ""
	switch {
	case errors.Is(err, storage.ErrOutOfOrderSample), errors.Is(err, storage.ErrTooOldSample), errors.Is(err, storage.ErrOutOfBounds):
		text = "out-of-order sample"
	case errors.Is(err, storage.ErrDuplicateSampleForTimestamp):
		text = "duplicate sample for timestamp (samples with different value but same timestamp)"
	default:
		return err
	}
	return refuse(http.StatusBadRequest, "user=%s: err: %s. timestamp=%s, series=%s", b.ws.tenant, text,
		timestamp.Time(ms).UTC().Format(time.RFC3339Nano), series)
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
