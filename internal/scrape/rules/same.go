package rules

import (
	"reflect"

	config_util "github.com/prometheus/common/config"
	"github.com/prometheus/prometheus/config"
)

// SameSeries reports whether two configurations of a job make the same series of
// a page. What says which targets there are, how and when they are scraped, and how
// much they may show, makes no other series.
func SameSeries(a, b *config.ScrapeConfig) bool {
	x, y := *a, *b
	for _, c := range []*config.ScrapeConfig{&x, &y} {
		c.ScrapeInterval, c.ScrapeTimeout, c.HTTPClientConfig = 0, 0, config_util.HTTPClientConfig{}
		c.SampleLimit, c.BodySizeLimit, c.TargetLimit, c.KeepDroppedTargets = 0, 0, 0, 0
		c.LabelLimit, c.LabelNameLengthLimit, c.LabelValueLengthLimit = 0, 0, 0
		c.NativeHistogramBucketLimit, c.NativeHistogramMinBucketFactor = 0, 0
		c.ServiceDiscoveryConfigs, c.RelabelConfigs, c.EnableCompression, c.ScrapeFailureLogFile = nil, nil, false, ""
	}
	return reflect.DeepEqual(x, y)
}

// SameLimits reports whether two configurations hold a series' labels to the same
// limits. They are looked at when a series is new.
func SameLimits(a, b *config.ScrapeConfig) bool {
	return a.LabelLimit == b.LabelLimit && a.LabelNameLengthLimit == b.LabelNameLengthLimit &&
		a.LabelValueLengthLimit == b.LabelValueLengthLimit
}
