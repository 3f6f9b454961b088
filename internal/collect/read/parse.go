package read

import "bytes"

// Whole reports whether text ends with a line's end, as what the kernel writes does. A
// file that was read while it vanished may not.
func Whole(text []byte) bool { return len(text) > 0 && text[len(text)-1] == '\n' }

// Line takes the first line off text, without its end. ok is false when text is empty.
func Line(text *[]byte) (line []byte, ok bool) {
	if len(*text) == 0 {
		return nil, false
	}
	line, *text, _ = bytes.Cut(*text, []byte{'\n'})
	return line, true
}

// Field takes the first word off line. ok is false when there is none.
func Field(line *[]byte) (word []byte, ok bool) {
	b := *line
	start := 0
	for start < len(b) && blank(b[start]) {
		start++
	}
	end := start
	for end < len(b) && !blank(b[end]) {
		end++
	}
	*line = b[end:]
	return b[start:end], end > start
}

func blank(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// Uint parses a decimal number without sign. ok is false for anything else, and for
// more than 64 bits.
func Uint(word []byte) (n uint64, ok bool) {
	if len(word) == 0 {
		return 0, false
	}
	for _, c := range word {
		d := uint64(c - '0')
		if c < '0' || c > '9' || n > (1<<64-1-d)/10 {
			return 0, false
		}
		n = n*10 + d
	}
	return n, true
}

// UintField takes the first word off line and parses it.
func UintField(line *[]byte) (n uint64, ok bool) {
	word, _ := Field(line)
	return Uint(word)
}

// Trim is text without blanks at its ends.
func Trim(text []byte) []byte { return bytes.TrimSpace(text) }

// Digits reports whether name is a number, as the names of CPUs and processes are.
func Digits(name string) bool {
	for i := range len(name) {
		if name[i] < '0' || name[i] > '9' {
			return false
		}
	}
	return name != ""
}
