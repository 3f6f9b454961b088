package costs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"

	"github.com/parascope/parascope/internal/cost"
	"github.com/parascope/parascope/internal/cost/census"
	"github.com/parascope/parascope/internal/cost/price"
	"github.com/parascope/parascope/internal/cost/report"
	"github.com/parascope/parascope/internal/term"
)

// estimateOf estimates a cluster with queues of GPUs and CPUs.
func estimateOf(t *testing.T, region, pricesOf string) cost.Estimate {
	t.Helper()
	l, err := price.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	w := cost.DefaultWorkload()
	w.Interval, w.Viewers = 30*time.Second, 4
	c := census.Census{Queues: 2, Groups: []census.Group{
		{Kind: census.Head, Name: "head node", InstanceType: "m7i.xlarge", Min: 1, Max: 1},
		{Kind: census.Compute, Name: "gpu/h100", InstanceType: "p5.48xlarge", Min: 2, Max: 8, EFA: true},
		{Kind: census.Compute, Name: "cpu/any", InstanceType: "c7i.2xlarge", Max: 10},
	}}
	if err := cost.Place(&w, l, c); err != nil {
		t.Fatal(err)
	}
	return cost.New(l, cost.Ask{Stack: cost.Stack{Region: region}, PricesOf: pricesOf, Workload: w})
}

// TestEstimateAtWidths: every width shows the same, and no line is wider than the terminal unless
// a word of it is.
func TestEstimateAtWidths(t *testing.T) {
	e := estimateOf(t, "us-east-2", "us-east-1")
	for _, width := range []int{40, 80, 200} {
		var b bytes.Buffer
		printEstimate(&b, term.Styler{}, width, e)
		for line := range strings.Lines(b.String()) {
			if n := term.Columns(strings.TrimSuffix(line, "\n")); n > width && strings.Contains(strings.TrimSpace(line), " ") {
				t.Errorf("at %d columns, a line has %d: %s", width, n, line)
			}
		}
		golden(t, fmt.Sprintf("estimate_%d.golden", width), b.Bytes())
	}
	var b bytes.Buffer
	printEstimate(&b, term.Styler{}, 80, estimateOf(t, "eu-west-1", ""))
	for _, says := range []string{"unknown", "≥ $", "no price of amp.samples in eu-west-1", "cost prices", "--rate p5.48xlarge=DOLLARS"} {
		if !strings.Contains(b.String(), says) {
			t.Errorf("an estimate without prices does not say %q:\n%s", says, b.String())
		}
	}
}

// reportOf is of a month with two clusters and a part that could not be read.
func reportOf(t *testing.T) report.Report {
	t.Helper()
	l, err := price.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	series := 813
	month := cost.AtRest(l, cost.Stack{Region: "us-east-2"})
	return report.Report{Stack: "pcluster-infra", Region: "us-east-2", From: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC),
		To: time.Date(2026, 11, 16, 12, 0, 0, 0, time.UTC), SoFar: month, Forecast: month,
		Clusters: []report.Cluster{{Name: "hpc", Share: 0.75, Dollars: price.Exactly(decimal.New(692, -2))},
			{Name: "ml-training", Share: 0.25, Dollars: price.Exactly(decimal.New(231, -2))}},
		Licences: &report.Licences{Editors: 2, Viewers: 3, Dollars: price.Exactly(decimal.New(33, 0))},
		Usage: report.Usage{Samples: &price.Number{Decimal: decimal.New(71, 6)},
			Queried: &price.Number{Decimal: decimal.New(21, 6)}, Series: &series},
		Unknown: map[string]string{"storage": "AWS has no metric for the samples that a workspace stores"}}
}

// TestReportAtWidths: likewise.
func TestReportAtWidths(t *testing.T) {
	r := reportOf(t)
	for _, width := range []int{40, 80, 200} {
		var b bytes.Buffer
		printReport(&b, term.Styler{}, width, r)
		for line := range strings.Lines(b.String()) {
			if n := term.Columns(strings.TrimSuffix(line, "\n")); n > width {
				t.Errorf("at %d columns, a line has %d: %s", width, n, line)
			}
		}
		golden(t, fmt.Sprintf("report_%d.golden", width), b.Bytes())
	}
}

// golden compares with a file of testdata, or with UPDATE=1 writes it.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if os.Getenv("UPDATE") != "" {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got, UPDATE=1 rewrites):\n%s", file, diff)
	}
}

// TestFieldsOfJSON: docs/cost.md has every field that --json prints.
func TestFieldsOfJSON(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "docs", "cost.md"))
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]bool{} // words between backticks
	for _, code := range regexp.MustCompile("`[^`\n]+`").FindAll(page, -1) {
		for _, word := range regexp.MustCompile(`\w+`).FindAllString(string(code), -1) {
			documented[word] = true
		}
	}
	whole := reportOf(t)
	whole.Unknown = map[string]string{"stack": "", "usage": "", "clusters": "", "licences": ""}
	for name, v := range map[string]any{"estimate": estimateOf(t, "us-east-2", "us-east-1"), "report": whole} {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`"([^"\\]+)":`).FindAllSubmatch(text, -1) {
			if !documented[string(m[1])] {
				t.Errorf("docs/cost.md does not have the field %s of the %s", m[1], name)
			}
		}
	}
}
