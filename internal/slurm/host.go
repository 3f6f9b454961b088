package slurm

import (
	"fmt"
	"strconv"
	"strings"
)

// ExpandHosts returns the names of a host list: "gpu-[1-2,07],head" is gpu-1, gpu-2,
// gpu-07 and head. It fails when the list is malformed or has more than most names.
func ExpandHosts(text string, most int) ([]string, error) {
	var names []string
	for text != "" {
		var item string
		item, text = cutOutsideBrackets(text)
		expanded, err := expandHost(item, most-len(names))
		if err != nil {
			return nil, fmt.Errorf("host list %q: %w", item, err)
		}
		names = append(names, expanded...)
	}
	return names, nil
}

// cutOutsideBrackets cuts text at the first comma that is not in brackets.
func cutOutsideBrackets(text string) (first, rest string) {
	depth := 0
	for i := range len(text) {
		switch text[i] {
		case '[':
			depth++
		case ']':
			depth--
		case ',':
			if depth == 0 {
				return text[:i], text[i+1:]
			}
		}
	}
	return text, ""
}

// expandHost expands one item, which may have several brackets: "r[1-2]n[1-2]".
func expandHost(item string, most int) ([]string, error) {
	prefix, rest, found := strings.Cut(item, "[")
	if !found {
		if item == "" || strings.Contains(item, "]") {
			return nil, fmt.Errorf("not a name")
		}
		if most < 1 {
			return nil, fmt.Errorf("too many names")
		}
		return []string{item}, nil
	}
	ranges, suffix, found := strings.Cut(rest, "]")
	if !found {
		return nil, fmt.Errorf("a bracket is not closed")
	}
	ends := []string{""}
	if suffix != "" {
		var err error
		if ends, err = expandHost(suffix, most); err != nil {
			return nil, err
		}
	}
	var names []string
	for span := range strings.SplitSeq(ranges, ",") {
		low, high, isRange := strings.Cut(span, "-")
		if !isRange {
			high = low
		}
		from, err1 := strconv.Atoi(low)
		to, err2 := strconv.Atoi(high)
		if err1 != nil || err2 != nil || from < 0 || to < from {
			return nil, fmt.Errorf("%q is not a range", span)
		}
		if (to-from+1)*len(ends) > most-len(names) {
			return nil, fmt.Errorf("too many names")
		}
		for i := from; i <= to; i++ {
			for _, end := range ends {
				names = append(names, fmt.Sprintf("%s%0*d%s", prefix, len(low), i, end))
			}
		}
	}
	return names, nil
}
