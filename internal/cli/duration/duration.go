// Package duration reads lengths of time as people and Prometheus write them: 90s, 1h30m,
// 7d. It is apart from the frame of the programs, since not all of them link Prometheus'
// model.
package duration

import (
	"fmt"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/spf13/pflag"
)

// Var defines a flag for a length of time, written as Prometheus writes it (1d,
// 1h30m) or as Go does (1.5s).
func Var(f *pflag.FlagSet, d *time.Duration, name string, otherwise time.Duration, usage string) {
	*d = otherwise
	f.Var((*value)(d), name, usage)
}

type value time.Duration

// Set reads a length of time.
func (d *value) Set(text string) error {
	read, err := Parse(text)
	if err == nil {
		*d = value(read)
	}
	return err
}

func (d *value) String() string {
	if *d == 0 {
		return "" // pflag prints no default then
	}
	return Format(time.Duration(*d))
}

// Type is how pflag calls the value.
func (*value) Type() string { return "duration" }

// Parse reads a length of time as Prometheus or Go writes it.
func Parse(text string) (time.Duration, error) {
	if d, err := model.ParseDuration(text); err == nil {
		return time.Duration(d), nil
	}
	if d, err := time.ParseDuration(text); err == nil {
		return d, nil
	}
	return 0, fmt.Errorf("%q is not a duration such as 90s, 15m, 1h30m or 7d", text)
}

// Format writes a length of time as people do: 1h, and not 1h0m0s.
func Format(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
