package rules_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/parascope/parascope/internal/rules"
)

// promtool is Debian's, which reads and evaluates rule files independently of this project.
func promtool(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("promtool")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip("promtool is not installed (Debian: apt-get install prometheus)")
	}
	return path
}

func ruleFile(t *testing.T) string {
	t.Helper()
	text, err := rules.File(rules.Groups())
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "rules.yml")
	if err := os.WriteFile(name, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestPromtoolReadsTheFile(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), promtool(t), "check", "rules", "--lint=all", "--lint-fatal", ruleFile(t)).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// What promtool's unit tests consist of.
type (
	unitFile struct {
		RuleFiles []string `yaml:"rule_files"`
		Every     string   `yaml:"evaluation_interval"`
		Tests     []unit   `yaml:"tests"`
	}
	unit struct {
		Interval string      `yaml:"interval"`
		Name     string      `yaml:"name"`
		Input    []input     `yaml:"input_series"`
		Alerts   []alertTest `yaml:"alert_rule_test"`
	}
	input struct {
		Series string `yaml:"series"`
		Values string `yaml:"values"`
	}
	alertTest struct {
		At     string     `yaml:"eval_time"`
		Name   string     `yaml:"alertname"`
		Expect []expected `yaml:"exp_alerts"`
	}
	expected struct {
		Labels      map[string]string `yaml:"exp_labels"`
		Annotations map[string]string `yaml:"exp_annotations"`
	}
)

// series reads lines "SERIES VALUES": promtool's notation, a value a minute.
func series(lines string) (all []input) {
	for line := range strings.Lines(lines) {
		if line = strings.TrimSpace(line); line != "" {
			end := strings.LastIndex(line, "}") + 1
			all = append(all, input{line[:end], strings.TrimSpace(line[end:])})
		}
	}
	return all
}

func allAlerts() (all []rules.Alert) {
	for _, g := range rules.Groups() {
		all = append(all, g.Alerts...)
	}
	return all
}

// unitOf is the test of a fault: the alert at its time, and not before.
func unitOf(f fault) unit {
	u := unit{Interval: "1m", Name: f.alert, Input: series(f.series)}
	if f.series == idleJob {
		u.Interval = "30s"
	}
	if f.before != "" {
		u.Alerts = append(u.Alerts, alertTest{At: f.before, Name: f.alert})
	}
	if f.summary == "" {
		return u
	}
	labels := map[string]string{"severity": f.severity, "cluster": "hpc"}
	for pair := range strings.SplitSeq(f.labels, ",") {
		if name, value, ok := strings.Cut(pair, "="); ok {
			labels[name] = value
		}
	}
	u.Alerts = append(u.Alerts, alertTest{At: f.at, Name: f.alert, Expect: []expected{{labels, map[string]string{
		"summary":     f.summary,
		"runbook_url": "https://github.com/parascope/parascope/blob/main/docs/alerts/" + f.alert + ".md",
	}}}})
	return u
}

// healthyUnits hold that none of the alerts fires on a healthy cluster.
func healthyUnits(alerts ...string) (units []unit) {
	for name, lines := range healthy {
		u := unit{Interval: "1m", Name: name, Input: series(lines)}
		for _, alert := range alerts {
			for _, at := range []string{"20m", "1h", "100m"} {
				u.Alerts = append(u.Alerts, alertTest{At: at, Name: alert})
			}
		}
		units = append(units, u)
	}
	return units
}

// evaluate has promtool test the groups.
func evaluate(t *testing.T, groups []rules.Group, units []unit) (said string, err error) {
	t.Helper()
	file, failed := rules.File(groups)
	if failed != nil {
		t.Fatal(failed)
	}
	dir := t.TempDir()
	var text bytes.Buffer
	if err := yaml.NewEncoder(&text).Encode(unitFile{[]string{"rules.yml"}, "1m", units}); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"rules.yml": file, "test.yml": text.Bytes()} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.CommandContext(t.Context(), promtool(t), "test", "rules", filepath.Join(dir, "test.yml")).CombinedOutput()
	return string(out), err
}

// TestAlerts has promtool evaluate each alert on made-up series: on its fault at the time
// when it has to fire, with labels and summary, one step before that, when it must not, and
// every alert on clusters that are healthy.
func TestAlerts(t *testing.T) {
	var names []string
	fires := map[string]bool{}
	var units []unit
	for _, f := range faults {
		units = append(units, unitOf(f))
		fires[f.alert] = fires[f.alert] || f.summary != ""
	}
	for _, a := range allAlerts() {
		names = append(names, a.Name)
		if !fires[a.Name] {
			t.Errorf("no fault makes %s fire", a.Name)
		}
	}
	if said, err := evaluate(t, rules.Groups(), append(units, healthyUnits(names...)...)); err != nil {
		t.Errorf("%v\n%s", err, said)
	}
}

// quoted are the label values of an expression.
var quoted = regexp.MustCompile(`"[^"]*"`)

// TestHealthyClustersHaveEveryMetric holds that a metric which an alert reads is in the
// healthy cluster: an alert that reads a name that is not there would be silent anyway.
func TestHealthyClustersHaveEveryMetric(t *testing.T) {
	name := regexp.MustCompile(`\b(?:node|slurm|parallelcluster|parascope|prometheus|DCGM)_[A-Za-z0-9_]+`)
	full := healthy["full"]
	for _, a := range allAlerts() {
		for _, metric := range name.FindAllString(quoted.ReplaceAllString(a.Expr, ""), -1) {
			if !strings.Contains(full, metric+"{") {
				t.Errorf("%s reads %s, which the healthy cluster does not have", a.Name, metric)
			}
		}
	}
}

// TestMetricsAreDocumented holds that each metric is one that a collector serves.
func TestMetricsAreDocumented(t *testing.T) {
	var documents []byte
	for _, name := range []string{"metrics.md", "metrics-slurm.md", "delivery.md", "metrics-parallelcluster.md"} {
		text, err := os.ReadFile(filepath.Join("..", "..", "docs", name))
		if err != nil && name != "metrics-parallelcluster.md" {
			t.Fatal(err)
		}
		documents = append(documents, text...)
	}
	name := regexp.MustCompile(`\b(?:node|slurm|DCGM|parascope_gpu)_[A-Za-z0-9_]+`)
	for _, a := range allAlerts() {
		for _, metric := range name.FindAllString(quoted.ReplaceAllString(a.Expr, ""), -1) {
			if !bytes.Contains(documents, []byte("`"+metric+"`")) {
				t.Errorf("%s reads %s, which no document describes", a.Name, metric)
			}
		}
	}
}

// TestEveryAlertHasAPage holds that an alert's page says what it means, what to do first, and
// when to leave it alone, and that there are no pages of others.
func TestEveryAlertHasAPage(t *testing.T) {
	dir := filepath.Join("..", "..", "docs", "alerts")
	var names []string
	for _, a := range allAlerts() {
		names = append(names, a.Name+".md")
		text, err := os.ReadFile(filepath.Join(dir, a.Name+".md"))
		if err != nil {
			t.Error(err)
			continue
		}
		page := string(text)
		for _, part := range []string{"# " + a.Name + "\n", "\n## Meaning\n", "\n## First commands\n", "\n## When to ignore it\n"} {
			if !strings.Contains(page, part) {
				t.Errorf("docs/alerts/%s.md has no %q", a.Name, strings.TrimSpace(part))
			}
		}
		_, commands, _ := strings.Cut(page, "## First commands\n")
		commands, _, _ = strings.Cut(commands, "\n## ")
		if n := strings.Count(commands, "\n    "); n < 3 {
			t.Errorf("docs/alerts/%s.md has %d commands; three are to come first", a.Name, n)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != "README.md" && !slices.Contains(names, e.Name()) {
			t.Errorf("docs/alerts/%s is the page of no alert", e.Name())
		}
	}
}

// TestFileIsSmall holds the quotas of a rule groups namespace: 1 MB, 2,000 rules in a workspace.
func TestFileIsSmall(t *testing.T) {
	text, err := rules.File(rules.Groups())
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(text, []byte("- alert:")) + bytes.Count(text, []byte("- record:")); len(text) > 100_000 || n > 200 {
		t.Errorf("%d bytes, %d rules", len(text), n)
	}
	names := map[string]bool{}
	for _, a := range allAlerts() {
		if names[a.Name] {
			t.Errorf("%s is a duplicate", a.Name)
		}
		names[a.Name] = true
	}
}
