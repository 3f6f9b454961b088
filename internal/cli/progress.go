package cli

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/parascope/parascope/internal/deploy"
	"github.com/parascope/parascope/internal/stack"
	"github.com/parascope/parascope/internal/term"
)

// heartbeat is how long nothing is said before a line says that it goes on.
const heartbeat = 10 * time.Second

// reporter draws the events of deploy on stderr, a line each, with a line now and
// then while nothing happens; or on stdout as JSON. stop ends the heartbeat.
func reporter(p *Process, asJSON bool) (report func(deploy.Event), stop func()) {
	if asJSON {
		enc := json.NewEncoder(p.Stdout)
		return func(e deploy.Event) { _ = enc.Encode(e) }, func() {} // a closed pipe must not stop AWS's work half-way
	}
	l := &progressLines{p: p, style: term.Style(p.Stderr, p.Getenv), start: time.Now(), since: map[string]time.Time{}, done: make(chan struct{})}
	l.beat = time.AfterFunc(heartbeat, l.goesOn)
	return l.report, l.stop
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
		l.planned(e.Changes)
	case deploy.Progress:
		l.progress(*e.Resource)
	case deploy.Changed:
		mark := l.style.Good("✓")
		text := describeStep(e.Person.Step)
		if e.Person.Why != "" {
			mark, text = l.style.Bad("✗"), text+": "+e.Person.Why
		}
		l.line("  %s %s: %s", mark, e.Person.Who, text)
	}
}

// planned sums up what CloudFormation is going to do, and names what goes away.
func (l *progressLines) planned(changes []stack.Change) {
	count := map[string]int{}
	for _, c := range changes {
		count[c.Action]++
		if c.Destroys() {
			l.line("  %s %s %s (%s)", l.style.Bad("-"), strings.ToLower(c.Action), c.LogicalID, c.Type)
		}
	}
	l.line("  plan: %d to add, %d to change, %d to remove", count["Add"], count["Modify"], count["Remove"])
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
		l.line("  %s %s %s", l.style.Good("✓"), e.Caption, l.style.Faint(seconds(e.Time.Sub(began))))
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

func seconds(d time.Duration) string { return d.Round(time.Second).String() }

// printJSONLine prints v on one line, as the events before it.
func printJSONLine(p *Process, v any) error { return json.NewEncoder(p.Stdout).Encode(v) }
