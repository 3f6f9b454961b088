package priceseries

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/parascope/parascope/internal/cost/price"
	"github.com/parascope/parascope/internal/slurm"
)

// TestSeries: one for each type with a price, none for one without, and which one that is.
func TestSeries(t *testing.T) {
	l, err := price.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	rate, err := price.ParseDollars("2.5")
	if err != nil {
		t.Fatal(err)
	}
	c := New(l.WithRate("g5.xlarge", rate), "us-west-2", func() []string {
		return []string{"c7i.xlarge", "g5.xlarge", "p5.48xlarge", "p5e.48xlarge"}
	})
	want := `
# HELP parascope_instance_gpus Number of NVIDIA GPUs of an instance of this type.
# TYPE parascope_instance_gpus gauge
parascope_instance_gpus{instance_type="g5.xlarge"} 1
parascope_instance_gpus{instance_type="p5.48xlarge"} 8
parascope_instance_gpus{instance_type="p5e.48xlarge"} 8
# HELP parascope_instance_price_dollars_per_hour Hourly price of the instance type: Linux on-demand or --cost.rate; absent if unknown.
# TYPE parascope_instance_price_dollars_per_hour gauge
parascope_instance_price_dollars_per_hour{instance_type="g5.xlarge",region="us-west-2",source="rate"} 2.5
parascope_instance_price_dollars_per_hour{instance_type="p5.48xlarge",region="us-west-2",source="on_demand"} 55.04
# HELP parascope_instance_price_known 1 if the price of the instance type in the cluster's region is known, 0 if the price is unknown.
# TYPE parascope_instance_price_known gauge
parascope_instance_price_known{instance_type="c7i.xlarge",region="us-west-2"} 0
parascope_instance_price_known{instance_type="g5.xlarge",region="us-west-2"} 1
parascope_instance_price_known{instance_type="p5.48xlarge",region="us-west-2"} 1
parascope_instance_price_known{instance_type="p5e.48xlarge",region="us-west-2"} 0
`
	if err := testutil.CollectAndCompare(c, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(c)
	problems, err := testutil.GatherAndLint(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%+v", promlint.Problem(p))
	}
}

// TestTypesOf reads the nodes of each version of Slurm that is recorded.
func TestTypesOf(t *testing.T) {
	nodes := []slurm.Node{
		{Features: []string{"dynamic", "p5.48xlarge", "gpu-nodes", "efa", "gpu"}}, {Features: []string{"static", "c7i.xlarge", "p5.48xlarge"}},
		{Features: []string{"A.B", "1.2", "u-6tb1.metal", "x.<script>", strings.Repeat("a", 30) + ".b"}},
	}
	if got := strings.Join(TypesOf(nodes), " "); got != "c7i.xlarge p5.48xlarge u-6tb1.metal" {
		t.Errorf("types %q", got)
	}
}

// TestMany: features without end make no series without end.
func TestMany(t *testing.T) {
	types := make([]string, 5000)
	for i := range types {
		types[i] = "c" + strings.Repeat("x", i%20) + ".large"
	}
	c := New(price.List{}, "us-east-1", func() []string { return types })
	metrics := make(chan prometheus.Metric, 3*len(types))
	c.Collect(metrics)
	if n := len(metrics); n > 3*maxTypes {
		t.Errorf("%d series", n)
	}
}
