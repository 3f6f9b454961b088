package price

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/parascope/parascope/internal/collect/gpu"
)

func shipped(t testing.TB) List {
	t.Helper()
	l, err := Shipped()
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestEveryPriceHasASource: a price without source and date would be a guess.
func TestEveryPriceHasASource(t *testing.T) {
	l := shipped(t)
	for k, p := range l.prices {
		if k.item != p.Item || k.region != p.Region {
			t.Errorf("%v has the price of %s in %q", k, p.Item, p.Region)
		}
		if p.Source == "" || p.Unit == "" || !p.Per.IsPositive() || len(p.Tiers) == 0 {
			t.Errorf("%v: source, unit or tiers are missing: %+v", k, p)
		}
		if day, err := time.Parse(time.DateOnly, p.Date); err != nil || day.Year() < 2021 {
			t.Errorf("%v: the date is %q", k, p.Date)
		}
		for i, tier := range p.Tiers {
			if i == 0 && !tier.From.IsZero() || i > 0 && !tier.From.GreaterThan(p.Tiers[i-1].From.Decimal) {
				t.Errorf("%v: tiers do not ascend from 0: %+v", k, p.Tiers)
			}
		}
	}
	if n := len(l.prices); n < 700 {
		t.Errorf("%d prices are read; the tables have more", n)
	}
}

// TestInstanceTypes holds the table against the GPU collector's: both say how many GPUs a type has.
func TestInstanceTypes(t *testing.T) {
	l := shipped(t)
	for name, has := range l.types {
		if n, known := gpu.DevicesOf(name); !known || n != has.GPUs {
			t.Errorf("%s has %d GPUs here, %d in the collector (known: %t)", name, has.GPUs, n, known)
		}
		if has.VCPUs == 0 {
			t.Errorf("%s has no CPUs", name)
		}
	}
}

// TestKnownPrices are figures of public bills and price lists.
func TestKnownPrices(t *testing.T) {
	l := shipped(t)
	for _, c := range []struct {
		item     Item
		region   string
		quantity string
		want     string
	}{
		{Samples, "us-east-1", "40000000", "0"},
		{Samples, "us-east-1", "50000000", "0.9"},
		{Samples, "us-east-1", "2000000000", "176.4"},
		{Samples, "us-east-1", "25900000000", "1012.9"}, // 176.40 and 23.9 B at 0.35
		{Samples, "us-east-1", "252000000001", "8926.400000016"},
		{Storage, "us-east-1", "110", "3"},
		{Queries, "us-east-1", "201000000000", "0.1"},
		{NATHours, "us-east-2", "730", "32.85"},
		{AddressHours, "eu-central-1", "730", "3.65"},
		{Editor, "ap-south-1", "10", "90"},
		{Instance("p5.48xlarge"), "us-east-1", "1", "55.04"},
		{Instance("p5.48xlarge"), "eu-north-1", "1", "58.8928"},
	} {
		got, known := l.Of(c.item, c.region, decimal.RequireFromString(c.quantity)).Amount()
		if !known || !got.Equal(decimal.RequireFromString(c.want)) {
			t.Errorf("%s of %s in %s cost %s, known %t; want %s", c.quantity, c.item, c.region, got, known, c.want)
		}
	}
}

// TestUnknownIsNeverNothing: what has no price has none in any form.
func TestUnknownIsNeverNothing(t *testing.T) {
	l := shipped(t)
	one := decimal.NewFromInt(1)
	for _, d := range []Dollars{
		l.Of(NATHours, "eu-west-1", one), l.Of("no.item", "us-east-1", one), l.Of(Instance("p5e.48xlarge"), "us-east-1", one),
		l.Of(Samples, "us-east-2", decimal.NewFromInt(50_000_000)), l.Of(NATHours, "eu-west-1", decimal.Zero).Plus(Exactly(one)), {},
	} {
		text, err := json.Marshal(d)
		if _, known := d.Amount(); known || err != nil || string(text) != "null" || d.String() != "unknown" || d.Times(decimal.Zero).IsKnown() {
			t.Errorf("%s, %s, %v", d, text, err)
		}
	}
	if d := l.Of(Samples, "us-east-2", decimal.NewFromInt(40_000_000)); d.String() != "$0.00" {
		t.Errorf("what is free in every region costs %s", d)
	}
}

func TestDollars(t *testing.T) {
	for _, c := range []struct{ text, want, exact string }{
		{"1234567.895", "$1,234,567.90", "$1234567.895"}, {"0.004", "under $0.01", "$0.004"}, {"0", "$0.00", "$0"},
		{"$55.04", "$55.04", "$55.04"}, {"999.99", "$999.99", "$999.99"},
	} {
		d, err := ParseDollars(c.text)
		if err != nil || d.String() != c.want || d.Exact() != c.exact {
			t.Errorf("%s: %s, %s, %v", c.text, d, d.Exact(), err)
		}
	}
	for _, bad := range []string{"", "-1", "1e99999", "55,04", "NaN", "$", "€5"} {
		if d, err := ParseDollars(bad); err == nil {
			t.Errorf("%q is %s", bad, d.Exact())
		}
	}
	sum := Exactly(decimal.Zero)
	for range 1000 {
		sum = sum.Plus(Exactly(decimal.RequireFromString("0.1")))
	}
	if sum.Exact() != "$100" {
		t.Errorf("a thousand times $0.1 is %s", sum.Exact())
	}
	var back Dollars
	if err := json.Unmarshal([]byte("12.340"), &back); err != nil || back.Exact() != "$12.34" {
		t.Errorf("%s, %v", back.Exact(), err)
	}
}

func TestRates(t *testing.T) {
	l := shipped(t)
	mine := l.WithRate("p5.48xlarge", Exactly(decimal.NewFromInt(31)))
	for _, region := range []string{"us-east-1", "eu-north-1", "af-south-1"} {
		if p, _ := mine.Find(Instance("p5.48xlarge"), region); p.Of(decimal.NewFromInt(1)).Exact() != "$31" || p.Source != RateSource {
			t.Errorf("%s: %+v", region, p)
		}
	}
	if p, _ := l.Find(Instance("p5.48xlarge"), "us-east-1"); p.Source == RateSource {
		t.Error("the shipped list has changed")
	}
	older := Price{Item: NATHours, Region: "us-east-1", Date: "2020-01-01"}
	newer := Price{Item: NATHours, Region: "us-east-1", Date: "2027-01-01"}
	if p, _ := l.With(older).Find(NATHours, "us-east-1"); p.Date == "2020-01-01" {
		t.Error("an older price replaced a newer one")
	}
	if p, _ := l.With(newer).Find(NATHours, "us-east-1"); p.Date != "2027-01-01" {
		t.Error("a newer price did not replace an older one")
	}
	if !slices.Contains(l.Regions(), "us-east-2") || slices.Contains(l.Regions(), "") {
		t.Errorf("regions %v", l.Regions())
	}
}

func TestRegionOfMachine(t *testing.T) {
	root := t.TempDir()
	if got := RegionOfMachine(root); got != "" {
		t.Errorf("a machine without the file is in %q", got)
	}
	if err := os.MkdirAll(root+"/etc/parallelcluster", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(root+"/etc/parallelcluster/cfnconfig", []byte("stack_name=x\ncfn_region=\"eu-west-1\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := RegionOfMachine(root); got != "eu-west-1" {
		t.Errorf("region %q", got)
	}
}

// FuzzReadPrices: a file of any kind is refused, or has prices that can be reckoned with.
func FuzzReadPrices(f *testing.F) {
	f.Add(`[{"item":"nat.hours","region":"us-east-1","unit":"hour","per":1,"tiers":[{"from":0,"dollars":0.045}],"date":"2026-11-01","source":"x"}]`)
	f.Add(`[{"item":"a","per":0,"tiers":[{"from":0,"dollars":null}],"date":"2026-11-01","source":"x"}]`)
	f.Add(`{`)
	f.Fuzz(func(_ *testing.T, text string) {
		prices, err := readPrices("p.json", strings.NewReader(text))
		if err == nil {
			for _, p := range prices {
				_ = p.Of(decimal.NewFromInt(1)).String()
			}
		}
	})
}
