//go:build linux

package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// What follows holds the numbers that the head serves against what Slurm's own commands print.
// It asks with other commands and formats than the head's, and reads them by other means.

// numbers is a head's page: values by name and labels as they stand there.
type numbers map[string]float64

// watcher is who looks at Slurm: the user that commands run as, and the address of a head's
// program that runs as the same user.
type watcher struct{ user, address string }

// in is the bed for a part of a test.
func (b *testBed) in(t *testing.T) *testBed {
	return &testBed{t: t, exe: b.exe, dir: b.dir, neverBegan: b.neverBegan}
}

// slurm runs a command of Slurm's on the head node as the watcher.
func (b *testBed) slurm(argv ...string) string {
	b.t.Helper()
	if b.watcher.user != "" {
		argv = append([]string{"setpriv", "--reuid", b.watcher.user, "--regid", b.watcher.user, "--clear-groups"}, argv...)
	}
	return b.on("head", argv...)
}

// page is the head's page of Slurm's metrics, of a snapshot that began after now.
func (b *testBed) page() numbers {
	b.t.Helper()
	url := "http://" + cmp.Or(b.watcher.address, "127.0.0.1:9090") + "/slurm/metrics"
	asked := float64(time.Now().UnixMilli()) / 1000
	n := numbers{}
	b.eventually(time.Minute, "fresh", func() string { // a slurmctld that is slow is asked every 4 minutes
		// ParallelCluster's programs write there when nodes come and go; the head looks then.
		n = readNumbers(b.asked("head", "sh", "-c", `for i in 1 2 3 4 5 6 7 8; do
	echo >>/var/log/parallelcluster/slurm_suspend.log
	sleep 1
	page=$(curl -s `+url+`)
	echo "$page" | awk -v asked=`+fmt.Sprintf("%.3f", asked)+
			` '/^slurm_snapshot_timestamp_seconds / {fresh = $2 >= asked} END {exit !fresh}' && break
done
echo "$page"`))
		if n["slurm_snapshot_timestamp_seconds"] >= asked {
			return "fresh"
		}
		return fmt.Sprint("of ", n["slurm_snapshot_timestamp_seconds"])
	})
	return n
}

func readNumbers(text string) numbers {
	n := numbers{}
	for line := range strings.Lines(text) {
		i := strings.LastIndexByte(strings.TrimSpace(line), ' ')
		if i < 0 || strings.HasPrefix(line, "#") {
			continue
		}
		if v, err := strconv.ParseFloat(strings.TrimSpace(line)[i+1:], 64); err == nil {
			n[line[:i]] = v
		}
	}
	return n
}

// of are the samples with a name, by the value of one of their labels, added up.
func (n numbers) of(name, label string) map[string]float64 {
	sums := map[string]float64{}
	for key, v := range n {
		labels, is := strings.CutPrefix(key, name+"{")
		if !is {
			continue
		}
		_, value, _ := strings.Cut("{"+strings.ReplaceAll(labels, ",", ",{"), "{"+label+`="`)
		value, _, _ = strings.Cut(value, `"`)
		sums[value] += v
	}
	return sums
}

// after are the samples without labels whose names begin so, by the rest of their name.
func (n numbers) after(prefix string) map[string]float64 {
	all := map[string]float64{}
	for name, v := range n {
		if rest, is := strings.CutPrefix(name, prefix); is && !strings.Contains(rest, "{") {
			all[rest] = v
		}
	}
	return all
}

// counted counts lines by a field, and puts names in place of others.
func counted(text string, field int, names map[string]string) map[string]float64 {
	sums := map[string]float64{}
	for line := range strings.Lines(text) {
		fields := strings.Split(strings.TrimSpace(line), "|")
		if len(fields) <= field {
			continue
		}
		name := strings.ToLower(fields[field])
		if other, ok := names[name]; ok {
			name = other
		}
		sums[name]++
	}
	return sums
}

// sinfoStates are the head's names of states that sinfo writes with a sign.
var sinfoStates = map[string]string{
	"idle~": "powered_down", "idle#": "powering_up", "mixed#": "powering_up", "allocated#": "powering_up", "idle%": "powering_down",
	"allocated": "alloc", "mixed": "mix", "drained": "drain", "draining": "drain", "completing": "comp", "down~": "down", "down*": "down",
	"down%": "powering_down", "idle*": "noresp", "mixed*": "noresp", "allocated*": "noresp",
}

// comparison is a set of numbers: how Slurm is asked for them, and what a page shows.
type comparison struct {
	what  string
	ask   func() map[string]float64
	shows func(numbers) map[string]float64
}

// agree takes a page and asks Slurm, until nothing changed in between and both say the same. A
// cluster lives: one comparison may be of two moments, but not ten.
func (b *testBed) agree(all ...comparison) {
	b.t.Helper()
	type state struct{ before, want, got map[string]float64 }
	states := make([]state, len(all))
	left := map[int]bool{}
	for i := range all {
		left[i] = true
	}
	for range 10 {
		for i := range left {
			states[i].before = all[i].ask()
		}
		n := b.page()
		for i := range left {
			s := &states[i]
			s.want, s.got = all[i].ask(), all[i].shows(n)
			for _, m := range []map[string]float64{s.before, s.want, s.got} {
				maps.DeleteFunc(m, func(_ string, v float64) bool { return v == 0 })
			}
			if maps.Equal(s.before, s.want) && maps.Equal(s.got, s.want) {
				delete(left, i)
			}
		}
		if len(left) == 0 {
			return
		}
	}
	for i := range left {
		changed := ""
		if !maps.Equal(states[i].before, states[i].want) {
			changed = " (Slurm's own changed meanwhile)"
		}
		b.t.Errorf("%s%s:\n%s", all[i].what, changed, difference(states[i].got, states[i].want))
	}
}

// nodes compares nodes by state with sinfo's.
func (b *testBed) nodes() comparison {
	return comparison{"nodes by state", func() map[string]float64 {
		return counted(b.slurm("sinfo", "-h", "-N", "-o", "%N|%T"), 1, sinfoStates)
	}, func(n numbers) map[string]float64 { return n.after("slurm_nodes_") }}
}

// jobs compares jobs by state with squeue's, each task of an array a job.
func (b *testBed) jobs() comparison {
	return comparison{"jobs by state", func() map[string]float64 {
		return counted(b.slurm("squeue", "-h", "-r", "-t", "all", "-o", "%i|%T"), 1, nil)
	}, func(n numbers) map[string]float64 { return n.after("slurm_queue_") }}
}

// finished compares finished jobs with what Slurm wrote down about each at its end.
func (b *testBed) finished() comparison {
	return comparison{"finished jobs", func() map[string]float64 {
		last := map[string]string{} // a job that was requeued has a record of each of its lives
		for line := range strings.Lines(b.on("head", "sacct", "-c", "-n", "-P", "-o", "jobid,state")) {
			if id, state, ok := strings.Cut(strings.TrimSpace(line), "|"); ok {
				last[id] = id + "|" + state
			}
		}
		// A job whose node failed waits for its next life, or is in it: it has not finished.
		for id := range strings.Lines(b.on("head", "squeue", "-h", "-r", "-o", "%A")) {
			delete(last, strings.TrimSpace(id))
		}
		states := counted(strings.Join(slices.Collect(maps.Values(last)), "\n"), 1, nil)
		if *b.neverBegan > 0 {
			states["cancelled"] += *b.neverBegan
		}
		return states
	}, func(n numbers) map[string]float64 { return n.of("slurm_jobs_finished_total", "state") }}
}

// cancelArray cancels an array of which some tasks wait.
func (b *testBed) cancelArray(id string) {
	b.t.Helper()
	waiting := len(strings.Fields(b.on("head", "squeue", "-h", "-r", "-t", "PD", "-j", id, "-o", "%i")))
	if waiting < 2 {
		b.t.Errorf("%d tasks of array %s wait, want several", waiting, id)
	}
	b.on("head", "scancel", id)
	*b.neverBegan += float64(waiting - 1)
}

// submit submits a job and returns its id.
func (b *testBed) submit(args ...string) string {
	b.t.Helper()
	return b.on("head", append([]string{"sbatch", "--parsable", "--chdir", "/home", "-o", "/home/job-%j"}, args...)...)
}

// ended waits until jobs are in a state.
func (b *testBed) ended(state string, ids ...string) {
	b.t.Helper()
	b.eventually(time.Minute, strings.Repeat(state+" ", len(ids)), func() (all string) {
		for _, id := range ids {
			_, s, _ := strings.Cut(b.asked("head", "scontrol", "show", "job", id), "JobState=")
			s, _, _ = strings.Cut(s, " ")
			all += s + " "
		}
		return all
	})
}

// label is the value of a label in a sample's name, where it has no escapes.
func label(name, label string) string {
	for _, before := range []string{"{", ","} {
		if _, value, ok := strings.Cut(name, before+label+`="`); ok {
			value, _, _ = strings.Cut(value, `"`)
			return value
		}
	}
	return ""
}
