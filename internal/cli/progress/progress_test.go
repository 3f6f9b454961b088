package progress

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parascope/parascope/internal/cli"
	"github.com/parascope/parascope/internal/deploy"
	"github.com/parascope/parascope/internal/identity"
	"github.com/parascope/parascope/internal/people"
	"github.com/parascope/parascope/internal/stack"
	"github.com/parascope/parascope/internal/term"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// drawing is a tree with a clock that the test moves.
type drawing struct {
	*progressTree
	at  time.Time
	out bytes.Buffer
}

func newDrawing(columns int) *drawing {
	d := &drawing{at: time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)}
	d.progressTree = &progressTree{
		now: func() time.Time { return d.at }, over: map[string]bool{},
		live:   term.NewLive(&d.out, func() (int, int) { return columns, 24 }),
		ticker: time.AfterFunc(time.Hour, func() {}),
	}
	return d
}

// event happens so many seconds after noon, and is seen a second later.
func (d *drawing) event(second int, id, status, reason string) {
	at := time.Date(2026, 8, 1, 12, 0, second, 0, time.UTC)
	d.at = at.Add(time.Second)
	e := stack.Event{Time: at, LogicalID: id, Status: status, Reason: reason, Caption: stack.Caption(id), Type: "AWS::Some::Thing"}
	if id == "pcluster-infra" {
		e.Type = "AWS::CloudFormation::Stack"
	}
	d.report(deploy.Event{Kind: deploy.Progress, Resource: &e})
}

func (d *drawing) plan(ids ...string) {
	var changes []stack.Change
	for _, id := range ids {
		changes = append(changes, stack.Change{LogicalID: id, Action: "Add", Caption: stack.Caption(id)})
	}
	d.report(deploy.Event{Kind: deploy.Planned, Changes: changes})
}

// standing is the frame as a terminal of the width shows it.
func (d *drawing) standing(columns int) string {
	var lines []string
	for _, l := range d.frame() {
		lines = append(lines, term.Shorten(l, columns))
	}
	return strings.Join(lines, "\n") + "\n"
}

// TestProgressTree keeps what a person sees at moments of an operation, on a usual
// and on a narrow terminal.
func TestProgressTree(t *testing.T) {
	for _, columns := range []int{80, 40} {
		d := newDrawing(columns)
		var got strings.Builder
		moment := func(what string) { got.WriteString("# " + what + "\n" + d.standing(columns) + "\n") }

		d.report(deploy.Event{Kind: deploy.Started, Step: "preflight", Text: "check the caller, permissions and parameters"})
		moment("a step runs")
		d.report(deploy.Event{Kind: deploy.Done, Step: "preflight", Text: "ok"})
		moment("between steps")
		d.plan("NetworkVPC", "InternetGateway", "PrometheusWorkspace", "GrafanaWorkspace", "Connection")
		d.event(0, "pcluster-infra", "CREATE_IN_PROGRESS", "User Initiated")
		d.event(0, "NetworkVPC", "CREATE_IN_PROGRESS", "")
		d.event(0, "InternetGateway", "CREATE_IN_PROGRESS", "")
		d.event(1, "PrometheusWorkspace", "CREATE_IN_PROGRESS", "")
		d.event(2, "NetworkVPC", "CREATE_COMPLETE", "")
		d.event(3, "InternetGateway", "CREATE_COMPLETE", "")
		d.event(4, "GrafanaWorkspace", "CREATE_IN_PROGRESS", "")
		d.at = d.at.Add(70 * time.Second)
		moment("workspaces are being made")
		d.event(80, "GrafanaWorkspace", "CREATE_FAILED", "SSO is not enabled for this account. Enable IAM Identity Center and try again.")
		d.event(80, "PrometheusWorkspace", "CREATE_FAILED", "Resource creation cancelled")
		d.event(81, "pcluster-infra", "ROLLBACK_IN_PROGRESS",
			"The following resource(s) failed to create: [GrafanaWorkspace]. Rollback requested by user.")
		d.event(82, "GrafanaWorkspace", "DELETE_COMPLETE", "")
		d.event(82, "NetworkVPC", "DELETE_IN_PROGRESS", "")
		moment("one failed, the rest goes back")

		file := filepath.Join("testdata", "progress", map[int]string{80: "wide", 40: "narrow"}[columns]+".golden")
		if *update {
			if err := os.WriteFile(file, []byte(got.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got.String()); diff != "" {
			t.Errorf("%s (-want +got); -update rewrites it:\n%s", file, diff)
		}
		for line := range strings.Lines(got.String()) {
			if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > columns {
				t.Errorf("%d columns: %q has %d", columns, line, n)
			}
		}
	}
}

// TestProgressOnAPipe: a line for each event that people care about, and one now and
// then that says what everybody waits for.
func TestProgressOnAPipe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		r := New(&cli.Process{Stderr: &out, Getenv: func(string) string { return "" }}, false)
		at := func(status, reason string) {
			r.Report(deploy.Event{Kind: deploy.Progress, Resource: &stack.Event{
				Time: time.Now(), LogicalID: "GrafanaWorkspace", Caption: stack.Caption("GrafanaWorkspace"), Status: status, Reason: reason,
			}})
		}
		at("CREATE_IN_PROGRESS", "")
		<-time.After(25 * time.Second)
		at("CREATE_COMPLETE", "")
		r.Quiet(func() { <-time.After(5 * time.Second) }) // a person thinks
		at("DELETE_IN_PROGRESS", "")
		at("DELETE_FAILED", "no")
		r.Stop()
		<-time.After(time.Minute)
		want := "  … The Grafana workspace: creating\n  still going: The Grafana workspace (10s)\n  still going: The Grafana workspace (20s)\n" +
			"  ✓ The Grafana workspace 25s\n  … The Grafana workspace: deleting\n  ✗ The Grafana workspace (GrafanaWorkspace): no\n"
		if diff := cmp.Diff(want, out.String()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// TestProgressTreeKeepsStill: while a person is asked nothing is drawn over it, and
// afterwards, and after the end, the terminal is left alone.
func TestProgressTreeKeepsStill(t *testing.T) {
	d := newDrawing(80)
	d.report(deploy.Event{Kind: deploy.Started, Step: "stack", Text: "CloudFormation"})
	d.quiet(func() {
		before := d.out.Len()
		if d.mu.TryLock() {
			t.Error("something may draw while the person is asked")
		}
		if d.out.Len() != before {
			t.Error("something was drawn while the person was asked")
		}
	})
	d.stop()
	if strings.Contains(d.out.String(), "\x1b[?") {
		t.Error("a mode of the terminal was changed, and a killed program would leave it so")
	}
	end := d.out.Len()
	d.tick()
	if d.out.Len() != end {
		t.Error("it draws after its end")
	}
}

// TestWordsOfOthersAreShownAsText: reasons of events and names of people are not obeyed
// by a terminal.
func TestWordsOfOthersAreShownAsText(t *testing.T) {
	const hostile = "\x1b[2J\x1b[8mgone\rOK"
	var b bytes.Buffer
	l := &progressLines{w: &b, beat: time.AfterFunc(time.Hour, func() {}), since: map[string]beginning{}, done: make(chan struct{})}
	defer l.stop()
	who := people.Result{Step: people.Step{Who: identity.Principal{Name: hostile}, To: "VIEWER"}, Why: hostile}
	for _, e := range []deploy.Event{
		{Kind: deploy.Progress, Resource: &stack.Event{LogicalID: "X", Status: "CREATE_FAILED", Reason: hostile}},
		{Kind: deploy.Warning, Step: "proof", Text: hostile},
		{Kind: deploy.Changed, Person: &who},
	} {
		l.report(e)
	}
	if strings.ContainsAny(b.String(), "\x1b\r") || strings.Count(b.String(), `\x1b[2J`) != 4 {
		t.Errorf("%q", b.String())
	}
}
