package ship

import (
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
				if place == "segment" && (l.Dropped[queue.Corrupted] == 0 || s.distinct()+int(l.Dropped[queue.Corrupted]) != 200) {
					t.Errorf("ledger %+v, receiver has %d", l, s.distinct())
				}
				if named := len(rs.Aside) > 0; !named && place != "note" && place != "lock" && kind != "file" {
					t.Errorf("nothing is said of %s", paths[0])
				}
			})
		}
	}
}
