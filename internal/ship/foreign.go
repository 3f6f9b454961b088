package ship

import (
	"encoding/binary"
	"math"

	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/prompb"

	"github.com/parascope/parascope/internal/queue"
	"github.com/parascope/parascope/internal/sample"
	"github.com/parascope/parascope/internal/wire"
)

// What the protocol or the receiver has no form for is not sent: a receiver refuses it
// with whatever else is in its request.
const (
	whyUTF8 = "AMP does not accept UTF-8 names: set metric_name_escaping_scheme: underscores and metric_name_validation_scheme: legacy, " +
		"or rename the label with write_relabel_configs"
	whyCustom = "remote write 1.0 does not support histograms with custom buckets: set convert_nhcb_to_classic: true in remote_write, " +
		"or convert_classic_histograms_to_nhcb: false"
)

// tagSchema is of Histogram.schema, a zigzag number.
const tagSchema = 4 << 3

// hasCustomBuckets reports whether an encoded histogram has custom buckets.
func hasCustomBuckets(encoded []byte) bool {
	for len(encoded) > 0 {
		tag, number, _, rest, err := wire.Field(encoded)
		if err != nil {
			return false
		}
		if tag == tagSchema {
			return histogram.IsCustomBucketsSchema(int32(uint32(number)>>1) ^ -int32(uint32(number)&1))
		}
		encoded = rest
	}
	return false
}

func (sh *sheet) labels(p *sample.Page, s *sample.Sample, other []byte) labels.Labels {
	if other != nil {
		return sample.DecodeLabels(other)
	}
	return p.Words.Labels(s.Labels.Of(p.Labels))
}

// customBuckets takes a sample that is a histogram with custom buckets, or ends the
// series of one: as the series of a classic histogram, or not at all. It reports
// whether it was one.
func (sh *sheet) customBuckets(p *sample.Page, s *sample.Sample, other []byte, series uint64, c *chunk) bool {
	if s.Histogram.To == s.Histogram.From {
		if !sh.set.classic || math.Float64bits(s.Value) != value.StaleNaN {
			return false
		}
		ended := sh.set.takeConverted(series)
		for _, ls := range ended {
			sh.addFloat(ls, s.Time, s.Value)
		}
		return len(ended) > 0
	}
	encoded := s.Histogram.Of(p.Histograms)
	if !hasCustomBuckets(encoded) {
		return false
	}
	ls := sh.labels(p, s, other)
	if !sh.set.classic {
		c.foreign++
		sh.example = ls.String() + ": " + whyCustom
		return true
	}
	var wire prompb.Histogram
	if err := wire.Unmarshal(encoded); err != nil {
		c.foreign++
		return true
	}
	var made []labels.Labels
	nhcb := any(wire.ToFloatHistogram())
	if !wire.IsFloatHistogram() {
		nhcb = wire.ToIntHistogram()
	}
	err := histogram.ConvertNHCBToClassic(nhcb, ls, labels.NewBuilder(ls), func(ls labels.Labels, v float64) error {
		made = append(made, ls)
		sh.addFloat(ls, s.Time, v)
		return nil
	})
	if err != nil {
		c.foreign++
		sh.example = ls.String() + ": " + err.Error()
		return true
	}
	sh.set.keepConverted(series, made)
	return true
}

// addFloat adds a sample of a series that no page has.
func (sh *sheet) addFloat(ls labels.Labels, t int64, v float64) {
	encoded := sample.AppendLabels(nil, ls)
	c := &sh.lanes[ls.Hash()%uint64(len(sh.lanes))]
	c.raw = binary.AppendUvarint(append(c.raw, wire.TagSeries), uint64(len(encoded)+wire.FloatSize(t, v)))
	c.raw = wire.AppendFloat(append(c.raw, encoded...), t, v)
	c.samples = append(c.samples, sampleEnd(len(c.raw), t))
}

func sampleEnd(end int, t int64) encoded { return encoded{end, t, false} }

// keepConverted remembers the series that a histogram was made into, until it ends or
// series are forgotten.
func (s *settings) keepConverted(series uint64, made []labels.Labels) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.converted == nil {
		s.converted = map[uint64][]labels.Labels{}
	}
	s.converted[series] = made
}

func (s *settings) takeConverted(series uint64) []labels.Labels {
	s.mu.Lock()
	defer s.mu.Unlock()
	made := s.converted[series]
	delete(s.converted, series)
	return made
}

// unsupported notes a series that is not sent.
func (r *remote) unsupported(example string) {
	now := r.wall()
	r.health.Loss(now, queue.Unsupported.String())
	r.health.Refuse(now, example)
	if r.health.Tell(now) {
		r.logger.Error("samples are not sent, because the receiver does not support them", "series", example)
	}
}

// TakesLegacyOnly reports whether a section's receiver takes no UTF-8 names: it is AMP.
func TakesLegacyOnly(c *config.RemoteWriteConfig) bool {
	return c.SigV4Config != nil && (c.SigV4Config.ServiceName == "" || c.SigV4Config.ServiceName == "aps")
}
