package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/parascope/parascope/internal/deploy"
	"github.com/parascope/parascope/internal/people"
	"github.com/parascope/parascope/internal/stack"
	"github.com/parascope/parascope/internal/term"
)

// heartbeat is how long nothing is said before a line says that it goes on.
const heartbeat = 10 * time.Second

// reporter is how the events of deploy are told: on stdout as JSON; on a terminal as
// a tree that is drawn in place; elsewhere on stderr, a line each, with a line now
// and then while nothing happens.
type reporter struct {
	report func(deploy.Event)
	quiet  func(do func()) // keeps still while do asks the person something
	stop   func()
}

// newReporter must be stopped. From here on a reader that goes away, as in
// "parascope up | head -1", no longer ends the program: half of a stack helps nobody.
func newReporter(p *Process, asJSON bool) reporter {
	signal.Ignore(syscall.SIGPIPE)
	if asJSON {
		enc := json.NewEncoder(p.Stdout)
		return reporter{
			report: func(e deploy.Event) { _ = enc.Encode(e) }, // a closed pipe must not stop AWS's work half-way
			quiet:  func(do func()) { do() },
			stop:   func() {},
		}
	}
	if term.IsTerminal(p.Stderr) && p.Getenv("TERM") != "dumb" {
		t := newProgressTree(p, time.Now)
		return reporter{t.report, t.quiet, t.stop}
	}
	l := &progressLines{p: p, style: term.Style(p.Stderr, p.Getenv), start: time.Now(), since: map[string]time.Time{}, done: make(chan struct{})}
	l.beat = time.AfterFunc(heartbeat, l.goesOn)
	return reporter{l.report, l.quiet, l.stop}
}

// confirmed asks the person between the lines that are drawn.
func (r reporter) confirmed(p *Process) func(question string) (bool, error) {
	return func(question string) (yes bool, err error) {
		r.quiet(func() { yes, err = ask(p, question) })
		return yes, err
	}
}

// progressLines draws one line for each event that a person cares about.
type progressLines struct {
	p     *Process
	style term.Styler
	start time.Time

	mu    sync.Mutex
	since map[string]time.Time // begun and not over, by caption
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
		for _, line := range describePlan(l.style, e.Changes) {
			l.line("%s", line)
		}
	case deploy.Progress:
		l.progress(*e.Resource)
	case deploy.Changed:
		l.line("  %s", describeResult(l.style, *e.Person))
	}
}

// quiet holds the heartbeat back.
func (l *progressLines) quiet(do func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	do()
	l.beat.Reset(heartbeat)
}

// describePlan sums up what CloudFormation is going to do, and names what goes away.
func describePlan(style term.Styler, changes []stack.Change) (lines []string) {
	count := map[string]int{}
	for _, c := range changes {
		count[c.Action]++
		if c.Destroys() {
			lines = append(lines, fmt.Sprintf("  %s %s: %s (%s)", style.Bad("-"), loss(c), c.LogicalID, c.Type))
		}
	}
	return append(lines, fmt.Sprintf("  plan: %d to add, %d to change, %d to remove", count["Add"], count["Modify"], count["Remove"]))
}

// loss says how a change takes something away.
func loss(c stack.Change) string {
	switch {
	case c.Action == "Remove":
		return "is removed"
	case c.Replacement == "Conditional":
		return "may be replaced"
	}
	return "is replaced"
}

// describeResult is one person's line.
func describeResult(style term.Styler, r people.Result) string {
	mark, text := style.Good("✓"), describeStep(r.Step)
	if r.Why != "" {
		mark, text = style.Bad("✗"), text+": "+r.Why
	}
	return fmt.Sprintf("%s %s: %s", mark, r.Who, text)
}

// progress says when a resource that has a caption begins and ends, and every
// failure.
func (l *progressLines) progress(e stack.Event) {
	began, running := l.since[e.LogicalID]
	switch {
	case e.Failed():
		l.line("  %s %s: %s", l.style.Bad("✗"), name(e), e.Reason)
		delete(l.since, e.LogicalID)
	case e.Caption == "":
	case e.Done() && running:
		mark, gone := l.style.Good("✓"), ""
		if e.Status == "DELETE_COMPLETE" {
			mark, gone = l.style.Faint("-"), ": gone"
		}
		l.line("  %s %s%s %s", mark, e.Caption, gone, l.style.Faint(seconds(e.Time.Sub(began))))
		delete(l.since, e.LogicalID)
	case !e.Done() && !running:
		l.since[e.LogicalID] = e.Time
	}
}

func name(e stack.Event) string {
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
	for id := range l.since {
		waits = append(waits, stack.Caption(id))
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
	fmt.Fprintf(l.p.Stderr, format+"\n", args...)
}

// seconds is a duration for people: with tenths while it is short.
func seconds(d time.Duration) string {
	d = max(0, d)
	if d < 10*time.Second {
		return fmt.Sprintf("%.1fs", d.Seconds())
	}
	return d.Round(time.Second).String()
}

// printJSONLine prints v on one line, as the events before it. That nobody reads it
// any more is no failure of what was done.
func printJSONLine(p *Process, v any) error {
	err := json.NewEncoder(p.Stdout).Encode(v)
	if errors.Is(err, syscall.EPIPE) {
		return nil
	}
	return err
}
