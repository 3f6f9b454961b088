package parascopehead

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/parascope/parascope/internal/head"
)

// byteSize is a flag's number of bytes, written as Prometheus writes it: powers
// of 1024, as 512MB or 4GB.
type byteSize int64

var byteUnits = []struct {
	suffix string
	shift  uint
}{{"TB", 40}, {"GB", 30}, {"MB", 20}, {"KB", 10}, {"B", 0}}

func (b *byteSize) String() string {
	for _, u := range byteUnits {
		if n := int64(*b); n != 0 && n%(1<<u.shift) == 0 {
			return strconv.FormatInt(n>>u.shift, 10) + u.suffix
		}
	}
	return "0B"
}

// Set reads a size of at least 1 MB: less would not hold a request for each lane.
func (b *byteSize) Set(text string) error {
	n, ok := parseBytes(text)
	if !ok || n < head.MinQueueMaxBytes {
		return fmt.Errorf("%q is not a size of at least 1MB, such as 512MB or 4GB", text)
	}
	*b = byteSize(n)
	return nil
}

func (b *byteSize) Type() string { return "size" }

// requestSize is a flag's size of a request.
type requestSize int64

func (r *requestSize) String() string { return (*byteSize)(r).String() }

// Set reads a size that a lane can join records to.
func (r *requestSize) Set(text string) error {
	n, ok := parseBytes(text)
	if !ok || n < head.MinQueueMaxRequest || n > head.MaxQueueMaxRequest {
		return fmt.Errorf("%q is not a size from 64KB to 16MB", text)
	}
	*r = requestSize(n)
	return nil
}

func (r *requestSize) Type() string { return "size" }

func parseBytes(text string) (n int64, ok bool) {
	for _, u := range byteUnits {
		digits, ok := strings.CutSuffix(strings.Replace(strings.ToUpper(text), "IB", "B", 1), u.suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(digits, 10, 64)
		return n << u.shift, err == nil && n<<u.shift>>u.shift == n
	}
	return 0, false
}
