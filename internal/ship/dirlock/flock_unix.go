//go:build unix

package dirlock

import (
	"os"
	"syscall"
)

// flock takes the file's lock, which the kernel gives back when the process ends,
// however it ends.
func flock(f *os.File) error {
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
}

// owner is whose a file is; -1 if that is not known.
func owner(info os.FileInfo) int {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(s.Uid)
	}
	return -1
}
