package term

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// MaxLive is how many lines a Live has at most, whatever the terminal's height.
const MaxLive = 24

// Live is the end of a terminal's output that is drawn again and again in place:
// what goes on. What is over is printed above it, and stays. The cursor is never
// hidden and always rests at the beginning of the line below, so that a program
// that is killed at any moment leaves the terminal as it should be.
//
// A terminal that was made narrower in between wraps what was drawn before; that
// one frame then stays behind.
type Live struct {
	w     io.Writer
	size  func() (columns, lines int)
	drawn int // lines of the frame that stands
}

// NewLive draws on w, whose size is asked before each frame.
func NewLive(w io.Writer, size func() (columns, lines int)) *Live {
	return &Live{w: w, size: size}
}

// Draw replaces the frame: each line is cut to the terminal's width, and of more
// lines than there is room for the first and the last are kept.
func (l *Live) Draw(lines []string) { l.write("", lines) }

// Print writes text above the frame, and the frame again.
func (l *Live) Print(text string, lines []string) { l.write(text+"\n", lines) }

// Leave keeps the frame that stands as it is; the next one begins below it.
func (l *Live) Leave() { l.drawn = 0 }

func (l *Live) write(above string, lines []string) {
	columns, height := l.size()
	lines = fit(lines, min(MaxLive, max(1, height-1)))
	var b strings.Builder
	if l.drawn > 0 {
		// To the beginning of the line, where a ^C may stand, up, and all below is gone.
		fmt.Fprintf(&b, "\r\x1b[%dA\x1b[J", l.drawn)
	}
	b.WriteString(clean(above, "\n", true))
	for _, line := range lines {
		b.WriteString(Shorten(cleanPainted(line), columns) + "\n")
	}
	l.drawn = len(lines)
	// A terminal that is gone must not stop what is drawn from going on.
	_, _ = io.WriteString(l.w, b.String())
}

// fit drops lines from the middle, and says how many.
func fit(lines []string, room int) []string {
	if len(lines) <= room {
		return lines
	}
	if room < 3 {
		return lines[len(lines)-room:]
	}
	tail := room - 2
	dropped := len(lines) - 1 - tail
	return append([]string{lines[0], fmt.Sprintf("  … %d more", dropped)}, lines[len(lines)-tail:]...)
}

// Shorten cuts text to so many columns, with an ellipsis where something is cut
// away. Colours take no columns and are ended.
func Shorten(text string, columns int) string {
	if Columns(text) <= columns {
		return text
	}
	var b strings.Builder
	used, coloured := 0, false
	for len(text) > 0 && used < columns-1 {
		if at := escape.FindStringIndex(text); at != nil && at[0] == 0 {
			b.WriteString(text[:at[1]])
			coloured = text[:at[1]] != "\x1b[0m"
			text = text[at[1]:]
			continue
		}
		_, n := utf8.DecodeRuneInString(text)
		b.WriteString(text[:n])
		text, used = text[n:], used+1
	}
	b.WriteString("…")
	if coloured {
		b.WriteString("\x1b[0m")
	}
	return b.String()
}
