package proof

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/parascope/parascope/internal/madeup"
)

// midnight is when the made-up day begins.
const midnight = 1795392000 // 2026-11-23T00:00:00Z, Unix seconds

// recordedCluster is the made-up cluster, whose pages also have what was recorded on
// instances of these types and of the scheduler of Slurm 25.11.
func recordedCluster(t testing.TB, name string, faulty bool) *madeup.Cluster {
	t.Helper()
	c := madeup.NewCluster(name, midnight, faulty, 4, madeup.Trains, madeup.Tunes, madeup.Solve)
	for _, m := range c.Machines {
		if faulty && (m.Kind == "head" || m.Name == madeup.CPUNode(1) || m.Name == madeup.CPUNode(4)) {
			addNodeExporterBeside(m)
		}
	}
	fillUp(t, c)
	return c
}

// recordedFleet is a healthy one with more nodes that have GPUs.
func recordedFleet(t testing.TB, name string, gpuNodes int, large madeup.Job) *madeup.Cluster {
	t.Helper()
	c := madeup.NewCluster(name, midnight, false, gpuNodes, large, madeup.Tunes, madeup.Solve)
	fillUp(t, c)
	return c
}

// fillUp adds what was recorded and is not made up.
func fillUp(t testing.TB, c *madeup.Cluster) {
	t.Helper()
	all := madeup.OurFamilies()
	for _, m := range c.Machines {
		recording := map[string]string{"head": "c5.2xlarge-head", "login": "c7g.large-login",
			"computegpu": "p5.48xlarge", "computecpu": "hpc7a.96xlarge"}[m.Kind+m.Queue]
		addRecorded(t, m.Page("node"), all, "../collect/device/testdata/"+recording+".golden", func(*madeup.Family) bool { return true })
	}
	addRecorded(t, c.Machines[0].Page("slurm"), all, "../collect/slurmstat/testdata/25.11.7/page.metrics", func(f *madeup.Family) bool {
		return len(f.Labels) == 0 || f.Labels[0] == "operation"
	})
}

// addRecorded adds the recorded series of families that the page does not have yet, with
// the values that were recorded; their counters do not grow.
func addRecorded(t testing.TB, e *madeup.Exporter, all madeup.Families, file string, wanted func(*madeup.Family) bool) {
	t.Helper()
	has := map[string]bool{}
	for _, s := range e.Series {
		has[s.Name] = true
	}
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(content)) {
		name, labels, value, ok := parseLine(strings.TrimSpace(line))
		if !ok || has[name] || all[name] == nil {
			continue
		}
		f := all.Of(name)
		if !wanted(&f) {
			continue
		}
		s := e.Add(f, madeup.Flat(0), labels...)
		if s.Base = value; !s.Counter {
			s.Level = madeup.Flat(value)
		}
	}
}

// parseLine reads a sample of the text format; labels are name, value, name, value.
func parseLine(line string) (name string, labels []string, value float64, ok bool) {
	if line == "" || line[0] == '#' {
		return "", nil, 0, false
	}
	space := strings.LastIndexByte(line, ' ')
	value, err := strconv.ParseFloat(line[space+1:], 64)
	if err != nil {
		return "", nil, 0, false
	}
	name, rest, _ := strings.Cut(line[:space], "{")
	for rest = strings.TrimSuffix(rest, "}"); rest != ""; {
		label, after, _ := strings.Cut(rest, `="`)
		end := strings.Index(after, `"`)
		labels = append(labels, label, after[:end])
		rest = strings.TrimPrefix(after[end+1:], ",")
	}
	return name, labels, value, true
}
