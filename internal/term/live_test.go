package term

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// screen is what a terminal shows of what was written to it: it knows the escapes
// that Live writes and fails on others.
func screen(t *testing.T, written string) []string {
	t.Helper()
	lines := []string{""}
	row, column := 0, 0
	for len(written) > 0 {
		switch {
		case strings.HasPrefix(written, "\x1b["):
			end := strings.IndexAny(written, "AJ")
			if end < 0 {
				t.Fatalf("unknown escape in %q", written)
			}
			if written[end] == 'J' {
				lines = append(lines[:row], string([]rune(lines[row])[:column]))
			} else {
				up := 0
				if _, err := fmt.Sscanf(written, "\x1b[%dA", &up); err != nil || up > row {
					t.Fatalf("%q at line %d: %v", written[:end+1], row, err)
				}
				row -= up
			}
			written = written[end+1:]
		case written[0] == '\r':
			column = 0
			written = written[1:]
		case written[0] == '\n':
			row, column = row+1, 0
			lines = append(lines, "")
			written = written[1:]
		default:
			n := strings.IndexAny(written, "\x1b\r\n")
			if n < 0 {
				n = len(written)
			}
			lines[row] = string([]rune(lines[row])[:column]) + written[:n]
			column = len([]rune(lines[row]))
			written = written[n:]
		}
	}
	return lines
}

func TestLiveDrawsInPlace(t *testing.T) {
	var out strings.Builder
	columns, height := 12, 24
	l := NewLive(&out, func() (int, int) { return columns, height })
	l.Draw([]string{"one", "two"})
	out.WriteString("^C") // as a terminal shows it when it is typed
	l.Draw([]string{"one is longer than that", "two", "three"})
	l.Print("a warning that may wrap", []string{"one"})
	l.Draw([]string{"one", "two"})
	want := []string{"a warning that may wrap", "one", "two", ""}
	if diff := cmp.Diff(want, screen(t, out.String())); diff != "" {
		t.Error(diff)
	}
	l.Leave()
	l.Draw([]string{"next"})
	if diff := cmp.Diff([]string{"a warning that may wrap", "one", "two", "next", ""}, screen(t, out.String())); diff != "" {
		t.Error(diff)
	}
	if strings.Contains(out.String(), "?25") {
		t.Error("the cursor is hidden: who is killed leaves it so")
	}
}

func TestLiveKeepsToTheTerminal(t *testing.T) {
	var many []string
	for i := range 60 {
		many = append(many, fmt.Sprintf("line %d", i))
	}
	for _, c := range []struct{ height, want int }{{10, 9}, {200, MaxLive}, {2, 1}, {1, 1}} {
		var out strings.Builder
		NewLive(&out, func() (int, int) { return 80, c.height }).Draw(many)
		got := screen(t, out.String())
		if len(got)-1 != c.want || got[len(got)-2] != "line 59" {
			t.Errorf("height %d: %d lines, the last %q; want %d", c.height, len(got)-1, got[len(got)-2], c.want)
		}
	}
}

func TestShorten(t *testing.T) {
	for _, c := range []struct {
		text    string
		columns int
		want    string
	}{
		{"short", 5, "short"},
		{"longer", 5, "long…"},
		{"ünïcödé", 4, "ünï…"},
		{"\x1b[32m✓\x1b[0m done", 6, "\x1b[32m✓\x1b[0m done"},
		{"\x1b[31;1mall of it red\x1b[0m", 4, "\x1b[31;1mall…\x1b[0m"},
		{"a\x1b[2mbcdef\x1b[0m", 3, "a\x1b[2mb…\x1b[0m"},
		{"x", 0, "…"},
	} {
		if got := Shorten(c.text, c.columns); got != c.want {
			t.Errorf("Shorten(%q, %d) = %q, want %q", c.text, c.columns, got, c.want)
		}
	}
}
