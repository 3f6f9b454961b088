// Package rules knows what a job's configuration makes of a page's samples: their
// names and labels, and the limits that they are held to.
package rules

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/relabel"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/prometheus/prometheus/scrape"
)

// Rules are those for the pages of a target.
type Rules struct {
	Parser          textparse.ParserOptions
	HonorTimestamps bool
	TrackTimestamps bool // series with timestamps of their own are marked stale, too
	SampleLimit     int  // 0: none
	ExtraMetrics    bool // extra_scrape_metrics

	honorLabels bool
	target      []labels.Label // of the target
	relabel     []*relabel.Config
	validation  model.ValidationScheme
	labels      int // limits; 0: none
	labelName   int
	labelValue  int
	buckets     int
	maxSchema   int32 // of a native histogram's resolution
}

// New reads the configuration of a target, and all its labels, which may say
// otherwise.
func New(c *config.ScrapeConfig, t *scrape.Target, full labels.Labels) Rules {
	flag := func(label string, otherwise bool) bool {
		if b, err := strconv.ParseBool(full.Get(label)); err == nil {
			return b
		}
		return otherwise
	}
	r := Rules{
		Parser: textparse.ParserOptions{
			IgnoreNativeHistograms:                  !flag("__scrape_native_histograms__", c.ScrapeNativeHistogramsEnabled()),
			KeepClassicOnClassicAndNativeHistograms: flag("__always_scrape_classic_histograms__", c.AlwaysScrapeClassicHistogramsEnabled()),
			ConvertClassicHistogramsToNHCB:          flag("__convert_classic_histograms_to_nhcb__", c.ConvertClassicHistogramsToNHCBEnabled()),
			FallbackContentType:                     c.ScrapeFallbackProtocol.HeaderMediaType(),
		},
		honorLabels: c.HonorLabels, HonorTimestamps: c.HonorTimestamps, TrackTimestamps: c.TrackTimestampsStaleness,
		relabel: c.MetricRelabelConfigs, validation: c.MetricNameValidationScheme,
		labels: int(c.LabelLimit), labelName: int(c.LabelNameLengthLimit), labelValue: int(c.LabelValueLengthLimit),
		SampleLimit: int(c.SampleLimit), buckets: int(c.NativeHistogramBucketLimit), maxSchema: schemaOf(c.NativeHistogramMinBucketFactor),
		ExtraMetrics: c.ExtraScrapeMetricsEnabled(),
	}
	t.LabelsRange(func(l labels.Label) { r.target = append(r.target, l) })
	return r
}

// schemaOf is the finest schema whose buckets grow by at least the factor.
func schemaOf(factor float64) int32 {
	if factor <= 1 {
		return histogram.ExponentialSchemaMax
	}
	schema := math.Floor(-math.Log2(math.Log2(factor)))
	return int32(max(float64(histogram.ExponentialSchemaMin), min(float64(histogram.ExponentialSchemaMax), schema)))
}

// Identity is what a series on the page is called: with the target's labels and
// metric_relabel_configs. It is empty for a series that they drop.
func (r *Rules) Identity(b *labels.Builder, shown labels.Labels) labels.Labels {
	b.Reset(shown)
	var moved []labels.Label // of the page, where the target has the name
	for _, l := range r.target {
		own := shown.Get(l.Name)
		if r.honorLabels && shown.Has(l.Name) {
			continue
		}
		if own != "" {
			moved = append(moved, labels.Label{Name: l.Name, Value: own})
		}
		b.Set(l.Name, l.Value)
	}
	slices.SortStableFunc(moved, func(x, y labels.Label) int { return len(x.Name) - len(y.Name) })
	for _, l := range moved {
		name := model.ExportedLabelPrefix + l.Name
		for b.Get(name) != "" {
			name = model.ExportedLabelPrefix + name
		}
		b.Set(name, l.Value)
	}
	if !relabel.ProcessBuilder(b, r.relabel...) {
		return labels.EmptyLabels()
	}
	return b.Labels()
}

// OfReport is what a series that tells of the scrape is called.
func (r *Rules) OfReport(name string) labels.Labels {
	b := labels.NewBuilder(labels.FromStrings(model.MetricNameLabel, name))
	for _, l := range r.target {
		b.Del(model.ExportedLabelPrefix + l.Name) // as Prometheus does
		b.Set(l.Name, l.Value)
	}
	return b.Labels()
}

// Errors have Prometheus' words: people search for them.
var (
	errNameLabelMandatory = errors.New("missing metric name (__name__ label)")
	// ErrBucketLimit is of a histogram that cannot be made as coarse as it must be.
	ErrBucketLimit = errors.New("histogram bucket limit exceeded")
)

// LabelLimitError says which limit on labels was passed.
type LabelLimitError string

func (e LabelLimitError) Error() string { return string(e) }

// Check says what is wrong with a series' name and labels, which fails the page.
func (r *Rules) Check(ls labels.Labels) error {
	if !ls.Has(model.MetricNameLabel) {
		return errNameLabelMandatory
	}
	if !ls.IsValid(r.validation) {
		return fmt.Errorf("invalid metric name or label names: %s", ls)
	}
	name := ls.Get(model.MetricNameLabel)
	if err := r.checkCount(name, ls.Len()); err != nil {
		return err
	}
	if r.labelName == 0 && r.labelValue == 0 {
		return nil
	}
	return ls.Validate(func(l labels.Label) error { return r.checkLengths(name, l.Name, l.Value, len(l.Value)) })
}

func (r *Rules) checkCount(metric string, n int) error {
	if r.labels > 0 && n > r.labels {
		return LabelLimitError(fmt.Sprintf("label_limit exceeded (metric: %.50s, number of labels: %d, limit: %d)", metric, n, r.labels))
	}
	return nil
}

// checkLengths looks at one label, whose value has n bytes and begins with value.
func (r *Rules) checkLengths(metric, name, value string, n int) error {
	if size := len(name); r.labelName > 0 && size > r.labelName {
		return LabelLimitError(fmt.Sprintf("label_name_length_limit exceeded (metric: %.50s, label name: %.50s, length: %d, limit: %d)",
			metric, name, size, r.labelName))
	}
	if r.labelValue > 0 && n > r.labelValue {
		return LabelLimitError(fmt.Sprintf("label_value_length_limit exceeded (metric: %.50s, "+
			"label name: %.50s, value: %.50q, length: %d, limit: %d)",
			metric, name, value, n, r.labelValue))
	}
	return nil
}

// Fit makes a native histogram as coarse as the configuration wants it.
func (r *Rules) Fit(h *histogram.Histogram, fh *histogram.FloatHistogram) error {
	if h != nil {
		if err := r.fitSchema(h.Schema, h.ReduceResolution); err != nil {
			return err
		}
		return r.fitBuckets(func() (int, int32) { return len(h.PositiveBuckets) + len(h.NegativeBuckets), h.Schema }, h.ReduceResolution)
	}
	if err := r.fitSchema(fh.Schema, fh.ReduceResolution); err != nil {
		return err
	}
	return r.fitBuckets(func() (int, int32) { return len(fh.PositiveBuckets) + len(fh.NegativeBuckets), fh.Schema }, fh.ReduceResolution)
}

func (r *Rules) fitSchema(schema int32, reduce func(int32) error) error {
	if r.maxSchema < histogram.ExponentialSchemaMax && histogram.IsExponentialSchemaReserved(schema) && schema > r.maxSchema {
		return reduce(r.maxSchema)
	}
	return nil
}

func (r *Rules) fitBuckets(size func() (int, int32), reduce func(int32) error) error {
	for r.buckets > 0 {
		n, schema := size()
		if n <= r.buckets {
			break
		}
		if !histogram.IsExponentialSchema(schema) || schema <= histogram.ExponentialSchemaMin {
			return ErrBucketLimit
		}
		if err := reduce(schema - 1); err != nil {
			return err
		}
	}
	return nil
}

// MaxBuckets limits the buckets and spans of a native histogram, so that a sample
// fits into a request. Exporters make 160 by default.
const MaxBuckets = 1 << 14

// CheckHistogram says that a histogram, one of the two, of a series with this text is too
// large or not valid: the agent of Prometheus fails such a scrape, too.
func CheckHistogram(text []byte, h *histogram.Histogram, fh *histogram.FloatHistogram) error {
	n := 0
	if h != nil {
		n = len(h.PositiveSpans) + len(h.NegativeSpans) + len(h.PositiveBuckets) + len(h.NegativeBuckets) + len(h.CustomValues)
	} else if fh != nil {
		n = len(fh.PositiveSpans) + len(fh.NegativeSpans) + len(fh.PositiveBuckets) + len(fh.NegativeBuckets) + len(fh.CustomValues)
	}
	if n > MaxBuckets {
		return fmt.Errorf("a native histogram is too large (metric: %.50s, buckets and spans: %d, limit: %d)", text, n, MaxBuckets)
	}
	var err error
	if h != nil {
		err = h.Validate()
	} else if fh != nil {
		err = fh.Validate()
	}
	if err != nil {
		return fmt.Errorf("a native histogram is not valid (metric: %.50s): %w", text, err)
	}
	return nil
}
