package parascopehead

import (
	"os"
	"os/exec"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/parascope/parascope/internal/cli"
)

const stockPrometheus = "/usr/bin/prometheus"

// helpFlag is the line of a flag in Prometheus' help; what wraps is further to the right.
var helpFlag = regexp.MustCompile(`(?m)^ {2}(?:-h, | {4})--(?:\[no-\])?([a-z][a-z0-9.-]+)(=?)`)

// TestFlagsOfStockHelp: each flag that the installed Prometheus has in agent mode is taken
// and stands in the document, and each that is of the server mode alone is refused.
func TestFlagsOfStockHelp(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), stockPrometheus, "--help").CombinedOutput()
	if len(out) == 0 {
		t.Skipf("%s cannot be asked: %v", stockPrometheus, err)
	}
	documented := documentedFlags(t)
	values := map[string]string{"log.level": "info", "log.format": "json", "config.auto-reload-interval": "1m"}
	help := string(out)
	all := helpFlag.FindAllStringSubmatchIndex(help, -1)
	if len(all) < 30 {
		t.Fatalf("%d flags in the help:\n%s", len(all), help)
	}
	for i, at := range all {
		end := len(help)
		if i+1 < len(all) {
			end = all[i+1][0]
		}
		name, says := help[at[2]:at[3]], strings.Join(strings.Fields(help[at[1]:end]), " ")
		if slices.Contains([]string{"help", "help-long", "help-man", "version"}, name) {
			continue
		}
		arg := "--" + name
		if at[4] < at[5] { // it has a value
			arg += "=" + values[name]
		}
		err := New(&cli.Process{Getenv: func(string) string { return "" }}).ParseFlags([]string{arg})
		if ofServer := strings.Contains(says, "server mode only"); ofServer != (err != nil) {
			t.Errorf("%s: %v; of the server mode only: %v", arg, err, ofServer)
		}
		if !documented(name) {
			t.Errorf("docs/delivery.md says nothing of %s", arg)
		}
	}
	for _, f := range stockFlags() {
		if !documented(f.name) {
			t.Errorf("docs/delivery.md says nothing of --%s", f.name)
		}
	}
}

// documentedFlags reads the table of flags in the document.
func documentedFlags(t *testing.T) func(name string) bool {
	text, err := os.ReadFile("../../../docs/delivery.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(text), "\n### Stock flags\n")
	if !found {
		t.Fatal("the document has no table of flags")
	}
	table, _, _ = strings.Cut(table, "\nTop-level keys")
	var patterns []string
	for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(table, -1) {
		pattern, _, _ := strings.Cut(m[1], "=")
		patterns = append(patterns, pattern)
	}
	return func(name string) bool {
		return slices.ContainsFunc(patterns, func(p string) bool { ok, err := path.Match(p, name); return ok && err == nil })
	}
}
