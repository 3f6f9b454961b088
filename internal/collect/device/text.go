package device

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"math"
	"strings"
	"unicode"
	"unicode/utf8"
)

// lines yields the lines of b that end in a newline. Half a line at the end, of a file
// that was cut or that is being written, is not yielded.
func lines(b []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for {
			i := bytes.IndexByte(b, '\n')
			if i < 0 || !yield(b[:i]) {
				return
			}
			b = b[i+1:]
		}
	}
}

// field returns the first word of b and what follows it.
func field(b []byte) (word, rest []byte) {
	start := 0
	for start < len(b) && isSpace(b[start]) {
		start++
	}
	end := start
	for end < len(b) && !isSpace(b[end]) {
		end++
	}
	return b[start:end], b[end:]
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

var errNotANumber = errors.New("not a decimal number of 64 bits")

// number returns the number that b is. The kernel writes no signs, fractions or
// exponents in the files that are read with it. The error is errNotANumber.
func number(b []byte) (uint64, error) {
	if len(b) == 0 || len(b) > 20 {
		return 0, errNotANumber
	}
	var n uint64
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, errNotANumber
		}
		d := uint64(c - '0')
		if n > (math.MaxUint64-d)/10 {
			return 0, errNotANumber
		}
		n = n*10 + d
	}
	return n, nil
}

// maxLabel is the longest label value that is made of text from a file, in bytes.
const maxLabel = 256

// clean makes a label value of text from a file: valid UTF-8 without control
// characters, at most maxLabel bytes, without space around it.
func clean(s string) string {
	if len(s) > maxLabel {
		s = s[:maxLabel]
	}
	s = strings.ToValidUTF8(s, "")
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == utf8.RuneError {
			return -1
		}
		return r
	}, s)
	return strings.TrimSpace(s)
}

// tooLong is the error of a file that is larger than what it can hold.
func tooLong(path string, max int) error {
	return fmt.Errorf("%s has more than %d bytes", path, max)
}
