package cost

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/parascope/parascope/internal/cost/price"
)

func shipped(t testing.TB) price.List {
	t.Helper()
	l, err := price.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestAtRest(t *testing.T) {
	for _, c := range []struct {
		stack Stack
		lines int
		sum   string
	}{
		{Stack{Region: "us-east-2"}, 3, "$45.50"},
		{Stack{Region: "us-east-1", Editors: 3, Viewers: 2}, 4, "$73.50"},
		{Stack{Region: "us-east-2", Parameters: map[string]string{"MonitoringType": "amp-only"}}, 2, "$36.50"},
		{Stack{Region: "us-east-2", Parameters: map[string]string{"ExistingVPC": "vpc-1"}}, 1, "$9.00"},
		{Stack{Region: "eu-west-1"}, 3, "at least $12.65"},
		{Stack{Region: "mars-north-1"}, 3, "at least $12.65"},
	} {
		b := AtRest(shipped(t), c.stack)
		if len(b.Lines) != c.lines || b.Words() != c.sum {
			t.Errorf("%+v: %d lines, %s; want %d, %s", c.stack, len(b.Lines), b.Words(), c.lines, c.sum)
		}
		for _, l := range b.Lines {
			if l.Source == "" {
				t.Errorf("%s has no source", l.What)
			}
		}
	}
	b, err := OfStack(Stack{Region: "eu-west-1"})
	if err != nil || b.String() != "at least $12.65 a month before metrics are sent, at the prices of eu-west-1; 1 of 3 prices are unknown" {
		t.Errorf("%s, %v", b, err)
	}
	small := AtRest(shipped(t), Stack{Region: "eu-west-1", Parameters: map[string]string{"MonitoringType": "amp-only"}})
	if !b.Grows(small) || small.Grows(b) || b.Grows(b) {
		t.Errorf("%s and %s: which one is larger?", b, small)
	}
	text, err := json.Marshal(b)
	if err != nil || !strings.Contains(string(text), `"dollarsPerMonth":null`) || !strings.Contains(string(text), `"totalDollarsPerMonth":null`) {
		t.Errorf("%s, %v", text, err)
	}
	if u := b.Unknown(); len(u) != 1 || !strings.Contains(u[0].Source, "no price of nat.hours in eu-west-1") {
		t.Errorf("unknown: %+v", u)
	}
}
