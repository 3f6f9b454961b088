//go:build unix

package queue

import (
	"os"
	"syscall"
)

// flock takes the file's lock, which the kernel gives back when the process ends,
// however it ends.
func flock(f *os.File) error {
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
}
