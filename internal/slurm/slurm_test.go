package slurm_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parascope/parascope/internal/slurm"
)

// versions are those whose recorded output is in testdata.
var versions = []string{"22.05.8", "23.11.10", "24.05.8", "24.11.6", "25.11.7"}

var noon = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

func recorded(t testing.TB, version, file string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", version, file))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func node(t *testing.T, nodes []slurm.Node, name string) slurm.Node {
	t.Helper()
	i := slices.IndexFunc(nodes, func(n slurm.Node) bool { return n.Name == name })
	if i < 0 {
		t.Fatalf("there is no node %s", name)
	}
	return nodes[i]
}

func TestRecordedNodes(t *testing.T) {
	for _, version := range versions {
		t.Run(version, func(t *testing.T) {
			nodes, err := slurm.ParseNodes(recorded(t, version, "scontrol-show-nodes-o.txt"), time.UTC)
			if err != nil {
				t.Fatal(err)
			}
			if len(nodes) != 16 {
				t.Errorf("%d nodes, want 16", len(nodes))
			}
			n := node(t, nodes, "gpu-dy-p5-4")
			if n.State != "idle" || !slices.Equal(n.Flags, []string{"cloud", "drain", "powered_down"}) || !n.Has("drain") || n.Has("planned") {
				t.Errorf("state %s %v", n.State, n.Flags)
			}
			if n.Reason != "XID 79 on GPU 3 [monitor]" || n.ReasonUser != "root" || n.ReasonTime.IsZero() {
				t.Errorf("reason %q of %q since %s", n.Reason, n.ReasonUser, n.ReasonTime)
			}
			if len(n.GRES) != 1 || n.GRES[0].Name != "gpu" || n.GRES[0].Type != "h100" || n.GRES[0].Count != 8 {
				t.Errorf("GRES %+v", n.GRES)
			}
			n = node(t, nodes, "gpu-st-p5-2")
			if n.State != "mixed" || n.CPUs != 192 || n.CPUsAllocated != 8 || n.MemoryMB != 1992294 || n.Address != "10.0.2.12" {
				t.Errorf("%+v", n)
			}
			if len(n.GRESUsed) != 1 || n.GRESUsed[0].Count != 2 {
				t.Errorf("allocated %+v", n.GRESUsed)
			}
			if !n.HasLoad || n.SlurmdStart.IsZero() || n.Version != version {
				t.Errorf("load, start or version: %+v", n)
			}
			// Slurm 22.05 does not print it.
			if r := node(t, nodes, "gpu-dy-p5-2").Reservation; r != "maint_w1" && version != "22.05.8" {
				t.Errorf("reservation %q", r)
			}
		})
	}
}

// TestReasonIsNoField holds that a reason, which a user may choose, is not read as
// Slurm's own fields.
func TestReasonIsNoField(t *testing.T) {
	const line = "NodeName=a NodeAddr=10.0.0.1 CPUAlloc=0 CPUTot=4 State=IDLE+DRAIN Partitions=q AllocTRES= CurrentWatts=0  " +
		"Reason=x [y] ReservationName=evil State=DOWN [root@2026-11-23T14:33:27] ReservationName=real\n"
	nodes, err := slurm.ParseNodes([]byte(line), time.UTC)
	if err != nil || len(nodes) != 1 {
		t.Fatal(nodes, err)
	}
	n := nodes[0]
	if n.Reservation != "real" || n.State != "idle" || n.Reason != "x [y] ReservationName=evil State=DOWN" || n.ReasonUser != "root" {
		t.Errorf("%+v", n)
	}
}

func TestBadLineCostsItsNodeOnly(t *testing.T) {
	nodes, err := slurm.ParseNodes([]byte("NodeName=a State=IDLE AllocTRES=\nslurm_load_node: error\nNodeName=b State=IDL\n"+
		"NodeName=c State=DOWN* AllocTRES=\n"), time.UTC)
	if err == nil || !strings.Contains(err.Error(), "2 lines") || len(nodes) != 2 || !nodes[1].Has("not_responding") {
		t.Errorf("%+v, %v", nodes, err)
	}
}

func TestJobs(t *testing.T) {
	row := func(f ...string) string { return strings.Join(f, "\x1f") + "\x1f\n" }
	out := row("8", "8", "gpu,cpu", "ubuntu", "research", "CONFIGURING", "None", "2", "384", "cpu=384,node=2,billing=384,gres/gpu=16",
		"gpu-dy-p5-[1-2]", "2026-11-23T14:33:22", "2026-11-23T14:33:22", "2026-11-23T14:33:23", "2026-11-24T14:33:23", "0") +
		row("7_[1-100000%4]", "7", "queue1", "alice", "", "PENDING", "ReqNodeNotAvail, May be reserved for other job", "1", "1", "cpu=1",
			"", "2026-11-23T14:33:22", "N/A", "N/A", "N/A", "2") +
		"cut\x1fline\n" + row("9", "9", "q", "u", "a", "RUNNING", "None", "1", "1", "", "n1", "", "", "", "", "0")
	jobs, err := slurm.ParseJobs([]byte(out), time.UTC)
	if err == nil || !strings.Contains(err.Error(), "1 lines") || len(jobs) != 3 {
		t.Fatalf("%+v, %v", jobs, err)
	}
	if j := jobs[0]; j.State != "configuring" || len(j.Partitions) != 2 || j.GRES[0].Count != 16 || j.Tasks != 1 || j.Start.IsZero() ||
		j.NodeList != "gpu-dy-p5-[1-2]" || j.Reason != "" {
		t.Errorf("%+v", j)
	}
	if j := jobs[1]; j.Tasks != 100000 || j.ID != "7_[1-100000%4]" || !j.Start.IsZero() || j.Restarts != 2 || j.Account != "" {
		t.Errorf("%+v", j)
	}
}

func TestTasks(t *testing.T) {
	for id, want := range map[string]int{"7": 1, "7_3": 1, "7_[1,3-5]": 4, "7_[0-10:5]": 3, "7_[2-5%2]": 4, "12+1": 1,
		"7_[0-4000000]": 4000001} {
		jobs, err := slurm.ParseJobs([]byte(jobRow(id)), time.UTC)
		if err != nil || len(jobs) != 1 || jobs[0].Tasks != want {
			t.Errorf("%s: %+v, %v; want %d tasks", id, jobs, err, want)
		}
	}
	// A list that Slurm has cut, or that is none: the job is not counted as something else.
	for _, id := range []string{"7_[1-5,8,...]", "7_[1-5,8...", "7_[1-9", "7_[]", "7_[1,]", "7_[0x1F]", "7_[5-3]", "7_[1-9:0]", "7_[-1]",
		"7_[1-9999999999]"} {
		jobs, err := slurm.ParseJobs([]byte(jobRow(id)+jobRow("8")), time.UTC)
		if err == nil || len(jobs) != 1 || jobs[0].ID != "8" {
			t.Errorf("%s: %+v, %v", id, jobs, err)
		}
	}
}

func TestRecordedScheduler(t *testing.T) {
	for _, version := range versions {
		t.Run(version, func(t *testing.T) {
			s, err := slurm.ParseScheduler(recorded(t, version, "sdiag.txt"))
			if err != nil {
				t.Fatal(err)
			}
			if s.Since.IsZero() || s.Values["jobs_submitted"] != 17 || s.Values["jobs_completed"] != 2 {
				t.Errorf("since %s, %v", s.Since, s.Values)
			}
			for _, name := range []string{"threads", "dbd_queue", "cycle_mean", "backfill_cycle_last", "backfilled_jobs", "queue_length"} {
				if _, ok := s.Values[name]; !ok {
					t.Errorf("%s is missing", name)
				}
			}
			i := slices.IndexFunc(s.RPCs, func(r slurm.RPC) bool { return r.Message == "REQUEST_PARTITION_INFO" })
			if i < 0 || s.RPCs[i].Count == 0 || s.RPCs[i].Seconds == 0 || len(s.ByUser) != 3 {
				t.Errorf("RPCs %+v by user %+v", s.RPCs, s.ByUser)
			}
		})
	}
}

func TestRecordedShares(t *testing.T) {
	for _, version := range versions {
		t.Run(version, func(t *testing.T) {
			_, body, _ := strings.Cut(string(recorded(t, version, "sshare.txt")), "\n") // without the header
			shares, err := slurm.ParseShares([]byte(body))
			if err != nil {
				t.Fatal(err)
			}
			i := slices.IndexFunc(shares, func(s slurm.Share) bool { return s.User == "alice" })
			if i < 0 || shares[i].Account != "research" || !shares[i].HasFairShare || shares[i].FairShare != 1 {
				t.Errorf("%+v", shares)
			}
		})
	}
}

func TestHosts(t *testing.T) {
	for text, want := range map[string]string{
		"":                       "",
		"head":                   "head",
		"gpu-dy-p5-[1-2],head":   "gpu-dy-p5-1 gpu-dy-p5-2 head",
		"n[08-10,12]":            "n08 n09 n10 n12",
		"r[1-2]n[1-2]":           "r1n1 r1n2 r2n1 r2n2",
		"queue1-st-c5n-[1,3]-ib": "queue1-st-c5n-1-ib queue1-st-c5n-3-ib",
	} {
		names, err := slurm.ExpandHosts(text, 100)
		if err != nil || strings.Join(names, " ") != want {
			t.Errorf("%q: %v, %v", text, names, err)
		}
	}
	for _, text := range []string{"n[1-1000]", "n[1-", "n]", "n[b-c]", "n[3-1]", ",", "n[1-99999999999999999999]", "n[1-100],m"} {
		if names, err := slurm.ExpandHosts(text, 100); err == nil {
			t.Errorf("%q: %v", text, names)
		}
	}
}
