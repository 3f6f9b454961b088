package slurm_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parascope/parascope/internal/slurm"
)

// newest returns a recorded output of Slurm 26.05.2, which somebody else published.
func newest(t *testing.T, file string) []byte {
	t.Helper()
	samples := os.Getenv("PARASCOPE_SAMPLES")
	if samples == "" {
		t.Skip("PARASCOPE_SAMPLES names no directory of samples")
	}
	b, err := os.ReadFile(filepath.Join(samples, "slurm", "26.05.2-fixtures", file))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestNewestNodes holds the nodes that are read from scontrol of Slurm 26.05 against what sinfo printed of them.
func TestNewestNodes(t *testing.T) {
	nodes, err := slurm.ParseNodes(newest(t, "scontrol_nodes.txt"), time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	compared := map[string]bool{}
	for line := range strings.Lines(string(newest(t, "node_detail.txt"))) {
		f := strings.Fields(line) // name, allocated and whole memory, CPUs, state, partition, GRES, GRES in use
		if len(f) != 8 {
			t.Fatalf("%q has %d fields", line, len(f))
		}
		i := slices.IndexFunc(nodes, func(n slurm.Node) bool { return n.Name == f[0] })
		if i < 0 {
			continue // the recording of scontrol has 6 of sinfo's 20 nodes
		}
		n := nodes[i]
		idle := n.CPUs - n.CPUsAllocated
		got := []string{fmt.Sprint(n.AllocMemoryMB), fmt.Sprint(n.MemoryMB), fmt.Sprintf("%d/%d/0/%d", n.CPUsAllocated, idle, n.CPUs), n.State}
		if want := f[1:5]; strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("%s: %v, sinfo says %v", n.Name, got, want)
		}
		if partition := strings.TrimSuffix(f[5], "*"); !strings.Contains(","+strings.Join(n.Partitions, ",")+",", ","+partition+",") {
			t.Errorf("%s: partitions %v, sinfo says %s", n.Name, n.Partitions, partition)
		}
		var gres []string
		for _, g := range n.GRES {
			gres = append(gres, fmt.Sprintf("%s:%s:%d", g.Name, g.Type, g.Count))
		}
		if want := strings.TrimSuffix(strings.Replace(f[6], "(null)", "", 1), ","); strings.Join(gres, ",") != want {
			t.Errorf("%s: GRES %v, sinfo says %s", n.Name, gres, want)
		}
		if n.Version != "26.05.2" || n.Reason != "" || n.LastBusy.IsZero() {
			t.Errorf("%s: version %s, reason %q, busy until %s", n.Name, n.Version, n.Reason, n.LastBusy)
		}
		compared[n.Name] = true
	}
	if len(compared) != len(nodes) || len(nodes) != 6 {
		t.Errorf("compared %d of %d nodes", len(compared), len(nodes))
	}
}

// TestNewestScheduler reads sdiag of Slurm 26.05, which prints more sections than earlier versions.
func TestNewestScheduler(t *testing.T) {
	s, err := slurm.ParseScheduler(newest(t, "sdiag.txt"))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]float64{
		"threads": 1, "agent_queue": 0, "dbd_queue": 0, "jobs_submitted": 14, "jobs_started": 8, "cycle_last": 3634e-6,
		"cycles": 5, "cycle_mean": 796e-6, "queue_length": 14, "backfilled_jobs": 0, "backfill_cycles": 0,
	}
	for name, v := range want {
		if got, is := s.Values[name]; !is || got-v > 1e-9 || v-got > 1e-9 {
			t.Errorf("%s = %v (%v), want %v", name, got, is, v)
		}
	}
	if s.Since.Unix() != 1785469902 || len(s.RPCs) == 0 || len(s.ByUser) == 0 {
		t.Errorf("since %s, %d RPCs, %d users", s.Since, len(s.RPCs), len(s.ByUser))
	}
}
