package read

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
)

var errNotRegular = errors.New("the path is not a regular file")

// Regular returns the content of a regular file of at most limit bytes, or of a link to
// one. Other programs write the file: a pipe or a device in its place would block the
// reader, or never end. The error names the file.
func Regular(path string, limit int64) ([]byte, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe must not block
	if err != nil {
		return nil, err
	}
	defer file.Close()
	content, err := regular(file, limit)
	return content, named(path, err)
}

func regular(file *os.File, limit int64) ([]byte, error) {
	info, err := file.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errNotRegular
	case info.Size() > limit:
		return nil, fmt.Errorf("the file has %d bytes; at most %d are read", info.Size(), limit)
	}
	content, err := io.ReadAll(io.LimitReader(file, limit+1)) // it may grow, and /proc says 0
	if err == nil && int64(len(content)) > limit {
		return nil, fmt.Errorf("the file has more than %d bytes", limit)
	}
	return content, err
}
