package expectation

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/parascope/parascope/internal/cost/price"
	"github.com/parascope/parascope/internal/slurm"
)

// expected is the one sample of a collector, and its source.
func expected(t *testing.T, nodes []slurm.Node, read bool, given float64) (value float64, source string) {
	t.Helper()
	l, err := price.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(New(l, func() ([]slurm.Node, bool) { return nodes, read }, given))
	found, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	if problems, err := testutil.GatherAndLint(r); err != nil || len(problems) > 0 {
		t.Errorf("%v, %v", problems, err)
	}
	for _, f := range found {
		m := f.GetMetric()[0]
		return m.GetGauge().GetValue(), m.GetLabel()[0].GetValue()
	}
	return 0, ""
}

// TestExpectation: nodes that run count, those that are powered down do not, GPUs count for
// what they have, and what a person gives comes first.
func TestExpectation(t *testing.T) {
	node := func(features string, flags ...string) slurm.Node {
		return slurm.Node{Features: strings.Split(features, ","), Flags: flags, Partitions: []string{"q"}}
	}
	of := func(nodes ...slurm.Node) float64 {
		value, source := expected(t, nodes, true, 0)
		if source != "nodes" {
			t.Errorf("source %q", source)
		}
		return value
	}
	none, cpu, gpu := of(), of(node("dynamic,c7i.xlarge")), of(node("static,p5.48xlarge,efa"))
	if none <= 0 || cpu <= none || gpu-none < 2*(cpu-none) {
		t.Errorf("without nodes %v, with one %v, with one of eight GPUs %v", none, cpu, gpu)
	}
	// The partition makes series without nodes, too.
	down := node("dynamic,c7i.xlarge", "cloud", "powered_down")
	if one, with := of(node("dynamic,c7i.xlarge")), of(node("dynamic,c7i.xlarge"), down); one != with {
		t.Errorf("a node that is powered down makes %v of %v", with, one)
	}
	// Some hundred series, as bench/fleet has them of a p5 node: 87,600 scrapes of 30 s in 730 hours each.
	if perNode := (gpu - none) / 87600; perNode < 300 || perNode > 600 {
		t.Errorf("a p5 node has %v series", perNode)
	}
	if value, source := expected(t, nil, false, 0); value != 0 || source != "" {
		t.Errorf("%v of %q while the nodes are not known", value, source)
	}
	if value, source := expected(t, nil, false, 5e9); value != 5e9 || source != "given" {
		t.Errorf("%v of %q where it is given", value, source)
	}
}
