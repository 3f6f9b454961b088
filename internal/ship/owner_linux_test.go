package ship

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/localaws/localtest/check"
)

// anotherUsers starts and stops a head as root, and makes its directories such that another user may write them.
func anotherUsers(t *testing.T, s *sink) Options {
	r := start(t, Options{Lanes: 2}, remoteWrite(s))
	r.stop()
	err := os.Chmod(filepath.Dir(r.options.Dir), 0o755)
	err = errors.Join(err, filepath.WalkDir(r.options.Dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			return os.Chmod(path, 0o777)
		}
		return errors.Join(err, os.Chmod(path, 0o666))
	}))
	if err != nil {
		t.Fatal(err)
	}
	r.options.Registerer = prometheus.NewRegistry()
	return r.options
}

// TestPositionsThatCannotBeReplaced: the hint speaks of permission, not of space. In a directory with the sticky bit, nobody
// may rename another user's file, as with chattr +i.
func TestPositionsThatCannotBeReplaced(t *testing.T) {
	for _, mode := range []os.FileMode{0o600, 0o644} {
		s := newSink(t)
		o := anotherUsers(t, s)
		queues, err := filepath.Glob(filepath.Join(o.Dir, "remote-*/0*"))
		if err != nil || len(queues) != 1 {
			t.Fatal(queues, err)
		}
		path := filepath.Join(queues[0], "positions")
		if err := errors.Join(os.Chmod(queues[0], 0o777|os.ModeSticky), os.Chmod(path, mode)); err != nil {
			t.Fatal(err)
		}
		check.AsNobody(t, func() {
			ship, openErr := Open(t.Context(), o)
			if openErr != nil {
				t.Error(openErr)
				return
			}
			err = ship.ApplyConfig(parse(t, remoteWrite(s)))
			if err := ship.Close(); err != nil {
				t.Error(err)
			}
		})
		if next := hint.Next(err); err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(next, "chown") ||
			!strings.Contains(next, "chattr -i") || strings.Contains(next, "free space") || hint.CodeOf(err) != hint.Failure {
			t.Errorf("%v: %v\n%s", mode, err, next)
		}
	}
}
