package collect

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parascope/parascope/internal/collect/page"
)

const metricsDocument = "../../docs/metrics.md"

// generated puts text between the marks of that name in the document, or with -update
// writes it there, and reports what differs.
func generated(t *testing.T, mark, text string) {
	t.Helper()
	document, err := os.ReadFile(metricsDocument)
	if err != nil {
		t.Fatal(err)
	}
	begin, end := "<!-- "+mark+": generated -->\n", "<!-- "+mark+": end -->"
	before, rest, ok := strings.Cut(string(document), begin)
	old, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no part between %q and %q", metricsDocument, begin, end)
	}
	if *update {
		if err := os.WriteFile(metricsDocument, []byte(before+begin+text+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(old, text); diff != "" {
		t.Errorf("%s, part %s (-document +program; -update rewrites):\n%s", metricsDocument, mark, diff)
	}
}

func TestMetricsDocument(t *testing.T) { generated(t, "metrics", Markdown()) }

// TestEveryFamilyIsDescribed: what --explain prints has no gaps, and a name stands once.
func TestEveryFamilyIsDescribed(t *testing.T) {
	seen := map[string]string{}
	for _, c := range append(append(NodeCollectors(), allGPU()...), own) {
		if c.Name != own.Name && (len(c.Sources) == 0 || c.Open == nil) {
			t.Errorf("collector %s says no source, or cannot be opened", c.Name)
		}
		for _, f := range c.Families {
			if f.Help == "" || f.Type == "" || f.Unit == "" || f.Source == "" {
				t.Errorf("%s: help, type, unit or source is missing", f.Name)
			}
			if other, twice := seen[f.Name]; twice {
				t.Errorf("%s is of %s and of %s", f.Name, other, c.Name)
			}
			seen[f.Name] = c.Name
		}
	}
	text := Explain()
	for name := range seen {
		if !strings.Contains(text, "  "+name) {
			t.Errorf("--explain lacks %s", name)
		}
	}
}

type panel struct {
	Type    string
	Title   string
	Panels  []panel
	Targets []struct{ Expr string }
}

var nodeMetric = regexp.MustCompile(`\b(?:node|process)_[a-zA-Z0-9_]+`)

// metrics are the names that the panel's formulas read.
func (p panel) metrics() (names []string) {
	for _, t := range p.Targets {
		for _, name := range nodeMetric.FindAllString(t.Expr, -1) {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// TestDashboard1860 keeps the document's table of rows of "Node Exporter Full" what the
// collectors serve. The dashboard is not ours to keep: PARASCOPE_SAMPLES is where it is.
func TestDashboard1860(t *testing.T) {
	samples := os.Getenv("PARASCOPE_SAMPLES")
	if samples == "" {
		t.Skip("PARASCOPE_SAMPLES does not say where the dashboard is")
	}
	text, err := os.ReadFile(filepath.Join(samples, "dashboards/rfmoz-node-exporter-full.json"))
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct{ Panels []panel }
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	normal, full := map[string]bool{}, map[string]bool{}
	for _, c := range append(NodeCollectors(), own) {
		for _, f := range c.Families {
			full[f.Name] = true
			normal[f.Name] = !f.Full && f.Needs != page.NeedsFlag
		}
	}
	var b strings.Builder
	b.WriteString("| row | panels | with data by default | with `--full --cpu=each --device=each` | not served |\n|---|---|---|---|---|\n")
	row, panels := "", []panel(nil)
	flush := func() {
		if len(panels) == 0 {
			return
		}
		counts := map[string]int{}
		var missing []string
		for _, p := range panels {
			for shape, has := range map[string]map[string]bool{"normal": normal, "full": full} {
				if slices.ContainsFunc(p.metrics(), func(name string) bool { return has[name] }) {
					counts[shape]++
				}
			}
			for _, name := range p.metrics() {
				if stem := stemOf(name); !full[name] && !slices.Contains(missing, stem) {
					missing = append(missing, stem)
				}
			}
		}
		slices.Sort(missing)
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %s |\n", row, len(panels), counts["normal"], counts["full"], strings.Join(missing, ", "))
		panels = nil
	}
	for _, p := range dashboard.Panels {
		if p.Type == "row" {
			flush()
			row, panels = p.Title, p.Panels
			continue
		}
		panels = append(panels, p)
	}
	flush()
	generated(t, "dashboard", b.String())
}

// stemOf is the collector's part of a name: node_netstat of node_netstat_Tcp_InSegs.
func stemOf(name string) string {
	parts := strings.SplitN(name, "_", 3)
	return "`" + parts[0] + "_" + parts[1] + "_*`"
}

// TestFormulas has promtool hold the document's formulas for the mean against the stock
// shape.
func TestFormulas(t *testing.T) {
	if out, err := exec.CommandContext(t.Context(), promtool(t), "test", "rules", "testdata/formulas.yml").CombinedOutput(); err != nil {
		t.Errorf("promtool: %v\n%s", err, out)
	}
}
