package term

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestClean(t *testing.T) {
	for text, want := range map[string]string{
		"plain text, 100%":             "plain text, 100%",
		"größer · ✓ 日本":                "größer · ✓ 日本",
		"a\x1b[2Jb":                    `a\x1b[2Jb`,
		"\x1b]0;title\x07":             `\x1b]0;title\x07`,
		"\u009b2J":                     `\x9b2J`,
		"safe\u202egpj.exe":            `safe\u202egpj.exe`,
		"a\u2066b\u200bc\ufeffd":       `a\u2066b\u200bc\ufeffd`,
		"one\nError: two\r\x00\tthree": `one\nError: two\x0d\x00 three`,
		"bad \xff\xc0 bytes":           `bad \xff\xc0 bytes`,
		"\u2028\u2029\U000e0041\x7f":   `\u2028\u2029\U000e0041\x7f`,
		"\x1b[31mred":                  `\x1b[31mred`,
	} {
		if got := Clean(text); got != want {
			t.Errorf("%q is drawn as %q, want %q", text, got, want)
		}
	}
	if got := CleanLines("a\nb\x1b[2J"); got != "a\nb\\x1b[2J" {
		t.Errorf("lines: %q", got)
	}
}

// TestDrawnTextIsClean: whatever draws, cleans.
func TestDrawnTextIsClean(t *testing.T) {
	evil := "x\x1b[2J\x1b]0;t\x07\u202e"
	var b strings.Builder
	if err := Table(&b, Styler{on: true}, []Column{{Title: "A"}, {Title: "B"}}, [][]string{{evil, Styler{on: true}.Bad(evil)}}); err != nil {
		t.Fatal(err)
	}
	l := NewLive(&b, func() (int, int) { return 200, 20 })
	l.Draw([]string{evil})
	l.Print(evil, nil)
	b.WriteString(Styler{}.Bold(evil))
	for _, harmful := range []string{"\x1b[2J", "\x1b]", "\x07", "\u202e"} {
		if strings.Contains(b.String(), harmful) {
			t.Errorf("%q is drawn: %q", harmful, b.String())
		}
	}
	if !strings.Contains(b.String(), "\x1b[31;1m") {
		t.Error("colours are gone")
	}
}

func FuzzClean(f *testing.F) {
	f.Add("a\x1b[2J\u202e\xff")
	f.Fuzz(func(t *testing.T, text string) {
		got := Clean(text)
		if !utf8.ValidString(got) || strings.ContainsAny(got, "\x1b\x07\n\r\u202e\u009b") || Clean(got) != got {
			t.Errorf("%q is drawn as %q", text, got)
		}
	})
}
