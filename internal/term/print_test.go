package term

import (
	"errors"
	"strings"
	"testing"
)

// TestPrintf: colours of a Styler pass, and nothing else that a terminal obeys.
func TestPrintf(t *testing.T) {
	painted := Styler{on: true}.Bad("✗")
	for name, c := range map[string]struct {
		arg  any
		want string
	}{
		"a colour of ours":    {painted, "\x1b[31;1m✗\x1b[0m"},
		"a line of its own":   {"a\nError: b", `a\nError: b`},
		"clearing the screen": {"\x1b[2Jx", `\x1b[2Jx`},
		"hidden text":         {"\x1b[8mx", `\x1b[8mx`},
		"a title":             {"\x1b]0;x\a", `\x1b]0;x\x07`},
		"a carriage return":   {"a\rb", `a\x0db`},
		"marks of direction":  {"a\u202eb", `a\u202eb`},
		"an error":            {errors.New("\x1b[1A"), `\x1b[1A`},
		"a number":            {7, "7"},
	} {
		var b strings.Builder
		verb := "%s"
		if name == "a number" {
			verb = "%d"
		}
		if err := Printf(&b, verb+"\n", c.arg); err != nil || b.String() != c.want+"\n" {
			t.Errorf("%s: %q, %v", name, b.String(), err)
		}
	}
}

// TestATableShowsNoHiddenText: a cell with the sequence that conceals what follows.
func TestATableShowsNoHiddenText(t *testing.T) {
	var b strings.Builder
	if err := Table(&b, Styler{}, []Column{{Title: "WHO"}}, [][]string{{"\x1b[8mmallory"}}); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "\x1b") {
		t.Errorf("%q", b.String())
	}
}
