package progress

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/parascope/parascope/internal/cli"
	"github.com/parascope/parascope/internal/cost"
	"github.com/parascope/parascope/internal/deploy"
	"github.com/parascope/parascope/internal/stack"
	"github.com/parascope/parascope/internal/term"
)

// redraw is how often durations move on a terminal.
const redraw = time.Second

// progressTree draws the events of deploy on a terminal: the stack with its
// resources below it, drawn again in place, and above it what is over.
type progressTree struct {
	style term.Styler
	now   func() time.Time

	mu     sync.Mutex // a prompt holds it, and what is drawn waits
	live   *term.Live
	step   string // the step that runs, in words; "" between steps
	root   string // the stack; "" before its first event
	status string // the stack's
	began  time.Time
	rows   []*treeRow
	total  int             // resources of the plan; 0 where there is none
	over   map[string]bool // resources that got where they were going
	ticker *time.Timer
	ended  bool
}

// treeRow is a resource that people wait for.
type treeRow struct {
	id, caption string
	state       rowState
	verb        string    // creating, updating, deleting
	event       time.Time // when it began, by AWS's clock
	seen        time.Time // when that was known, by ours
	took        time.Duration
	reason      string
}

type rowState int

const (
	rowWaits rowState = iota
	rowRuns
	rowDone
	rowFailed
	rowCancelled
)

func newProgressTree(p *cli.Process, now func() time.Time) *progressTree {
	t := &progressTree{
		style: term.Style(p.Stderr, p.Getenv), now: now, over: map[string]bool{},
		live: term.NewLive(p.Stderr, func() (int, int) { return term.Size(p.Stderr) }),
	}
	t.ticker = time.AfterFunc(redraw, t.tick)
	return t
}

func (t *progressTree) tick() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.ended {
		t.live.Draw(t.frame())
		t.ticker.Reset(redraw)
	}
}

// quiet takes the frame away while do talks to the person.
func (t *progressTree) quiet(do func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.live.Draw(nil)
	do()
}

// stop leaves what stands, so that a failure can be read below its tree.
func (t *progressTree) stop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended {
		return
	}
	t.ended = true
	t.ticker.Stop()
	t.step = ""
	t.live.Draw(t.frame())
	t.live.Leave()
}

func (t *progressTree) report(e deploy.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch e.Kind {
	case deploy.Started:
		t.step = e.Step + ": " + e.Text
		t.live.Draw(t.frame())
	case deploy.Done:
		t.step = ""
		t.leaveTree()
		t.live.Print(t.style.Good("✓")+" "+e.Step+": "+e.Text, nil)
	case deploy.Warning:
		t.live.Print(t.style.Bold("!")+" "+e.Step+": "+e.Text, t.frame())
	case deploy.Planned:
		t.leaveTree()
		t.plan(e.Changes, e.Cost)
	case deploy.Progress:
		t.progress(*e.Resource)
		t.live.Draw(t.frame())
	case deploy.Changed:
		t.live.Print("  "+DescribeResult(t.style, *e.Person), t.frame())
	}
}

// leaveTree keeps the tree where it stands; the next operation has one of its own.
func (t *progressTree) leaveTree() {
	if t.root == "" {
		return
	}
	step := t.step
	t.step = ""
	t.live.Draw(t.frame())
	t.live.Leave()
	t.step, t.root, t.rows, t.total, t.over = step, "", nil, 0, map[string]bool{}
}

// plan lists what is going to be waited for, and prints what will be lost.
func (t *progressTree) plan(changes []stack.Change, expected *cost.Bill) {
	t.total = len(changes)
	for _, line := range append(describePlan(t.style, changes), describeExpected(expected)...) {
		t.live.Print(line, nil)
	}
	for _, c := range changes {
		if c.Caption != "" {
			t.rows = append(t.rows, &treeRow{id: c.LogicalID, caption: c.Caption})
		}
	}
	t.live.Draw(t.frame())
}

func (t *progressTree) progress(e stack.Event) {
	if e.Type == "AWS::CloudFormation::Stack" {
		if t.root == "" {
			t.began = t.now()
		}
		t.root, t.status = e.LogicalID, e.Status
		return
	}
	if e.Done() {
		t.over[e.LogicalID] = true
	} else {
		delete(t.over, e.LogicalID)
	}
	r := t.row(e)
	if r == nil {
		return
	}
	switch {
	case e.Failed():
		r.state, r.reason = rowFailed, e.Reason
	case strings.HasSuffix(e.Status, "_FAILED"):
		r.state = rowCancelled
	case e.Done():
		if r.state != rowFailed { // what a rollback does to it is no success
			r.state, r.took = rowDone, e.Time.Sub(r.event)
		}
	case r.state == rowWaits || r.state == rowDone:
		r.state, r.verb, r.event, r.seen = rowRuns, verb(e.Status), e.Time, t.now()
	}
}

// row finds the resource's row; one that has none gets it where people wait for it
// or must know that it failed.
func (t *progressTree) row(e stack.Event) *treeRow {
	for _, r := range t.rows {
		if r.id == e.LogicalID {
			return r
		}
	}
	if e.Caption == "" && !e.Failed() {
		return nil
	}
	r := &treeRow{id: e.LogicalID, caption: e.Caption, event: e.Time, seen: t.now()}
	if r.caption == "" {
		r.caption = e.LogicalID
	}
	t.rows = append(t.rows, r)
	return r
}

// verb says what an _IN_PROGRESS status does.
func verb(status string) string {
	what, _, _ := strings.Cut(status, "_")
	return strings.ToLower(strings.TrimSuffix(what, "E")) + "ing"
}

// frame is what is drawn now. What is short stands first in each line, so that a
// narrow terminal cuts the rest.
func (t *progressTree) frame() []string {
	var lines []string
	if t.root == "" {
		if t.step != "" {
			lines = append(lines, t.style.Faint("… "+t.step))
		}
		return lines
	}
	count := ""
	if t.total > 0 {
		count = fmt.Sprintf(" %d of %d,", len(t.over), t.total)
	}
	lines = append(lines, fmt.Sprintf("%s%s %s, %s", t.style.Bold(t.root), count, seconds(t.now().Sub(t.began)), t.status))
	for i, r := range t.rows {
		branch := "├─"
		if i == len(t.rows)-1 {
			branch = "└─"
		}
		lines = append(lines, t.style.Faint(branch)+" "+t.line(r))
	}
	return lines
}

func (t *progressTree) line(r *treeRow) string {
	switch r.state {
	case rowRuns:
		return fmt.Sprintf("%s %5s %s: %s", t.style.Bold("…"), seconds(t.now().Sub(r.seen)), r.caption, r.verb)
	case rowDone:
		if r.verb == "deleting" {
			return t.style.Faint(fmt.Sprintf("- %5s %s: gone", seconds(r.took), r.caption))
		}
		return fmt.Sprintf("%s %5s %s", t.style.Good("✓"), seconds(r.took), r.caption)
	case rowFailed:
		return fmt.Sprintf("%s %5s %s: %s", t.style.Bad("✗"), "", r.caption, r.reason)
	case rowCancelled:
		return t.style.Faint(fmt.Sprintf("- %5s %s: cancelled", "", r.caption))
	}
	return t.style.Faint(fmt.Sprintf("· %5s %s", "", r.caption))
}
