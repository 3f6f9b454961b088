// Package term draws for people: colours where there is a terminal, tables and
// plots. It knows nothing of what it draws.
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

// Width is the number of columns of the terminal behind w, 80 when there is none.
func Width(w io.Writer) int {
	if f, ok := w.(*os.File); ok {
		if cols, _, err := term.GetSize(int(f.Fd())); err == nil && cols > 0 {
			return cols
		}
	}
	return 80
}

func (s Styler) Bad(t string) string   { return s.paint("31;1", t) }
func (s Styler) Good(t string) string  { return s.paint("32", t) }
func (s Styler) Faint(t string) string { return s.paint("2", t) }
func (s Styler) Bold(t string) string  { return s.paint("1", t) }

func (s Styler) paint(code, t string) string {
	if !s.on {
		return t
	}
	return "\x1b[" + code + "m" + t + "\x1b[0m"
}
