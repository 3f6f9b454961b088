package slurm

import (
	"strconv"
	"strings"
	"time"
)

// timeLayout is the layout of SLURM_TIME_FORMAT=standard.
const timeLayout = "2006-01-02T15:04:05"

// maxLine bounds a line of a tool's output: the longest field is a reason or a node list.
const maxLine = 64 << 10

// record is a line of NAME=VALUE fields in parts that hold fields of Slurm's own only.
type record []string

// get returns the value of the first field of that name: up to the next blank.
// Values with blanks (OS, Comment) are cut, and are not asked for.
func (r record) get(name string) string {
	value, _ := r.find(name)
	return known(value)
}

// has reports whether there is a field of that name, also one without a value.
func (r record) has(name string) bool {
	_, found := r.find(name)
	return found
}

func (r record) find(name string) (value string, found bool) {
	for _, part := range r {
		for at := 0; ; {
			i := strings.Index(part[at:], name+"=")
			if i < 0 {
				break
			}
			i += at
			if i == 0 || part[i-1] == ' ' {
				value := part[i+len(name)+1:]
				if end := strings.IndexByte(value, ' '); end >= 0 {
					value = value[:end]
				}
				return value, true
			}
			at = i + len(name)
		}
	}
	return "", false
}

// known is the value, or nothing for what Slurm prints where it has none.
func known(value string) string {
	switch value {
	case "(null)", "N/A", "n/a", "n/s", "None", "Unknown", "NONE":
		return ""
	}
	return value
}

func list(value string) []string {
	if value == "" {
		return nil
	}
	return strings.Split(value, ",")
}

// number is a count, with Slurm's suffix for large ones (1K is 1024), or 0.
func number(value string) int {
	if value == "" {
		return 0
	}
	factor := 1.0
	switch value[len(value)-1] {
	case 'K':
		factor = 1 << 10
	case 'M':
		factor = 1 << 20
	case 'G':
		factor = 1 << 30
	}
	if factor > 1 {
		value = value[:len(value)-1]
	}
	n, err := strconv.ParseFloat(value, 64)
	if err != nil || n < 0 || n*factor > 1<<52 {
		return 0
	}
	return int(n * factor)
}

// moment is a time as the tools print it with SLURM_TIME_FORMAT=standard, or the zero
// time where Slurm has none.
func moment(value string, zone *time.Location) time.Time {
	if value == "" {
		return time.Time{}
	}
	t, err := time.ParseInLocation(timeLayout, value, zone)
	if err != nil {
		return time.Time{}
	}
	return t
}
