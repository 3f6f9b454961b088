//go:build linux

package dirlock

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/localaws/localtest/check"
)

// TestTake: a second one is refused, and told of the first; once it was given back, the next one has it.
func TestTake(t *testing.T) {
	dir := t.TempDir()
	for range 2 {
		unlock, err := Take(dir)
		if err != nil {
			t.Fatal(err)
		}
		_, err = Take(dir)
		if hint.CodeOf(err) != hint.Busy || !strings.Contains(err.Error(), "(pid ") {
			t.Errorf("a second Take: %v, want an error that names this process", err)
		}
		if err := unlock(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestLockOfAnotherUser: the directory is writable, and the lock in it is another user's, as after a head that root
// started by hand. The hint names the file and its owner, and the lock stays: that user's head may still run.
func TestLockOfAnotherUser(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, lockFile)
	unlock, err := Take(dir) // root's
	if err != nil {
		t.Fatal(err)
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Chmod(filepath.Dir(dir), 0o755), os.Chmod(dir, 0o777)); err != nil {
		t.Fatal(err)
	}
	check.AsNobody(t, func() { _, err = Take(dir) })
	if next := hint.Next(err); hint.CodeOf(err) != hint.BadInput || !strings.Contains(next, path+" belongs to another user (uid 0)") ||
		!strings.Contains(next, "chown") || strings.Contains(next, "writable directory") {
		t.Errorf("%v\n%s", err, next)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	check.AsNobody(t, func() { _, err = Take(dir) })
	if next := hint.Next(err); !strings.Contains(next, path+" belongs to another user (uid 0)") {
		t.Errorf("%v\n%s", err, next)
	}
	if err := errors.Join(os.Remove(path), os.Chmod(dir, 0o755)); err != nil {
		t.Fatal(err)
	}
	check.AsNobody(t, func() { _, err = Take(dir) })
	if next := hint.Next(err); !strings.Contains(next, "writable directory") {
		t.Errorf("a directory that is not writable: %v\n%s", err, next)
	}
}
