package checks

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parascope/parascope/internal/cli"
	"github.com/parascope/parascope/internal/doctor"
	"github.com/parascope/parascope/internal/term"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var results = []doctor.Result{
	{ID: "caller", Title: "credentials", Finding: doctor.Good("arn:aws:iam::111122223333:user/operator in us-east-2")},
	{ID: "setup-function", Title: "the last run of the setup function", Finding: doctor.Finding{Status: doctor.OK,
		Summary:  "the last run connected Grafana 9s ago",
		Warnings: []string{"its code is not that of this program: another version made the stack"}}},
	{ID: "user", Title: "the given user has a role", Finding: doctor.Skip("no user was given; give one with --user")},
	{ID: "data-source", Title: "Grafana has the data source", Finding: doctor.Fault(`Grafana has no data source "Amazon Managed Prometheus"`,
		"'parascope connect' repairs it, and so does 'parascope doctor --fix'")},
	{ID: "data-source-default", Title: "the data source is the default", Because: "data-source",
		Finding: doctor.Finding{Status: doctor.Unknown, Detail: "check data-source failed"}},
	{ID: "data-source-type", Title: "the data source's plugin", Because: "data-source", Finding: doctor.Finding{Status: doctor.Unknown}},
	{ID: "query", Title: "the workspace answers a query", Finding: doctor.Unsure("HTTP 403: not \x1b[31mauthorized\u202e",
		"'aws sts get-caller-identity' shows the caller")},
}

// TestGolden: at three widths, and no line is longer than it has to be.
func TestGolden(t *testing.T) {
	for _, width := range []string{"40", "80", "200"} {
		var out bytes.Buffer
		p := New(&cli.Process{Stdout: &out, Stderr: &out, Getenv: func(name string) string { return map[string]string{"COLUMNS": width}[name] }},
			false)
		var titles []string
		for _, r := range results {
			titles = append(titles, r.Title)
		}
		each := p.Each(titles)
		for _, r := range results {
			if err := each(r); err != nil {
				t.Fatal(err)
			}
		}
		if err := p.Titled("cluster hpc"); err != nil {
			t.Fatal(err)
		}
		if err := p.Total(); err != nil {
			t.Fatal(err)
		}
		p.Close()
		file := filepath.Join("testdata", width+".txt")
		if *update {
			if err := os.WriteFile(file, out.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), out.String()); diff != "" {
			t.Errorf("%s columns: %s", width, diff)
		}
		for line := range strings.Lines(out.String()) {
			line = strings.TrimRight(line, "\n")
			most := map[string]int{"40": 40, "80": 80, "200": 200}[width]
			if n := term.Columns(line); n > most && strings.Count(strings.TrimSpace(line), " ") > 1 {
				t.Errorf("%s columns: a line has %d: %s", width, n, line)
			}
			if strings.ContainsAny(line, "\x1b\u202e") {
				t.Errorf("a terminal would obey %q", line)
			}
		}
	}
}
