package slurm_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parascope/parascope/internal/slurm"
)

// watch runs a Watch whose snapshots take as long as took says, and returns when they began.
func watch(t *testing.T, took func(i int) time.Duration) (*slurm.Watch, func() []time.Duration) {
	t.Helper()
	start := time.Now()
	var began []time.Duration
	o := slurm.DefaultWatchOptions()
	o.Take = func(context.Context) slurm.Snapshot {
		began = append(began, time.Since(start))
		s := slurm.Snapshot{Time: time.Now(), NodesPart: slurm.Part{Took: took(len(began))}}
		timer := time.NewTimer(s.NodesPart.Took)
		<-timer.C
		return s
	}
	w, err := slurm.NewWatch(o)
	if err != nil {
		t.Fatal(err)
	}
	go w.Run(t.Context())
	return w, func() []time.Duration { synctest.Wait(); return began }
}

func pass(d time.Duration) { <-time.NewTimer(d).C }

func TestWatchTakesOneAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, began := watch(t, func(int) time.Duration { return time.Second })
		pass(2*time.Minute + 30*time.Second)
		if b := began(); len(b) != 3 || b[1] != time.Minute || b[2] != 2*time.Minute {
			t.Errorf("began at %v", b)
		}
		w.Ask()
		w.Ask()
		pass(10 * time.Second)
		if b := began(); len(b) != 4 || b[3] != 150*time.Second {
			t.Errorf("after two requests: began at %v", b)
		}
		w.Ask() // 10 s after the last one began: at once
		pass(time.Second)
		w.Ask() // not before 5 s after that one
		pass(10 * time.Second)
		if b := began(); len(b) != 6 || b[4] != 160*time.Second || b[5] != 165*time.Second {
			t.Errorf("after more requests: began at %v", b)
		}
	})
}

func TestWatchSparesASlowController(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, began := watch(t, func(i int) time.Duration {
			if i <= 4 {
				return 10 * time.Second
			}
			return time.Second
		})
		pass(2 * time.Minute)
		w.Ask()
		pass(9 * time.Minute)
		// Once is not slow; then intervals of 2, 4 and 4 minutes, and a request changes none of them.
		want := []time.Duration{0, time.Minute, 3 * time.Minute, 7 * time.Minute, 11 * time.Minute}
		if b := began(); len(b) != len(want) || b[1] != want[1] || b[2] != want[2] || b[3] != want[3] || b[4] != want[4] {
			t.Errorf("began at %v, want %v", b, want)
		}
		if pass(2 * time.Second); w.Interval() != time.Minute {
			t.Errorf("interval %s after a fast answer", w.Interval())
		}
	})
}

// TestGrowthDoesNotHurryASlowController: a log that grows all the time asks for a snapshot every 5 s, but not of a slurmctld
// that was slow twice in a row: then the longer interval holds.
func TestGrowthDoesNotHurryASlowController(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, began := watch(t, func(i int) time.Duration {
			if i <= 4 {
				return 10 * time.Second
			}
			return time.Second
		})
		log, err := os.Create(filepath.Join(t.TempDir(), "slurm_resume.log"))
		if err != nil {
			t.Fatal(err)
		}
		defer log.Close()
		go slurm.FollowGrowth(t.Context(), w.Ask, log.Name())
		for range 632 {
			pass(time.Second)
			if _, err := log.WriteString("x\n"); err != nil {
				t.Fatal(err)
			}
		}
		// Asked for after the first, which alone may have been slow; then after 2, 4 and 4 minutes; then slurmctld is fast again.
		want := []time.Duration{0, 10, 130, 370, 610, 615, 620, 625, 630}
		b := began()
		for i := range b {
			b[i] /= time.Second
		}
		if !slices.Equal(b, want) {
			t.Errorf("began at %d s, want %d", b, want)
		}
	})
}

func TestSince(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _ := watch(t, func(int) time.Duration { return time.Second })
		pass(20 * time.Second)
		asked := time.Now()
		s, err := w.Since(t.Context(), asked)
		if err != nil || s.Time.Before(asked) || time.Since(asked) > 2*time.Second {
			t.Errorf("%s after %s, %v", s.Time, time.Since(asked), err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := w.Since(ctx, time.Now()); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v, want the deadline: the next one begins 5 s after the last", err)
		}
	})
}

func TestGrowth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		name := filepath.Join(t.TempDir(), "slurm_resume.log")
		grown := 0
		go slurm.FollowGrowth(t.Context(), func() { grown++ }, name)
		pass(3*time.Second + 500*time.Millisecond) // between two looks
		step := func(what string, want int, change func() error) {
			if err := change(); err != nil {
				t.Fatal(err)
			}
			pass(2 * time.Second)
			synctest.Wait()
			if grown != want {
				t.Errorf("%s: called %d times, want %d", what, grown, want)
			}
		}
		step("created", 1, func() error { return os.WriteFile(name, []byte("a\n"), 0o600) })
		step("appended to", 2, func() error { return os.WriteFile(name, []byte("a\nb\n"), 0o600) })
		step("unchanged", 2, func() error { return nil })
		step("rotated", 3, func() error {
			return errors.Join(os.Rename(name, name+".1"), os.WriteFile(name, []byte("c\n"), 0o600))
		})
	})
}

// TestTake runs real processes in place of Slurm's.
func TestTake(t *testing.T) {
	t.Setenv("SQUEUE_FORMAT", "%i")
	tools := scripts(t, map[string]string{
		"scontrol": "echo NodeName=a State=IDLE AllocTRES= TZ=$TZ",
		"squeue": `[ -z "$SQUEUE_FORMAT" ] && [ "$SLURM_BITSTR_LEN" = 0 ] || exit 9` + "\n" +
			`echo "squeue: error: slurm_load_jobs: Unable to contact slurm controller" >&2; exit 1`,
		"sdiag": "exit 3",
	})
	s := slurm.Take(t.Context(), tools, slurm.TakeOptions{Now: time.Now})
	if s.NodesPart.Err != nil || len(s.Nodes) != 1 {
		t.Errorf("nodes %v, %v", s.Nodes, s.NodesPart.Err)
	}
	if err := s.JobsPart.Err; err == nil || !strings.Contains(err.Error(), "Unable to contact slurm controller") || s.Jobs != nil {
		t.Errorf("jobs %v, %v", s.Jobs, err)
	}
	if !s.Answered() {
		t.Error("slurmctld listed its nodes and has not answered")
	}
	if s.Shares != nil || s.SharesPart != (slurm.Part{}) {
		t.Errorf("shares were not asked for: %v", s.Shares)
	}
}

// TestAnswered: lines that cannot be read do not make slurmctld one that is down.
func TestAnswered(t *testing.T) {
	const list = "\x1f1\x1fp\x1fu\x1fa\x1fPENDING\x1f\x1f1\x1f1\x1f\x1f\x1f\x1f\x1f\x1f\x1f0\x1f"
	for name, c := range map[string]struct {
		bodies map[string]string
		want   bool
	}{
		"all fail": {map[string]string{"scontrol": "exit 1", "squeue": "exit 1", "sdiag": "exit 1"}, false},
		"a list of tasks is cut": {map[string]string{"scontrol": "exit 1", "sdiag": "exit 1",
			"squeue": "echo '7_[1,...]" + list + "'; echo '8" + list + "'"}, true},
		"no reservations": {map[string]string{"squeue": "exit 1", "sdiag": "exit 1",
			"scontrol": "[ \"$2\" != reservation ] && exit 1; echo 'No reservations in the system'"}, true},
	} {
		s := slurm.Take(t.Context(), scripts(t, c.bodies), slurm.TakeOptions{Now: time.Now})
		if s.Answered() != c.want {
			t.Errorf("%s: answered %t; %v, %v", name, s.Answered(), s.JobsPart.Err, s.ReservationsPart.Err)
		}
	}
}

// TestTakeOfAToolThatHangs: it is ended with its children, and what it has printed does not count.
func TestTakeOfAToolThatHangs(t *testing.T) {
	tools := scripts(t, map[string]string{"sdiag": "echo 'Server thread count: 3'; sleep 100000 & sleep 100000"})
	tools.Timeout = time.Second
	s := slurm.Take(t.Context(), tools, slurm.TakeOptions{Now: time.Now})
	if err := s.SchedulerPart.Err; err == nil || !strings.Contains(err.Error(), "did not exit within") || len(s.Scheduler.Values) > 0 {
		t.Errorf("scheduler %v, %v", s.Scheduler, err)
	}
}

// TestTakeOfTooMuch: a tool that prints more than is kept costs its own part, and no more memory than that.
func TestTakeOfTooMuch(t *testing.T) {
	tools := scripts(t, map[string]string{
		"scontrol": "[ \"$1\" = ping ] || exec head -c 5000 /dev/zero",
		"squeue":   "head -c 100000 /dev/zero >&2; exit 1",
		"sdiag":    "exec head -c 5000 /dev/zero",
	})
	tools.MaxOutput = 4999
	s := slurm.Take(t.Context(), tools, slurm.TakeOptions{Now: time.Now})
	for _, err := range []error{s.NodesPart.Err, s.SchedulerPart.Err} {
		if err == nil || !strings.Contains(err.Error(), "printed more than 4999 bytes") {
			t.Errorf("%.100v", err)
		}
	}
	if err := s.JobsPart.Err; err == nil || len(err.Error()) > 5000 {
		t.Errorf("the error of what printed 100 kB of errors is %.100v", err)
	}
}

// TestNodesComeAndGo: a node is a target within 8 s of registering, which no log tells, and is
// none within 6 s of powering down, which slurm_suspend.log tells.
func TestNodesComeAndGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		node := slurm.Node{Name: "q-dy-cr-1", State: "idle"}
		at := func(d time.Duration) bool { return time.Since(began) >= d }
		const launched, registered, poweringDown = 100 * time.Second, 290*time.Second + 300*time.Millisecond, 900 * time.Second
		var d slurm.Discovery
		var is []bool
		var when []time.Duration
		taken := 0
		o := slurm.DefaultWatchOptions()
		o.Take = func(context.Context) slurm.Snapshot {
			n := node
			switch {
			case at(poweringDown):
				n.Address, n.Flags, n.SlurmdStart = "10.0.0.7", []string{"cloud", "powering_down"}, began.Add(registered)
			case at(registered):
				n.Address, n.Flags, n.SlurmdStart = "10.0.0.7", []string{"cloud"}, began.Add(registered)
			case at(launched):
				n.Address, n.Flags = "10.0.0.7", []string{"cloud", "powering_up"}
			default:
				n.Address, n.Flags = n.Name, []string{"cloud", "powered_down"}
			}
			taken++
			s := slurm.Snapshot{Time: time.Now(), Nodes: []slurm.Node{n}, NodesPart: slurm.Part{Took: 200 * time.Millisecond}}
			pass(s.NodesPart.Took)
			d.Observe(&s)
			if all, _ := d.Targets(); len(is) == 0 || is[len(is)-1] != (len(all) > 0) {
				is, when = append(is, len(all) > 0), append(when, time.Since(began))
			}
			return s
		}
		w, err := slurm.NewWatch(o)
		if err != nil {
			t.Fatal(err)
		}
		go w.Run(t.Context())
		pass(launched)
		w.Ask() // slurm_resume.log grew
		pass(poweringDown - launched)
		before := taken
		w.Ask() // slurm_suspend.log grew
		pass(10 * time.Second)
		synctest.Wait()
		if len(is) != 3 || when[1] < registered || when[1] > registered+8*time.Second || when[2] > poweringDown+6*time.Second {
			t.Errorf("a target: %v at %v", is, when)
		}
		// One each 7 s for 190 s, one a minute for the rest.
		if before < 38 || before > 42 {
			t.Errorf("%d snapshots until it powered down, want about 40", before)
		}
	})
}

// TestWatchSparesSlurmctldWhileNodesBoot: it works for us for a twentieth of the time at most.
func TestWatchSparesSlurmctldWhileNodesBoot(t *testing.T) {
	for _, c := range []struct{ took, want time.Duration }{
		{100 * time.Millisecond, 7 * time.Second}, {time.Second, 20 * time.Second}, {4 * time.Second, time.Minute},
		{6 * time.Second, time.Minute},
	} {
		o := slurm.DefaultWatchOptions()
		synctest.Test(t, func(t *testing.T) {
			o.Take = func(context.Context) slurm.Snapshot {
				pass(c.took)
				return slurm.Snapshot{Time: time.Now(), NodesPart: slurm.Part{Took: c.took},
					Nodes: []slurm.Node{{Name: "n", Address: "10.0.0.7", Flags: []string{"powering_up"}}}}
			}
			w, err := slurm.NewWatch(o)
			if err != nil {
				t.Fatal(err)
			}
			go w.Run(t.Context())
			pass(c.took + time.Millisecond)
			if got := w.Interval(); got != c.want {
				t.Errorf("a snapshot that took %s: the next one after %s, want %s", c.took, got, c.want)
			}
		})
	}
}

// TestTakeOfASlurmctldThatIsDown: no command is run that would try for long to reach it. A
// backup controller that is up counts.
func TestTakeOfASlurmctldThatIsDown(t *testing.T) {
	ran := filepath.Join(t.TempDir(), "ran")
	tools := scripts(t, map[string]string{"squeue": "touch " + ran, "sdiag": "touch " + ran})
	for _, c := range []struct {
		ping string
		down bool
	}{
		{"echo 'Slurmctld(primary) at ip-10-0-0-2 is DOWN'; echo '*****'; exit 1", true},
		{"echo 'Slurmctld(primary) at a is DOWN'; echo 'Slurmctld(backup) at b is UP'; exit 1", false},
		{"echo 'Slurmctld(primary) at a is UP'", false}, {"exit 1", false},
	} {
		_ = os.Remove(ran) // of the case before
		script := "#!/bin/sh\nif [ $1 = ping ]; then " + c.ping + "; fi\necho NodeName=a State=IDLE AllocTRES=\n"
		if err := os.WriteFile(filepath.Join(tools.Dir, "scontrol"), []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
		s := slurm.Take(t.Context(), tools, slurm.TakeOptions{Now: time.Now})
		_, err := os.Stat(ran)
		if asked := err == nil; asked == c.down || (s.NodesPart.Err != nil) != c.down {
			t.Errorf("%s: asked further %t, nodes %v", c.ping, asked, s.NodesPart.Err)
		}
	}
}
