package ship

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/parascope/parascope/internal/queue"
)

// TestBadFilesAreSetAside: whatever stands in the place of a file or directory of the
// queue, a head starts, says what it set aside, and sends what the rest holds.
func TestBadFilesAreSetAside(t *testing.T) {
	kinds := map[string]func(path string) error{
		"directory":     func(path string) error { return os.MkdirAll(filepath.Join(path, "child"), 0o700) },
		"dangling link": func(path string) error { return os.Symlink("/does/not/exist", path) },
		"pipe":          func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"/dev/zero":     func(path string) error { return os.Symlink("/dev/zero", path) },
		"endless":       func(path string) error { return os.Symlink("/proc/self/mem", path) },
		"200 GB": func(path string) error {
			return os.WriteFile(path, nil, 0o600)
		},
		"socket": func(path string) error { return syscall.Mknod(path, syscall.S_IFSOCK|0o600, 0) },
		"file":   func(path string) error { return os.WriteFile(path, []byte("text"), 0o600) },
	}
	places := map[string]string{
		"segment": "remote-*/*/lane-01/*.segment", "positions": "remote-*/*/positions", "lane": "remote-*/*/lane-01",
		"queue": "remote-*/0*", "remote": "remote-*", "note": "remote-*/remote_write.json", "lock": "lock",
	}
	for kind, make := range kinds {
		for place, pattern := range places {
			if kind == "directory" && (place == "lane" || place == "queue" || place == "remote") || kind == "file" && place == "lock" {
				continue // it is one
			}
			t.Run(kind+" for "+place, func(t *testing.T) {
				s := newSink(t)
				s.answerWith(always(503, "down"))
				r := start(t, Options{Lanes: 4}, remoteWrite(s))
				r.scrape("node", 100, time.Now())
				r.settledOnDisk(100)
				r.stop()
				paths, err := filepath.Glob(filepath.Join(r.options.Dir, pattern))
				if err != nil || len(paths) != 1 {
					t.Fatalf("%s: %v, %v", pattern, paths, err)
				}
				if err := os.RemoveAll(paths[0]); err != nil {
					t.Fatal(err)
				}
				if err := make(paths[0]); err != nil {
					t.Fatal(err)
				}
				if kind == "200 GB" {
					if err := os.Truncate(paths[0], 200<<30); err != nil {
						t.Skipf("sparse files of 200 GB cannot be made here: %v", err)
					}
				}
				s.answerWith(nil)
				r = start(t, r.options, remoteWrite(s))
				r.scrape("node", 100, time.Now().Add(time.Second))
				await(t, "nothing waits", func() bool { return r.Status().Total.Queued == 0 && s.distinct() >= 100 })
				l, rs := r.Status().Total, r.remote()
				r.stop()
				r = start(t, r.options, remoteWrite(s))
				again := r.remote()
				r.stop()
				if again.AsideFiles != rs.AsideFiles || len(again.Aside) != len(rs.Aside) {
					t.Errorf("%d files were set aside: %v; the next start has %d: %v", rs.AsideFiles, rs.Aside, again.AsideFiles, again.Aside)
				}
				if place == "segment" && (l.Dropped[queue.Corrupted] == 0 || s.distinct()+int(l.Dropped[queue.Corrupted]) != 200) {
					t.Errorf("ledger %+v, receiver has %d", l, s.distinct())
				}
				if named := len(rs.Aside) > 0; !named && place != "lock" && kind != "file" && (place != "note" || kind != "200 GB") {
					t.Errorf("nothing is said of %s", paths[0])
				}
			})
		}
	}
}

// TestLinkForApart: a link to nothing in the place of what waits apart is set aside, and what the receiver refuses in part
// waits. Where a file takes its place later nothing can be kept: what the receiver may have is not counted as dropped.
func TestLinkForApart(t *testing.T) {
	s := newStrict(t)
	s.set(refuses(40, 60, 400, "user=T: per-user series limit of 40 exceeded"))
	r := start(t, Options{Lanes: 2}, s.yaml())
	r.stop()
	lanes, err := filepath.Glob(filepath.Join(r.options.Dir, "remote-*/*/lane-*"))
	if err != nil || len(lanes) != 2 {
		t.Fatal(lanes, err)
	}
	for _, lane := range lanes {
		if err := os.Symlink("/does/not/exist", filepath.Join(lane, "apart")); err != nil {
			t.Fatal(err)
		}
	}
	r = start(t, r.options, s.yaml())
	r.scrape("node", 60, time.Now())
	await(t, "refused samples wait", func() bool { return r.Status().Total.Queued == 20 && len(s.samplesOf(39)) == 1 })
	if l := r.Status().Total; l.Lost() > 0 || r.remote().AsideFiles != 2 {
		t.Errorf("ledger %+v, set aside %q", l, r.remote().Aside)
	}
	r.stop()
	for _, lane := range lanes {
		path := filepath.Join(lane, "apart")
		if err := errors.Join(os.RemoveAll(path), os.Mkdir(path, 0o700)); err != nil {
			t.Fatal(err)
		}
	}
	r = start(t, r.options, s.yaml())
	await(t, "those that are gone are counted", func() bool { return r.Status().Total.Queued == 0 })
	for _, lane := range lanes {
		path := filepath.Join(lane, "apart")
		if err := errors.Join(os.RemoveAll(path), os.WriteFile(path, nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	before := r.Status().Total
	l := before
	for i := range 5 {
		r.scrape("node", 60, time.Now().Add(time.Duration(i+1)*time.Second))
		l = r.settled(int(l.Taken) + 60)
	}
	r.stop()
	taken := 0
	for i := range 40 {
		taken += len(s.samplesOf(i)) - 1
	}
	disk := l.Dropped[queue.Disk]
	if taken != 200 || disk > 100 || disk+l.Uncertain[queue.SeriesLimit]+l.Delivered-before.Delivered != 300 {
		t.Errorf("ledger %+v after %+v; the receiver has %d", l, before, taken)
	}
}

// TestDirectoriesThatAreNoQueue: a directory whose name speaks of more lanes than there
// can be, or of a change too many, is left alone.
func TestDirectoriesThatAreNoQueue(t *testing.T) {
	s := newSink(t)
	r := start(t, Options{Lanes: 4}, remoteWrite(s))
	r.stop()
	remotes, err := filepath.Glob(filepath.Join(r.options.Dir, "remote-*"))
	if err != nil || len(remotes) != 1 {
		t.Fatalf("%v, %v", remotes, err)
	}
	names := []string{"0002-lanes-65", "0003-lanes-1000", "9223372036854775807-lanes-4", "-001-lanes-4", "0001-lanes-4"}
	for _, name := range names[:4] {
		if err := os.MkdirAll(filepath.Join(remotes[0], name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	r = start(t, r.options, remoteWrite(s))
	r.scrape("node", 100, time.Now())
	await(t, "all arrive", func() bool { return s.distinct() == 100 })
	r.stop()
	queues, err := filepath.Glob(filepath.Join(remotes[0], "*-lanes-*"))
	if err != nil || len(queues) != len(names) {
		t.Errorf("%q, %v: want %q", queues, err, names)
	}
	for _, name := range names[:4] {
		if inside, err := os.ReadDir(filepath.Join(remotes[0], name)); err != nil || len(inside) > 0 {
			t.Errorf("%s: %v, %v", name, inside, err)
		}
	}
}
