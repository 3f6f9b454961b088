package ship

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/parascope/parascope/internal/delivery"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/localaws/localtest/check"
)

// anotherUsers makes the files of a head that root had started such that another user may write them.
func anotherUsers(t *testing.T, r *rig) Options {
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
		r := start(t, Options{Lanes: 2}, remoteWrite(s))
		r.stop()
		o := anotherUsers(t, r)
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

// TestDirectoriesOfAnotherUser: a directory that the head may not read is set aside. How many samples wait in it is not
// known, which the log and the status say, also after the next start; the counts restart.
func TestDirectoriesOfAnotherUser(t *testing.T) {
	for place, pattern := range map[string]string{"queue": "remote-*/0*", "remote": "remote-*"} {
		s := newSink(t)
		s.answerWith(always(503, "down"))
		r := start(t, Options{Lanes: 2}, remoteWrite(s))
		r.scrape("node", 100, time.Now())
		r.settledOnDisk(100)
		r.stop()
		o := anotherUsers(t, r)
		paths, err := filepath.Glob(filepath.Join(o.Dir, pattern))
		if err != nil || len(paths) != 1 || os.Chmod(paths[0], 0o700) != nil {
			t.Fatal(paths, err)
		}
		const unknown = "an unknown number of samples"
		for _, verdict := range []delivery.Verdict{delivery.Losing, delivery.Delivering} {
			var log bytes.Buffer
			o.Logger, o.Registerer = slog.New(slog.NewTextHandler(&log, nil)), prometheus.NewRegistry()
			var status delivery.Status
			check.AsNobody(t, func() {
				ship, err := Open(t.Context(), o)
				if err != nil {
					t.Error(err)
					return
				}
				if err := ship.ApplyConfig(parse(t, remoteWrite(s))); err != nil {
					t.Error(err)
				}
				status = ship.Status()
				if err := ship.Close(); err != nil {
					t.Error(err)
				}
			})
			if len(status.Remotes) != 1 {
				t.Fatalf("%s: %d remotes", place, len(status.Remotes))
			}
			rs := status.Remotes[0]
			text := rs.AsideText()
			if rs.Verdict != verdict || rs.Ledger.Taken != 0 || rs.AsideFiles != 1 ||
				!strings.HasSuffix(text, unknown+" in it is not sent") || verdict == delivery.Losing && !strings.Contains(rs.Reason, text) {
				t.Errorf("%s: %s: %s; %s; %+v", place, rs.Verdict, rs.Reason, text, rs.Ledger)
			}
			if logged := log.String(); verdict == delivery.Losing && !strings.Contains(logged, unknown) ||
				strings.Contains(logged, "counted as dropped") {
				t.Errorf("%s: %s", place, logged)
			}
		}
	}
}
