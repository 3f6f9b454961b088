package device

import (
	"bytes"
	"errors"
	"iter"

	"github.com/parascope/parascope/internal/collect/read"
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

var errNotANumber = errors.New("not a 64-bit decimal number")

// numberField takes the first word off line and parses it. The error is errNotANumber.
func numberField(line *[]byte) (uint64, error) {
	n, ok := read.UintField(line)
	if !ok {
		return 0, errNotANumber
	}
	return n, nil
}
