package gpu

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/parascope/parascope/internal/hint"
)

// MaxPause is the longest time for which profiling can be paused.
const MaxPause = 7 * 24 * time.Hour

// Pause has every parascope-node of this machine leave the GPUs' profiling counters
// alone until a time, so that another profiler can use them. It goes on by itself then.
func Pause(file string, until time.Time) error {
	if err := replaceFile(file, []byte(until.UTC().Format(time.RFC3339)+"\n")); err != nil {
		return pauseError(err)
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
	return hint.New(hint.Failure, fmt.Errorf("could not pause GPU profiling: %w", err),
		"run the command as root, or set --gpu.pause-file to the file that parascope-node uses")
}
