package queue

import (
	"cmp"
	"fmt"
	"os"
	"slices"
)

// Generation is one of the queues in a directory: each change of the number of lanes begins
// a new one, since a series then moves to another lane.
type Generation struct{ Number, Lanes int }

// maxGeneration is more than how often somebody changes the number of lanes.
const maxGeneration = 1_000_000

// Dir is the name of its directory.
func (g Generation) Dir() string { return fmt.Sprintf("%04d-lanes-%d", g.Number, g.Lanes) }

// Generations returns the queues in a directory, oldest first.
func Generations(dir string) ([]Generation, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("could not list queues: %w", err)
	}
	var all []Generation
	for _, e := range entries {
		var g Generation
		if _, err := fmt.Sscanf(e.Name(), "%d-lanes-%d", &g.Number, &g.Lanes); err != nil || g.Dir() != e.Name() || g.Lanes < 1 ||
			g.Lanes > MaxLanes || g.Number < 1 || g.Number > maxGeneration {
			continue // not ours
		}
		all = append(all, g)
	}
	slices.SortFunc(all, func(a, b Generation) int { return cmp.Compare(a.Number, b.Number) })
	return all, nil
}
