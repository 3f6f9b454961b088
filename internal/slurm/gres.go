package slurm

import (
	"strconv"
	"strings"
)

// maxIndex bounds the indices that a range of devices may name.
const maxIndex = 4096

// GRES is a generic resource of a node: so many of a name and type.
type GRES struct {
	Name, Type string // "gpu", "h100"; the type is empty where gres.conf has none
	Count      int
	Indices    []int // of the allocated devices, in order; nil where Slurm does not print them
}

// parseGRES reads Gres and GresUsed: "gpu:h100:8(S:0-1),gpu:a100:2(IDX:0,3-4)". What
// cannot be read is left out.
func parseGRES(text string) []GRES {
	var all []GRES
	for _, item := range splitOutside(text) {
		body, more, _ := strings.Cut(item, "(")
		parts := strings.Split(body, ":")
		g := GRES{Name: parts[0], Count: 1}
		if g.Name == "" || g.Name == "null)" {
			continue
		}
		if last := parts[len(parts)-1]; len(parts) > 1 && last != "" && last[0] >= '0' && last[0] <= '9' {
			g.Count = number(last)
			parts = parts[:len(parts)-1]
		}
		if len(parts) > 1 && parts[1] != "no_consume" {
			g.Type = parts[1]
		}
		if indices, ok := strings.CutPrefix(more, "IDX:"); ok {
			g.Indices = parseIndices(strings.TrimSuffix(indices, ")"))
		}
		all = append(all, g)
	}
	return all
}

// splitOutside splits at commas that are not in parentheses.
func splitOutside(text string) []string {
	var parts []string
	depth, start := 0, 0
	for i := range len(text) {
		switch text[i] {
		case '(':
			depth++
		case ')':
			depth--
		case ',':
			if depth == 0 {
				parts, start = append(parts, text[start:i]), i+1
			}
		}
	}
	if start < len(text) {
		parts = append(parts, text[start:])
	}
	return parts
}

// parseIndices reads "0,3-4"; nil if it is N/A or no list of indices.
func parseIndices(text string) []int {
	var all []int
	for part := range strings.SplitSeq(text, ",") {
		low, high, isRange := strings.Cut(part, "-")
		from, err := strconv.Atoi(low)
		if err != nil || from < 0 || from > maxIndex {
			return nil
		}
		to := from
		if isRange {
			if to, err = strconv.Atoi(high); err != nil || to < from || to > maxIndex {
				return nil
			}
		}
		for i := from; i <= to; i++ {
			all = append(all, i)
		}
	}
	return all
}

// gresOfTRES returns the generic resources of a TRES list: "cpu=8,mem=14G,gres/gpu=2,
// gres/gpu:h100=2". A name with a type replaces the one without.
func gresOfTRES(text string) []GRES {
	var all []GRES
	typed := map[string]bool{}
	for item := range strings.SplitSeq(text, ",") {
		item, ok := strings.CutPrefix(item, "gres/")
		if !ok {
			continue
		}
		what, count, ok := strings.Cut(item, "=")
		if !ok {
			continue
		}
		name, kind, _ := strings.Cut(what, ":")
		typed[name] = typed[name] || kind != ""
		all = append(all, GRES{Name: name, Type: kind, Count: number(count)})
	}
	kept := all[:0]
	for _, g := range all {
		if g.Type != "" || !typed[g.Name] {
			kept = append(kept, g)
		}
	}
	return kept
}
