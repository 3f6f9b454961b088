package refresh

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/shopspring/decimal"

	"github.com/parascope/parascope/internal/cost/price"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/localaws"
	"github.com/parascope/parascope/localaws/localtest"
)

// TestAsk: what the Price List says becomes prices that last, and what it does not say is missing.
func TestAsk(t *testing.T) {
	cloud := localtest.Start(t, localaws.Options{})
	found, missing, err := Ask(t.Context(), cloud.Operator(), "us-east-1", []string{"p5.48xlarge", "p4d.24xlarge"})
	if err != nil || len(found) != 7 || !slices.Equal(missing, []price.Item{price.Instance("p4d.24xlarge")}) {
		t.Fatalf("%d found, %v missing, %v", len(found), missing, err)
	}
	file := filepath.Join(t.TempDir(), "parascope", "prices.json")
	for range 2 {
		if err := price.Save(file, found); err != nil {
			t.Fatal(err)
		}
	}
	l, err := price.List{}.WithFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for item, want := range map[price.Item]struct{ quantity, dollars string }{
		price.Samples: {"25900000000", "1012.9"}, price.Storage: {"110", "3"}, price.Queries: {"201000000000", "0.1"},
		price.NATHours: {"730", "32.85"}, price.AddressHours: {"730", "3.65"}, price.Instance("p5.48xlarge"): {"1", "55.04"},
	} {
		got, known := l.Of(item, "us-east-1", decimal.RequireFromString(want.quantity)).Amount()
		if !known || !got.Equal(decimal.RequireFromString(want.dollars)) {
			t.Errorf("%s of %s: %s, known %t; want %s", want.quantity, item, got, known, want.dollars)
		}
		if p, _ := l.Find(item, "us-east-1"); p.Date != "2026-11-01" || p.Source == "" {
			t.Errorf("%+v", p)
		}
	}
	if found, missing, err := Ask(t.Context(), cloud.Operator(), "eu-west-3", nil); err != nil || len(found) != 0 || len(missing) != 6 {
		t.Errorf("a region that AWS does not list: %v, %v, %v", found, missing, err)
	}
	if _, _, err := Ask(t.Context(), cloud.As(localtest.Sender), "us-east-1", nil); hint.CodeOf(err) != hint.Denied {
		t.Errorf("without the right: %v", err)
	}
}
