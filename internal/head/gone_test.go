package head

import (
	"context"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/model/labels"
	promscrape "github.com/prometheus/prometheus/scrape"
)

// TestGoneAsksWithWhatDiscoverySaid: relabelling changes neither the node nor the address.
func TestGoneAsksWithWhatDiscoverySaid(t *testing.T) {
	if Gone(nil).ofTarget() != nil {
		t.Error("without anybody who knows, somebody is asked")
	}
	var asked []string
	gone := Gone(func(_ context.Context, node, address string, _ time.Time) bool {
		asked = append(asked, node+" at "+address)
		return true
	}).ofTarget()
	target := func(found model.LabelSet) *promscrape.Target {
		return promscrape.NewTarget(labels.FromStrings(model.AddressLabel, "proxy:80", "node", "other"), &config.ScrapeConfig{}, found, nil)
	}
	if !gone(t.Context(), target(model.LabelSet{model.AddressLabel: "10.0.0.7:9100", "node": "q-dy-cr-1"}), time.Time{}) {
		t.Error("the answer did not come through")
	}
	if gone(t.Context(), target(model.LabelSet{model.AddressLabel: "10.0.0.1:9100"}), time.Time{}) {
		t.Error("a target of no node is gone")
	}
	if len(asked) != 1 || asked[0] != "q-dy-cr-1 at 10.0.0.7:9100" {
		t.Errorf("asked about %q", asked)
	}
}
