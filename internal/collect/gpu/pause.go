package gpu

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/parascope/parascope/internal/hint"
)

// MaxPause is the longest time for which profiling can be paused.
const MaxPause = 7 * 24 * time.Hour

// Pause has every parascope-node of this machine leave the GPUs' profiling counters
// alone until a time, so that another profiler can use them. It goes on by itself then.
func Pause(file string, until time.Time) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return pauseError(err)
	}
	f, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*")
	if err != nil {
		return pauseError(err)
	}
	_, err = f.WriteString(until.UTC().Format(time.RFC3339) + "\n")
	if err = errors.Join(err, f.Chmod(0o644), f.Close()); err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		return pauseError(errors.Join(err, os.Remove(f.Name())))
	}
	return nil
}

// Resume ends a pause.
func Resume(file string) error {
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return pauseError(err)
	}
	return nil
}

func pauseError(err error) error {
	return hint.New(hint.Failure, fmt.Errorf("pause the profiling of GPUs: %w", err), "run it as root, or give --gpu.pause-file as parascope-node has it")
}
