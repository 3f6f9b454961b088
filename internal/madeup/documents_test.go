package madeup

import (
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/parascope/parascope/internal/collect/pcluster"
	"github.com/parascope/parascope/internal/dashboard/lint"
	"github.com/parascope/parascope/internal/delivery"
)

// TestHeadDocument holds docs/metrics-head.md, which is written by hand, against what the
// head's collectors say of themselves.
func TestHeadDocument(t *testing.T) {
	known := lint.Documented()
	for _, f := range pcluster.Families() {
		if m := known[f.Name]; m.Type != string(f.Type) || !slices.Equal(m.Labels, f.Labels) {
			t.Errorf("%s is a %s with labels %v; the document says %+v", f.Name, f.Type, f.Labels, m)
		}
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(delivery.Collector{Status: func() delivery.Status {
		return delivery.Status{Remotes: []delivery.RemoteStatus{{Name: "amp", URL: "https://example.com"}}}
	}})
	gathered, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, f := range gathered {
		if !strings.HasPrefix(f.GetName(), "parascope_") {
			continue
		}
		seen++
		if m, ok := known[f.GetName()]; !ok || m.Type != strings.ToLower(f.GetType().String()) {
			t.Errorf("%s is a %s; the document says %+v", f.GetName(), f.GetType(), m)
		}
	}
	if seen < 10 {
		t.Errorf("%d families of delivery: this test looks in the wrong place", seen)
	}
}

// TestOwnFamilies: what the made-up pages say of our own programs is documented, with these
// types and labels.
func TestOwnFamilies(t *testing.T) {
	known := lint.Documented()
	for _, f := range ownFamilies() {
		m, ok := known[f.Name]
		for _, label := range f.Labels {
			ok = ok && slices.Contains(m.Labels, label)
		}
		if !ok || m.Type != string(f.Type) {
			t.Errorf("%s is a %s with labels %v; documented is %+v", f.Name, f.Type, f.Labels, m)
		}
	}
}
