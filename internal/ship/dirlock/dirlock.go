// Package dirlock keeps two heads from using one directory.
package dirlock

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/queue"
)

const lockFile = "lock"

// Take takes dir for this process, until the returned function is called. Its errors have a hint; the code is hint.Busy
// while another process has the directory.
func Take(dir string) (unlock func() error, err error) {
	path := filepath.Join(dir, lockFile)
	f, err := open(path)
	if err != nil {
		return nil, hint.New(hint.BadInput, failed(dir, err), next(path, err))
	}
	if err := flock(f); err != nil {
		if pid, readErr := queue.ReadSmall(path); readErr == nil {
			err = fmt.Errorf("%w (pid %s)", err, pid)
		}
		return nil, hint.New(hint.Busy, errors.Join(failed(dir, err), f.Close()), "another head has this directory open; stop it, or give "+
			"--storage.agent.path another directory")
	}
	if err := errors.Join(f.Truncate(0), writePID(f)); err != nil {
		return nil, hint.New(hint.BadInput, errors.Join(failed(dir, err), f.Close()), "free space on the disk of "+dir)
	}
	return sync.OnceValue(f.Close), nil
}

// next is what to do about a lock that cannot be opened. One of another user stays where it is: a head of that user may
// have the directory open.
func next(path string, err error) string {
	info, statErr := os.Lstat(path)
	if !errors.Is(err, fs.ErrPermission) || statErr != nil {
		return "give --storage.agent.path a writable directory"
	}
	if uid := owner(info); uid >= 0 && uid != os.Geteuid() {
		return fmt.Sprintf("%s belongs to another user (uid %d): if a head of that user runs, stop it; then give the directory to the user "+
			"of this head with 'chown -R USER %s'", path, uid, filepath.Dir(path))
	}
	return "let the head write to " + path + ": chmod 600, or chattr -i"
}

func failed(dir string, err error) error {
	return fmt.Errorf("could not open queue directory %s: %w", dir, err)
}

func open(path string) (*os.File, error) {
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		if _, err := queue.SetAside(path); err != nil {
			return nil, err
		}
	}
	return os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
}

func writePID(f *os.File) error {
	_, err := fmt.Fprintf(f, "%d", os.Getpid())
	return err
}
