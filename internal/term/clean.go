package term

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Clean is a text on one line in which nothing controls a terminal or changes the
// order of what is read: control characters, line ends, marks of direction, invisible
// characters and bytes that are not UTF-8 are written as escapes, such as \x1b. All
// text from outside is cleaned where it is drawn; that a text is cleaned twice does
// no harm.
func Clean(text string) string { return clean(text, "", false) }

// CleanLines is Clean for a text that may have several lines.
func CleanLines(text string) string { return clean(text, "\n\t", false) }

// cleanPainted is Clean for a text whose colours a Styler made.
func cleanPainted(text string) string { return clean(text, "", true) }

// clean writes what is harmful as escapes, but for the characters of keep and, with
// painted, the sequences that a Styler writes.
func clean(text, keep string, painted bool) string {
	if isPlain(text) {
		return text
	}
	var b strings.Builder
	for len(text) > 0 {
		if painted {
			if at := own.FindStringIndex(text); at != nil {
				b.WriteString(text[:at[1]])
				text = text[at[1]:]
				continue
			}
		}
		r, n := utf8.DecodeRuneInString(text)
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, text[0])
		case strings.ContainsRune(keep, r) || harmless(r):
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(" ")
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
		text = text[n:]
	}
	return b.String()
}

func isPlain(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}

// harmless reports whether a character is seen where it stands.
func harmless(r rune) bool {
	return r == ' ' || unicode.IsGraphic(r) && !unicode.Is(unicode.Zs, r) && !unicode.Is(unicode.Variation_Selector, r) || r == '\u00a0'
}
