package local

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/parascope/parascope/internal/hint"
)

// shell starts a shell in place of a daemon.
func shell(t *testing.T, script string) *child {
	t.Helper()
	c, err := startChild(Options{DataDir: t.TempDir()}, "daemon", "/bin/sh", []string{"-c", script}, os.Environ())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.signal(syscall.SIGKILL) // when the test failed before it was stopped
		<-c.done
	})
	return c
}

// awaitText waits until the daemon has said text.
func awaitText(t *testing.T, c *child, text string) {
	t.Helper()
	err := c.await(t.Context(), func(context.Context) error {
		if b, err := os.ReadFile(c.log); err != nil || !strings.Contains(string(b), text) {
			return errors.Join(err, errors.New("not yet"))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestDaemonThatEndsDuringStartIsQuoted(t *testing.T) {
	c := shell(t, "echo starting; echo 'cannot: no such thing' >&2; exit 3")
	err := c.await(t.Context(), func(context.Context) error { return errors.New("not yet") })
	if err == nil || err.Error() != "daemon exited during startup: exit status 3: cannot: no such "+
		"thing" || hint.Next(err) != "read the log "+c.log {
		t.Errorf("%v; next step %q", err, hint.Next(err))
	}
}

func TestInterruptDuringStartIsNoFailureOfTheDaemon(t *testing.T) {
	c := shell(t, "exec sleep 60")
	ctx, cancel := context.WithCancel(t.Context())
	err := c.await(ctx, func(context.Context) error { cancel(); return errors.New("not yet") })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want context.Canceled", err)
	}
}

func TestStopEndsADaemonThatListens(t *testing.T) {
	c := shell(t, "trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.05; done")
	awaitText(t, c, "up")
	if err := c.stop(t.Context()); err != nil {
		t.Error(err)
	}
	if got := lastLine(c.log); got != "bye" {
		t.Errorf("the daemon's last words are %q: it was not asked to end", got)
	}
	if err := c.stop(t.Context()); err != nil {
		t.Errorf("stopping what has ended: %v", err)
	}
}

// Ctrl-C must give the terminal back even when a daemon does not listen.
func TestStopKillsADaemonThatDoesNot(t *testing.T) {
	c := shell(t, "trap '' TERM; echo up; while :; do sleep 0.05; done")
	awaitText(t, c, "up")
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := c.stop(ctx); err == nil || !strings.Contains(err.Error(), "was killed") {
		t.Errorf("%v, want that it was killed", err)
	}
	select {
	case <-c.done:
	default:
		t.Error("stop returned while the daemon runs")
	}
}

func TestWatchReportsADaemonThatEndsByItself(t *testing.T) {
	c := shell(t, "echo 'disk is full'; exit 1")
	var events []Event
	c.watch(t.Context(), func(e Event) { events = append(events, e) })
	if len(events) != 1 || events[0].Kind != Exited || events[0].What != "daemon" || events[0].PID != c.pid ||
		events[0].Detail != "exit status 1: disk is full" {
		t.Errorf("events %+v", events)
	}
	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	c.watch(stopped, func(e Event) { t.Errorf("after Ctrl-C: %+v", e) })
}

func TestMissingProgram(t *testing.T) {
	_, err := startChild(Options{DataDir: t.TempDir()}, "node", filepath.Join(t.TempDir(), "none"), nil, nil)
	if err == nil || !strings.HasPrefix(err.Error(), "could not start node: ") {
		t.Errorf("%v", err)
	}
}
