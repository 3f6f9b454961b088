// Package progress draws what a deployment does: a tree on a terminal, lines elsewhere, or
// events as JSON.
package progress

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/parascope/parascope/internal/cli"
	"github.com/parascope/parascope/internal/deploy"
	"github.com/parascope/parascope/internal/people"
	"github.com/parascope/parascope/internal/stack"
	"github.com/parascope/parascope/internal/term"
)

// heartbeat is how long nothing is said before a line says that it goes on.
const heartbeat = 10 * time.Second

// Progress is how the events of deploy are told: on stdout as JSON; on a terminal as
// a tree that is drawn in place; elsewhere on stderr, a line each, with a line now
// and then while nothing happens.
type Progress struct {
	Report func(deploy.Event)
	Quiet  func(do func()) // keeps still while do asks the person something
	Stop   func()
}

// New begins; Stop must end it. From here on a reader that goes away, as in
// "parascope up | head -1", no longer ends the program: half of a stack helps nobody.
func New(p *cli.Process, asJSON bool) Progress {
	signal.Ignore(syscall.SIGPIPE)
	if asJSON {
		enc := json.NewEncoder(p.Stdout)
		return Progress{
			Report: func(e deploy.Event) { _ = enc.Encode(e) }, // a closed pipe must not stop AWS's work half-way
			Quiet:  func(do func()) { do() },
			Stop:   func() {},
		}
	}
	if term.IsTerminal(p.Stderr) && p.Getenv("TERM") != "dumb" {
		t := newProgressTree(p, time.Now)
		return Progress{t.report, t.quiet, t.stop}
	}
	l := &progressLines{w: p.Stderr, style: term.Style(p.Stderr, p.Getenv), start: time.Now(), since: map[string]beginning{},
		done: make(chan struct{})}
	l.beat = time.AfterFunc(heartbeat, l.goesOn)
	return Progress{l.report, l.quiet, l.stop}
}

// progressLines draws one line for each event that a person cares about.
type progressLines struct {
	w     io.Writer
	style term.Styler
	start time.Time

	mu    sync.Mutex
	since map[string]beginning // begun and not over, by logical id
	beat  *time.Timer
	done  chan struct{}
}

func (l *progressLines) report(e deploy.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.beat.Reset(heartbeat)
	switch e.Kind {
	case deploy.Started:
		l.line("%s", l.style.Faint(e.Step+": "+e.Text))
	case deploy.Done:
		l.line("%s %s: %s", l.style.Good("✓"), e.Step, e.Text)
	case deploy.Warning:
		l.line("%s %s: %s", l.style.Bold("!"), e.Step, e.Text)
	case deploy.Planned:
		for _, line := range append(describePlan(l.style, e.Changes), describeExpected(e.Cost)...) {
			l.line("%s", line)
		}
	case deploy.Progress:
		l.progress(*e.Resource)
	case deploy.Changed:
		l.line("  %s", DescribeResult(l.style, *e.Person))
	}
}

// quiet holds the heartbeat back.
func (l *progressLines) quiet(do func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	do()
	l.beat.Reset(heartbeat)
}

// DescribeResult is one person's line: what changed, and why not.
func DescribeResult(style term.Styler, r people.Result) string {
	mark, text := style.Good("✓"), DescribeStep(r.Step)
	if r.Why != "" {
		mark, text = style.Bad("✗"), text+": "+r.Why
	}
	return fmt.Sprintf("%s %s: %s", mark, r.Who, text)
}

// progress says what the stack is, when each resource begins and ends, and every
// failure. That a creation was "initiated" is told by the event before.
func (l *progressLines) progress(e stack.Event) {
	began, running := l.since[e.LogicalID]
	took := ""
	if running {
		took = " " + l.style.Faint(seconds(e.Time.Sub(began.at)))
	}
	ended := true
	switch {
	case e.Failed():
		l.line("  %s %s: %s", l.style.Bad("✗"), fullName(e), e.Reason)
	case e.Type == "AWS::CloudFormation::Stack":
		l.line("  %s", l.style.Faint(e.LogicalID+" "+e.Status))
	case strings.HasSuffix(e.Status, "_FAILED"):
		l.line("  %s %s: cancelled", l.style.Faint("-"), name(e))
	case e.Status == "DELETE_COMPLETE":
		l.line("  %s %s: gone%s", l.style.Faint("-"), name(e), took)
	case e.Status == "DELETE_SKIPPED":
		l.line("  %s %s: is kept", l.style.Bold("!"), fullName(e))
	case e.Done():
		l.line("  %s %s%s", l.style.Good("✓"), name(e), took)
	default:
		ended = false
		if !running {
			l.line("  %s", l.style.Faint("… "+name(e)+": "+verb(e.Status)))
			l.since[e.LogicalID] = beginning{name(e), e.Time}
		}
	}
	if ended {
		delete(l.since, e.LogicalID)
	}
}

// beginning is that of a resource's change.
type beginning struct {
	name string
	at   time.Time
}

func name(e stack.Event) string { return cmp.Or(e.Caption, e.LogicalID) }

func fullName(e stack.Event) string {
	if e.Caption != "" {
		return e.Caption + " (" + e.LogicalID + ")"
	}
	return e.LogicalID
}

// goesOn is the heartbeat: it names what everybody waits for.
func (l *progressLines) goesOn() {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.done:
		return
	default:
	}
	var waits []string
	for _, b := range l.since {
		waits = append(waits, b.name)
	}
	slices.Sort(waits)
	text := "still going"
	if len(waits) > 0 {
		text += ": " + strings.Join(waits, ", ")
	}
	l.line("  %s", l.style.Faint(text+" ("+seconds(time.Since(l.start))+")"))
	l.beat.Reset(heartbeat)
}

func (l *progressLines) stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.beat.Stop()
	close(l.done)
}

func (l *progressLines) line(format string, args ...any) {
	_ = term.Printf(l.w, format+"\n", args...)
}

// seconds is a duration for people: with tenths while it is short.
func seconds(d time.Duration) string {
	d = max(0, d)
	if d < 10*time.Second {
		return fmt.Sprintf("%.1fs", d.Seconds())
	}
	return d.Round(time.Second).String()
}

// DescribeStep says in words which role is given and which is taken.
func DescribeStep(s people.Step) string {
	var from []string
	for _, r := range s.From {
		from = append(from, strings.ToLower(string(r)))
	}
	to := strings.ToLower(string(s.To))
	switch {
	case len(from) == 0:
		return "becomes " + to
	case to == "":
		return "is no longer " + strings.Join(from, ", ")
	}
	return strings.Join(from, ", ") + " becomes " + to
}
