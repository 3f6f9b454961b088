package dataplane

import (
	"net/http"
	"unicode/utf8"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/prompb"
)

const (
	maxLabels     = 150
	maxLabelBytes = 7 << 10 // names and values of a series together
	maxNameBytes  = 1024    // of a label
	maxValueBytes = 2048
)

// toLabels checks a series against AMP's limits. Labels without a value are, as
// everywhere in Prometheus, labels that are not there.
func toLabels(b *labels.ScratchBuilder, pairs []prompb.Label) (labels.Labels, error) {
	b.Reset()
	size, count := 0, 0
	for _, l := range pairs {
		if l.Value == "" {
			continue
		}
		if !model.LegacyValidation.IsValidLabelName(l.Name) {
			return labels.EmptyLabels(), refuse(http.StatusBadRequest, "sample invalid label: %q", l.Name)
		}
		if !utf8.ValidString(l.Value) {
			return labels.EmptyLabels(), refuse(http.StatusBadRequest, "sample invalid label value: %s=%q", l.Name, l.Value)
		}
		b.Add(l.Name, l.Value)
		size += len(l.Name) + len(l.Value)
		count++
	}
	b.Sort()
	series := b.Labels()
	if name, twice := series.HasDuplicateLabelNames(); twice {
		return series, refuse(http.StatusBadRequest, "duplicate label name: %q series: '%s'", name, series)
	}
	if count > maxLabels {
		return series, refuse(http.StatusBadRequest, "series has too many labels (actual: %d, limit: %d) series: '%s'", count, maxLabels, series)
	}
	if size > maxLabelBytes {
		return series, refuse(http.StatusBadRequest, "series has too large labels (actual: %d, limit: %d) series: '%s'", size, maxLabelBytes,
			series)
	}
	if err := checkLengths(series); err != nil {
		return series, err
	}
	switch name := series.Get(model.MetricNameLabel); {
	case name == "":
		return series, refuse(http.StatusBadRequest, "sample missing metric name")
	case !model.LegacyValidation.IsValidMetricName(name):
		return series, refuse(http.StatusBadRequest, "sample invalid metric name: %q", name)
	}
	return series, nil
}

// checkLengths holds names and values against Cortex' default limits.
func checkLengths(series labels.Labels) (err error) {
	series.Range(func(l labels.Label) {
		switch {
		case err != nil:
		case len(l.Name) > maxNameBytes:
			err = refuse(http.StatusBadRequest, "label name too long for metric (actual: %d, limit: %d) metric: %.200q label name: %.200q",
				len(l.Name), maxNameBytes, metricOf(series), l.Name)
		case len(l.Value) > maxValueBytes:
			err = refuse(http.StatusBadRequest,
				"label value too long for metric (actual: %d, limit: %d) metric: %.200q label name: %.200q label value: %.200q",
				len(l.Value), maxValueBytes, metricOf(series), l.Name, l.Value)
		}
	})
	return err
}
