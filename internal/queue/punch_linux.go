package queue

import (
	"os"
	"syscall"
)

// punch gives the room of a file's first bytes back to the disk; its size stays. A
// file system that cannot do it says so.
func punch(path string, bytes int64) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	const keepSize, punchHole = 1, 2 // fallocate(2)
	return syscall.Fallocate(int(f.Fd()), keepSize|punchHole, 0, bytes)
}
