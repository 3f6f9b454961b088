// Package words writes text from elsewhere into command lines and messages.
package words

import "strings"

// Word is a word of a command line, quoted where a shell would read it otherwise.
func Word(w string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_.,:/@=+", r)
	}
	if w != "" && strings.IndexFunc(w, func(r rune) bool { return !plain(r) }) < 0 {
		return w
	}
	return Quote(w)
}

// Quote is a text between single quotes, as a POSIX shell reads it.
func Quote(value string) string { return "'" + strings.ReplaceAll(value, "'", `'\''`) + "'" }

// Printable is a text from a configuration, whose escapes may stand for anything, for
// people to read: what a terminal would obey is replaced.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r >= 0x2028 && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return '\ufffd'
		}
		return r
	}, s)
}
