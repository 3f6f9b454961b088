package cost

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/parascope/parascope/internal/cost/census"
	"github.com/parascope/parascope/internal/cost/price"
	"github.com/parascope/parascope/internal/dashboard"
	"github.com/parascope/parascope/internal/hint"
)

// regionPattern is what a region's name looks like.
var regionPattern = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]+)+-[0-9]$`)

// IsRegion reports whether a text looks like an AWS region.
func IsRegion(text string) bool { return len(text) <= 30 && regionPattern.MatchString(text) }

// accelerated are instance types that have GPUs by their name.
var accelerated = regexp.MustCompile(`^(p|g|gr)[0-9]`)

// withoutNVIDIA are families of GPUs that are not NVIDIA's.
var withoutNVIDIA = regexp.MustCompile(`^g[0-9]+ad\.`)

// Place puts the nodes of a cluster into a workload. A type with GPUs whose number is not known is
// an error with exit code BadInput.
func Place(w *Workload, l price.List, c census.Census) error {
	w.Queues = max(c.Queues, 1)
	for _, n := range c.Groups {
		g := Group{Name: n.Name, Type: n.InstanceType, EFA: n.EFA, compute: n.Kind == census.Compute, lustre: c.LustreMounts,
			Nodes: Range[int]{n.Min, n.Min + (n.Max-n.Min+1)/2, n.Max}}
		if t, ok := l.Type(n.InstanceType); ok {
			g.GPUs = t.GPUs
		} else if accelerated.MatchString(n.InstanceType) && !withoutNVIDIA.MatchString(n.InstanceType) {
			return hint.New(hint.BadInput, fmt.Errorf("instance type %s has an unknown number of GPUs", n.InstanceType),
				"correct the instance type, or use a newer parascope; 'parascope cost prices' lists the known instance types")
		}
		if n.Name == n.InstanceType { // named without a configuration, which would say so
			g.EFA = usuallyEFA(n.InstanceType)
		}
		w.Groups = append(w.Groups, g)
	}
	return nil
}

// usuallyEFA reports whether nodes of a type are made for EFA.
func usuallyEFA(instanceType string) bool {
	return efaDevices[instanceType] > 0 || strings.HasPrefix(instanceType, "hpc") || strings.HasPrefix(instanceType, "p6")
}

// ShippedBoards are the dashboards that the setup function installs.
func ShippedBoards() ([]Board, error) {
	var all []Board
	for _, d := range dashboard.All() {
		b, err := ReadBoard(d.JSON)
		if err != nil {
			return nil, err
		}
		all = append(all, b)
	}
	return all, nil
}
