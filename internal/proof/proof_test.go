package proof

import (
	"cmp"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/parascope/parascope/internal/madeup"
)

var (
	every = flag.Duration("every", 4*time.Minute, "interval of the day's scrapes; rates are of four")
	kept  = flag.String("kept", "", "directory in which the delivered day is kept for other runs with this flag")
)

// hours is how much of the day there is: a panel is asked at two moments of it.
const hours = 21.5

// moments are hours of the day: all jobs run, and one is left.
var moments = []float64{14.95, 21.3}

// wholeDay is the day of a healthy cluster and of one with faults, delivered.
func wholeDay(t *testing.T) *day {
	t.Helper()
	dir := cmp.Or(*kept, t.TempDir())
	d := newDay(t, dir, *every, recordedCluster(t, "healthy", false), recordedCluster(t, "faulty", true), newStockCluster())
	mark := filepath.Join(dir, "delivered")
	if _, err := os.Stat(mark); err == nil {
		d.now.Store(midnight*1e9 + int64(hours*float64(time.Hour)))
		return d
	}
	began := time.Now()
	d.pass(t, hours)
	t.Logf("%d samples were scraped and delivered in %s", d.samples, time.Since(began).Round(time.Second))
	if err := os.WriteFile(mark, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return d
}

// expected are the expectations of all dashboards.
func expected() expectations {
	all := expectations{}
	for _, some := range []expectations{expectOverview, expectNodes, expectGPUs, expectJob, expectSlurm, expectAvailability, expectUsers,
		expectNetwork, expectStorage, expectParallelCluster, expectPipeline} {
		maps.Copy(all, some)
	}
	return all
}

// listed are targets that no number is computed for, and why. They must have data.
var listed = map[string]string{
	"pipeline/Slowest scrapes/A": "in virtual time a scrape takes none",
}

// onStock are the boards and panels that are compared where other exporters run, too. The others need
// the pages of Slurm and of ours.
var onStock = map[string]bool{"nodes": true, "node": true, "gpus": true, "gpu-node": true,
	"cluster-overview/Nodes up": true}

// answer is what a target came to on a recording.
type answer struct {
	series int    // the most at any moment
	wrong  string // the first difference
}

// examine asks a target at all moments, and compares what it answers.
func (d *day) examine(q target, c *madeup.Cluster, expr string, want func(moment) wanted) (a answer) {
	for _, hour := range moments {
		got, err := d.ask(d.expand(expr, c.Name), hour)
		if err != nil {
			return answer{wrong: err.Error()}
		}
		a.series = max(a.series, len(got))
		if want == nil || a.wrong != "" {
			continue
		}
		if diff := differs(got, want(moment{c, hour})); diff != "" {
			a.wrong = fmt.Sprintf("at %v: %s", hour, diff)
		}
	}
	return a
}

// TestProof asks what the dashboards ask of the day, and asks it wrongly.
func TestProof(t *testing.T) {
	d := wholeDay(t)
	t.Run("panels", d.testPanels)
	t.Run("mutations", d.testMutations)
}

// testPanels asks every query of every panel: each has data on a recording, and what it
// answers is what the recording is made of.
func (d *day) testPanels(t *testing.T) {
	all, others := promTargets(t)
	want := expected()
	compared := 0
	table := tabwriter.NewWriter(t.Output(), 2, 1, 2, ' ', 0)
	defer table.Flush()
	for _, q := range all {
		if want[q.String()] != nil {
			compared++
		} else if listed[q.String()] == "" {
			t.Errorf("%s is neither compared nor listed", q)
		}
		fmt.Fprintf(table, "%s", q)
		most := 0
		for _, c := range d.clusters {
			if c.Name == "stock" && !onStock[q.board] && !onStock[q.board+"/"+q.panel] {
				continue
			}
			expected := want[q.String()]
			if c.Name == "stock" && unknownOnStock[q.String()] {
				expected = func(moment) wanted { return wanted{values: map[string]float64{}} }
			}
			a := d.examine(q, c, q.expr, expected)
			if a.wrong != "" {
				t.Errorf("%s, %s: %s\n%s", q, c.Name, a.wrong, d.expand(q.expr, c.Name))
			}
			most = max(most, a.series)
			fmt.Fprintf(table, "\t%s %d", c.Name, a.series)
		}
		fmt.Fprintln(table)
		if most == 0 {
			t.Errorf("%s is empty on every recording", q)
		}
		delete(want, q.String())
	}
	for name := range want {
		t.Errorf("%s is expected, and no panel asks it", name)
	}
	t.Logf("%d targets over Prometheus, %d compared; %d over CloudWatch are not asked here", len(all), compared, others)
	if compared*100 < len(all)*80 {
		t.Errorf("%d of %d targets are compared: fewer than 80 %%", compared, len(all))
	}
}
