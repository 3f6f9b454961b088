package page

import (
	"hash/fnv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxLabelValue bounds a label value, in bytes before escaping.
const maxLabelValue = 1024

const hexDigits = "0123456789abcdef"

// AppendLabelValue appends value, escaped for the text format. Bytes that are no
// UTF-8 or do not show (control characters) are written as \xNN, and then so is each
// backslash: two values that differ stay two. A value of more than 1,024 bytes ends
// in a hash of the whole.
func AppendLabelValue(buf []byte, value string) []byte {
	tail := ""
	if len(value) > maxLabelValue {
		value, tail = shorten(value)
	}
	if !odd(value) {
		return append(appendClean(buf, value), tail...)
	}
	for i := 0; i < len(value); {
		r, size := utf8.DecodeRuneInString(value[i:])
		if r == '\\' || hidden(r, size) {
			for _, c := range []byte(value[i : i+size]) {
				buf = append(buf, '\\', '\\', 'x', hexDigits[c>>4], hexDigits[c&15])
			}
		} else {
			buf = appendClean(buf, value[i:i+size])
		}
		i += size
	}
	return append(buf, tail...)
}

// shorten cuts value where a rune begins; tail tells long values with one beginning apart.
func shorten(value string) (head, tail string) {
	h := fnv.New64a()
	h.Write([]byte(value))
	sum := h.Sum(nil)
	digits := make([]byte, 0, 2*len(sum))
	for _, c := range sum {
		digits = append(digits, hexDigits[c>>4], hexDigits[c&15])
	}
	end := maxLabelValue
	for end > maxLabelValue-utf8.UTFMax && !utf8.RuneStart(value[end]) {
		end--
	}
	return value[:end], "…" + string(digits)
}

// odd reports whether value needs the form with \xNN: it has bytes that do not show,
// or reads as if it were written in that form.
func odd(value string) bool {
	plain := true
	for i := range len(value) {
		if c := value[i]; c < ' ' || c >= 0x7f || c == '\\' {
			plain = false
			break
		}
	}
	if plain {
		return false
	}
	if strings.Contains(value, `\x`) {
		return true
	}
	for i := 0; i < len(value); {
		r, size := utf8.DecodeRuneInString(value[i:])
		if hidden(r, size) {
			return true
		}
		i += size
	}
	return false
}

func hidden(r rune, size int) bool {
	return r == utf8.RuneError && size <= 1 || !unicode.IsGraphic(r)
}

// appendClean escapes what the text format escapes.
func appendClean(buf []byte, value string) []byte {
	for i := range len(value) {
		switch c := value[i]; c {
		case '\\':
			buf = append(buf, `\\`...)
		case '"':
			buf = append(buf, `\"`...)
		default:
			buf = append(buf, c)
		}
	}
	return buf
}
