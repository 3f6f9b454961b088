package collect

import (
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parascope/parascope/internal/collect/page"
)

// objectionsGolden is all that Prometheus' linter has to say about our pages.
const objectionsGolden = "testdata/promtool.golden"

// upstream are the names that others have made and dashboards read, with what
// promtool says of them. Whatever it says of other names is a fault of ours.
var upstream = []struct{ prefix, objection, why string }{
	{"node_memory_", "metric names should be written in 'snake_case' not 'camelCase'", "node_exporter's, made of the fields of /proc/meminfo"},
	{"DCGM_FI_", `counter metrics should have "_total" suffix`, "dcgm-exporter's, which are DCGM's identifiers"},
	{"DCGM_FI_DEV_PCIE_REPLAY_COUNTER", "metric name should not include type 'counter'", "the same"},
	{"DCGM_FI_", "label names should be written in 'snake_case' not 'camelCase'", "dcgm-exporter's label modelName"},
	{"parascope_gpu_", "label names should be written in 'snake_case' not 'camelCase'", "the same label, so that they join with DCGM_FI_*"},
}

// TestObjectionsOfPromtool holds what promtool objects to, over a page of every family
// that the programs have, to the golden set, and each line of it to a name of others.
func TestObjectionsOfPromtool(t *testing.T) {
	got := objections(t, everyFamily())
	if *update {
		if err := os.WriteFile(objectionsGolden, []byte(strings.Join(got, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(knownObjections(t), got); diff != "" {
		t.Errorf("promtool check metrics (-golden +got; -update rewrites):\n%s", diff)
	}
	for _, line := range got {
		if !slices.ContainsFunc(upstream, func(u struct{ prefix, objection, why string }) bool {
			name, objection, _ := strings.Cut(line, " ")
			return strings.HasPrefix(name, u.prefix) && objection == u.objection
		}) {
			t.Errorf("a name of our own: %s", line)
		}
	}
}

// TestFamiliesWithCamelCase: the label modelName alone is what promtool means, and only
// families that are about one GPU have it.
func TestFamiliesWithCamelCase(t *testing.T) {
	for _, c := range append(append(NodeCollectors(), allGPU()...), own) {
		for _, f := range c.Families {
			for _, l := range f.Labels {
				if l != "modelName" && camelCase(l) {
					t.Errorf("%s: label %s", f.Name, l)
				}
				if l == "modelName" && !slices.Contains(f.Labels, "UUID") {
					t.Errorf("%s has modelName without UUID", f.Name)
				}
			}
		}
	}
}

func camelCase(name string) bool {
	for i := 1; i < len(name); i++ {
		if name[i-1] >= 'a' && name[i-1] <= 'z' && name[i] >= 'A' && name[i] <= 'Z' {
			return true
		}
	}
	return false
}

// everyFamily is a page with one sample of each family that --explain describes.
func everyFamily() string {
	var b strings.Builder
	for _, c := range append(append(NodeCollectors(), allGPU()...), own) {
		for _, f := range c.Families {
			writeFamily(&b, f)
		}
	}
	return b.String()
}

func writeFamily(b *strings.Builder, f *page.Family) {
	b.WriteString("# HELP " + f.Name + " " + f.Help + "\n# TYPE " + f.Name + " " + string(f.Type) + "\n" + f.Name)
	for i, l := range f.Labels {
		b.WriteString([]string{"{", ","}[min(i, 1)] + l + `="a"`)
	}
	b.WriteString([]string{"", "}"}[min(len(f.Labels), 1)] + " 1\n")
}

func knownObjections(t *testing.T) []string {
	t.Helper()
	golden, err := os.ReadFile(objectionsGolden)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(golden), "\n"), "\n")
}

// objections are the lines of promtool check metrics about a page, in order.
func objections(t *testing.T, text string) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), promtool(t), "check", "metrics")
	cmd.Stdin = strings.NewReader(text)
	out, err := cmd.CombinedOutput()
	if failed, ok := errors.AsType[*exec.ExitError](err); err != nil && (!ok || failed.ExitCode() != 3) {
		t.Fatalf("promtool: %v\n%s", err, out)
	}
	lines := slices.DeleteFunc(strings.Split(string(out), "\n"), func(l string) bool { return l == "" })
	slices.Sort(lines)
	return lines
}
