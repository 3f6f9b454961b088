package result

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parascope/parascope/internal/alerts/namespace"
)

func run() Run {
	at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	return Run{
		Connection: Connection{
			GrafanaWorkspaceID: "g-1", GrafanaURL: "https://g", GrafanaVersion: "12.4", Seconds: 2,
			DataSources: []DataSource{{Name: "Amazon Managed Prometheus", UID: "p", Type: "prometheus", Default: true, Action: Created,
				Health: "OK: größer <1>"}},
			Dashboards: []Dashboard{{Title: "Cluster overview", UID: "o", URL: "/d/o", Action: Unchanged}},
			Rules:      []namespace.Outcome{{Name: "parascope-gpu", Action: namespace.Failed, Rules: 11, Error: "refused"}},
			Warnings:   []string{"w"},
		},
		Outcome: Connected, Started: at, Finished: at.Add(time.Second),
	}
}

func written(t *testing.T, r Run) string {
	t.Helper()
	line, err := r.Line()
	if err != nil || bytes.IndexByte(line, '\n') != len(line)-1 {
		t.Fatalf("%v: %q is no line", err, line)
	}
	return string(line)
}

func TestLineIsReadAsItWasWritten(t *testing.T) {
	failed := run()
	failed.Connection, failed.Outcome, failed.Error = Connection{}, Failed, "no role"
	for _, want := range []Run{run(), failed} {
		got, ok := ReadLine(strings.TrimSuffix(written(t, want), "\n"))
		if diff := cmp.Diff(want, got); diff != "" || !ok {
			t.Errorf("read %v (-want +got):\n%s", ok, diff)
		}
	}
}

// TestLinesThatAreNoRun are those for which a status is unknown.
func TestLinesThatAreNoRun(t *testing.T) {
	line := strings.TrimSuffix(written(t, run()), "\n")
	change := func(old, with string) string {
		if !strings.Contains(line, old) {
			t.Fatalf("%s has no %s", line, old)
		}
		return strings.Replace(line, old, with, 1)
	}
	for _, text := range []string{
		"", "{}", "null", "START RequestId: 1 Version: $LATEST", `level=INFO msg=health name=CloudWatch`,
		`{"dataSources":[{"name":"x","health":"OK: y"}]}`,
		line[:len(line)-1], line[:len(line)/2], line + "{", "x" + line,
		change(`"version":1`, `"version":2`), change(`"version":1,`, ``), change(`"version":1`, `"version":"1"`),
		change(`parascope-setup-run`, `other`), change(`"connected"`, `"great"`), change(`"connected"`, `"failed"`),
		change(`"finishedAt"`, `"finishedBy"`), change(`[{"name"`, `[7,{"name"`),
		change(`"w"`, `"`+strings.Repeat("w", maxLine)+`"`),
	} {
		if r, ok := ReadLine(text); ok {
			t.Errorf("%.200s was read as %+v", text, r)
		}
	}
}

// TestTextsAreFitToBeShown holds for what is written and for what somebody else wrote.
func TestTextsAreFitToBeShown(t *testing.T) {
	const secret = "IQoJb3JpZ2luX2Vj"
	r := run()
	r.DataSources[0].Health = "\x1b[31mred\u009b1m\r\n\u202e" + strings.Repeat("ä", maxText)
	r.Warnings = []string{"X-Amz-Security-Token: " + secret}
	r.Rules[0].Error = "\x1b[31m" + strings.Repeat("e", maxText) + "X-Amz-Security-Token: " + secret
	text := written(t, r)
	if strings.Contains(text, secret) || len(text) > 3*maxText {
		t.Errorf("wrote %d bytes: %s", len(text), text)
	}
	forged := `{"type":"parascope-setup-run","version":1,"outcome":"failed","finishedAt":"2026-01-02T03:04:05Z","error":"a\u001b]0;x\u0007\u009b\n` +
		strings.Repeat("b", 2*maxText) + `"}`
	for _, text := range []string{text, forged} {
		got, ok := ReadLine(text)
		if shows := got.Error + strings.Join(got.Warnings, ""); !ok || strings.ContainsAny(shows, "\x1b\x07\u009b\n") ||
			len(got.Error) > maxText {
			t.Errorf("read %v: %+v", ok, got)
		}
		for _, n := range got.Rules {
			if strings.ContainsAny(n.Error, "\x1b") || len(n.Error) > maxText {
				t.Errorf("namespace %q", n.Error)
			}
		}
		for _, d := range got.DataSources {
			if strings.ContainsAny(d.Health, "\x1b\u009b\r\n\u202e") || len(d.Health) > maxText || !strings.HasSuffix(d.Health, "ä …") {
				t.Errorf("health %q", d.Health)
			}
		}
	}
}

func TestLineHasABound(t *testing.T) {
	r := run()
	for range 100 {
		r.Warnings = append(r.Warnings, strings.Repeat(`"`, maxText))
	}
	if line, err := r.Line(); err == nil && len(line) > maxLine {
		t.Errorf("%d bytes", len(line))
	}
	r.Dashboards = nil
	for range maxList {
		r.Dashboards = append(r.Dashboards, Dashboard{Title: strings.Repeat(`"`, maxText)})
	}
	if line, err := r.Line(); err == nil {
		t.Errorf("%d bytes were written", len(line))
	}
}
