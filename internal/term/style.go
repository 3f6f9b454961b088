// Package term draws for people: colours where there is a terminal, tables and
// plots, which know nothing of what they draw, and the events of a deployment.
package term

import (
	"io"
	"os"

	"golang.org/x/term"
)

// Styler colours text, or leaves it alone.
type Styler struct{ on bool }

// Style returns the styler for w: colours only on a terminal, and not when
// NO_COLOR is set (https://no-color.org) or TERM is dumb.
func Style(w io.Writer, getenv func(string) string) Styler {
	return Styler{on: IsTerminal(w) && getenv("NO_COLOR") == "" && getenv("TERM") != "dumb"}
}

// IsTerminal reports whether w is a terminal.
func IsTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// IsInputTerminal reports whether r is a terminal, where a person may answer.
func IsInputTerminal(r io.Reader) bool {
	f, ok := r.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Size is the number of columns and lines of the terminal behind w, 80 and 24 when
// there is none.
func Size(w io.Writer) (columns, lines int) {
	if f, ok := w.(*os.File); ok {
		if columns, lines, err := term.GetSize(int(f.Fd())); err == nil && columns > 0 && lines > 0 {
			return columns, lines
		}
	}
	return 80, 24
}

// Width is the number of columns of the terminal behind w, 80 when there is none.
func Width(w io.Writer) int {
	columns, _ := Size(w)
	return columns
}

func (s Styler) Bad(t string) string   { return s.paint("31;1", t) }
func (s Styler) Good(t string) string  { return s.paint("32", t) }
func (s Styler) Faint(t string) string { return s.paint("2", t) }
func (s Styler) Bold(t string) string  { return s.paint("1", t) }

func (s Styler) paint(code, t string) string {
	t = Clean(t)
	if !s.on {
		return t
	}
	return "\x1b[" + code + "m" + t + "\x1b[0m"
}
