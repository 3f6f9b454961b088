package cli

import (
	"fmt"
	"strconv"
	"strings"
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
	for _, u := range byteUnits {
		digits, ok := strings.CutSuffix(strings.Replace(strings.ToUpper(text), "IB", "B", 1), u.suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(digits, 10, 64)
		if err != nil || n<<u.shift>>u.shift != n || n<<u.shift < 1<<20 {
			break
		}
		*b = byteSize(n << u.shift)
		return nil
	}
	return fmt.Errorf("%q is not a size of at least 1MB, such as 512MB or 4GB", text)
}

func (b *byteSize) Type() string { return "size" }
