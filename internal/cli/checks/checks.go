// Package checks draws the results of doctor's checks, as they come, for both programs that
// have such a command.
package checks

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/parascope/parascope/internal/cli"
	"github.com/parascope/parascope/internal/doctor"
	"github.com/parascope/parascope/internal/term"
)

// Printer draws results as lines of a terminal's width. Its methods are called one after
// the other.
type Printer struct {
	quiet     bool
	out, talk io.Writer
	style     term.Styler
	columns   int
	withheld  []doctor.Result // unknown because of another, to be told together
	all       []doctor.Result

	mu      sync.Mutex
	waiting string // title of the check that comes next
	since   time.Time
	live    *term.Live // nil: talk is not a terminal
	stop    chan struct{}
	stopped sync.WaitGroup
}

// patience is how long a check may take before its title is shown as what is waited for.
const patience = 2 * time.Second

// New is a printer for a command's person; a quiet one draws nothing. Close ends it.
func New(p *cli.Process, quiet bool) *Printer {
	c := &Printer{quiet: quiet, out: p.Stdout, talk: p.Stderr, style: term.Style(p.Stdout, p.Getenv),
		columns: Columns(p), stop: make(chan struct{})}
	if quiet {
		return c
	}
	if term.IsTerminal(p.Stderr) {
		c.live = term.NewLive(p.Stderr, func() (int, int) { return term.Size(p.Stderr) })
	}
	c.stopped.Go(c.tell)
	return c
}

// tell says what is waited for, while it takes long.
func (c *Printer) tell() {
	tick := time.NewTicker(patience)
	defer tick.Stop()
	told := ""
	for {
		select {
		case <-c.stop:
			return
		case now := <-tick.C:
			c.mu.Lock()
			age := now.Sub(c.since).Round(time.Second)
			switch {
			case c.waiting == "" || age < patience:
			case c.live != nil:
				c.live.Draw([]string{fmt.Sprintf("… %s (%s)", c.waiting, age)})
			case c.waiting != told:
				told = c.waiting
				fmt.Fprintf(c.talk, "waiting for: %s\n", c.waiting)
			}
			c.mu.Unlock()
		}
	}
}

// Titles are those of checks.
func Titles[E any](all []doctor.Check[E]) (titles []string) {
	for _, c := range all {
		titles = append(titles, c.Title)
	}
	return titles
}

// Each draws results that come in the order of the titles.
func (c *Printer) Each(titles []string) func(doctor.Result) error {
	c.waitFor(titles)
	return func(r doctor.Result) error {
		titles = titles[1:]
		c.waitFor(titles)
		if err := c.result(r); err != nil || len(titles) > 0 {
			return err
		}
		return c.showWithheld()
	}
}

// waitFor says which checks are waited for.
func (c *Printer) waitFor(titles []string) {
	title := ""
	if len(titles) > 0 {
		title = titles[0]
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting, c.since = title, time.Now()
}

// Titled begins a group of results.
func (c *Printer) Titled(title string) error {
	return c.print("", "\n"+c.style.Bold(term.Clean(title)))
}

// result draws one.
func (c *Printer) result(r doctor.Result) error {
	c.all = append(c.all, r)
	name := r.Title + " (" + r.ID + ")"
	var lines []string
	switch {
	case r.Because != "":
		c.withheld = append(c.withheld, r)
		return nil
	case r.Status == doctor.OK:
		lines = c.wrap(c.style.Good("✓")+" ", "  ", joined(r.Title, r.Summary))
	case r.Status == doctor.Skipped:
		lines = c.wrap(c.style.Faint("-")+" ", "  ", joined(r.Title, "skipped, "+r.Detail))
	case r.Status == doctor.Unknown:
		lines = append(c.wrap(c.style.Bold("?")+" ", "  ", joined(name, "unknown, "+r.Detail)), c.next(r)...)
	default:
		lines = c.wrap(c.style.Bad("✗")+" ", "  ", name)
		lines = append(lines, c.wrap("    ", "    ", r.Detail)...)
		lines = append(lines, c.next(r)...)
	}
	for _, w := range r.Warnings {
		lines = append(lines, c.wrap("  "+c.style.Bold("!")+" ", "    ", w)...)
	}
	return c.print("", lines...)
}

func (c *Printer) next(r doctor.Result) []string {
	if r.Next == "" {
		return nil
	}
	return c.wrap("    → ", "      ", r.Next)
}

func joined(title, text string) string {
	if text == "" {
		return title
	}
	return title + ": " + text
}

// wrap breaks text into lines that fit, cleaned of what a terminal would obey.
func (c *Printer) wrap(first, rest, text string) []string {
	lines := term.Wrap(text, max(20, c.columns-len(rest)))
	for i := range lines {
		begin := rest
		if i == 0 {
			begin = first
		}
		lines[i] = begin + lines[i]
	}
	return lines
}

// showWithheld draws what is unknown because of others, a line for each of those.
func (c *Printer) showWithheld() error {
	var causes []string
	ids := map[string][]string{}
	for _, r := range c.withheld {
		if !slices.Contains(causes, r.Because) {
			causes = append(causes, r.Because)
		}
		ids[r.Because] = append(ids[r.Because], r.ID)
	}
	c.withheld = nil
	for _, cause := range causes {
		text := fmt.Sprintf("unknown because of %s: %s", cause, strings.Join(ids[cause], ", "))
		if err := c.print("", c.wrap(c.style.Bold("?")+" ", "  ", text)...); err != nil {
			return err
		}
	}
	return nil
}

// Total draws the counts.
func (c *Printer) Total() error {
	count := map[doctor.Status]int{}
	for _, r := range c.all {
		count[r.Status]++
	}
	return c.print("", "", fmt.Sprintf("%d failed, %d unknown, %d ok, %d skipped", count[doctor.Failed], count[doctor.Unknown],
		count[doctor.OK], count[doctor.Skipped]))
}

func (c *Printer) print(above string, lines ...string) error {
	if c.quiet {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.live != nil {
		c.live.Draw(nil)
	}
	_, err := io.WriteString(c.out, above+strings.Join(lines, "\n")+"\n")
	return err
}

// Close ends the printer.
func (c *Printer) Close() {
	close(c.stop)
	c.stopped.Wait()
	if c.live != nil {
		c.live.Draw(nil)
	}
}

// Columns is the width of what a command writes: of its terminal, else by COLUMNS, else 80.
func Columns(p *cli.Process) int {
	var n int
	if _, err := fmt.Sscan(p.Getenv("COLUMNS"), &n); !term.IsTerminal(p.Stdout) && err == nil && n > 0 {
		return min(max(n, 40), 1000)
	}
	return max(40, term.Width(p.Stdout))
}
