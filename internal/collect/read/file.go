// Package read reads the kernel's small text files often and cheaply: kept open, read
// whole with pread into a buffer that is used again, parsed in place, and bounded.
package read

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// Limit bounds what is taken of one file, in bytes. /proc/stat of 1,024 CPUs has 200 KB.
const Limit = 1 << 20

// ErrTooLong says that a file has more than Limit bytes, which no file that we read has.
var ErrTooLong = fmt.Errorf("more than %d bytes", Limit)

// File is a file that stays open and is read whole, again and again. Each reading
// shows what the kernel says then.
type File struct {
	path string
	file *os.File
}

// Open opens the file. The error names it.
func Open(path string) (*File, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	return &File{path, file}, nil
}

// Read reads the file from its beginning into buf, which grows as needed, and returns
// its bytes. They are valid until buf is used again. A file that vanished under a
// directory that is there again is opened anew.
func (f *File) Read(buf *[]byte) ([]byte, error) {
	content, err := readAll(f.file, buf)
	if err == nil || errors.Is(err, ErrTooLong) {
		return content, named(f.path, err)
	}
	file, openErr := os.Open(f.path) // ENODEV: the device went, and another may have come
	if openErr != nil {
		return nil, named(f.path, err)
	}
	f.file.Close()
	f.file = file
	content, err = readAll(f.file, buf)
	return content, named(f.path, err)
}

// Close closes the file.
func (f *File) Close() error { return f.file.Close() }

// All reads a file whole into buf, once: for files that come and go.
func All(path string, buf *[]byte) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	content, err := readAll(file, buf)
	return content, named(path, err)
}

func named(path string, err error) error {
	if err == nil {
		return nil
	}
	var already *os.PathError
	if errors.As(err, &already) {
		return err
	}
	return fmt.Errorf("could not read %s: %w", path, err)
}

func readAll(file *os.File, buf *[]byte) ([]byte, error) {
	b := *buf
	if cap(b) < 4096 {
		b = make([]byte, 4096)
	}
	b = b[:cap(b)]
	n := 0
	for {
		if n == len(b) {
			if n > Limit {
				*buf = b
				return nil, ErrTooLong
			}
			b = append(b, make([]byte, len(b))...)
			b = b[:cap(b)]
		}
		m, err := file.ReadAt(b[n:], int64(n))
		n += m
		if err == nil {
			continue
		}
		*buf = b
		switch {
		case !errors.Is(err, io.EOF):
			return nil, err
		case n > Limit:
			return nil, ErrTooLong
		}
		return b[:n], nil
	}
}
