package device

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/parascope/parascope/internal/collect/read"
)

// valueFile is a file of sysfs that holds one number and stays open.
type valueFile struct {
	path string
	fd   int
}

// openValue opens the file. The error names it.
func openValue(path string) (valueFile, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return valueFile{}, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return valueFile{path, fd}, nil
}

// read returns the number that the file holds now. buf is the caller's to use again; a
// file that fills it holds no number. An error of the kernel is an *os.PathError.
func (v valueFile) read(buf *[64]byte) (uint64, error) {
	n, err := unix.Pread(v.fd, buf[:], 0)
	for errors.Is(err, unix.EINTR) {
		n, err = unix.Pread(v.fd, buf[:], 0)
	}
	if err != nil {
		return 0, &os.PathError{Op: "read", Path: v.path, Err: err}
	}
	text := read.Trim(buf[:n])
	value, ok := read.Uint(text)
	if !ok || n == len(buf) {
		return 0, fmt.Errorf("%s: %.20q: %w", v.path, text, errNotANumber)
	}
	return value, nil
}

// Close closes the file.
func (v valueFile) Close() error { return unix.Close(v.fd) }
