// Package outfile writes the file that a command ends with, and reads the one that it begins with. Either
// may be a pipe, which lets the command wait for another process: it waits only as long as its context lives.
package outfile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/parascope/parascope/internal/hint"
)

// File is a file that a command writes at its end and that it could not do
// without: whether it can be written is known before the command begins, and a
// reader sees the old content or the new one.
type File struct {
	name   string // as the person gave it
	target string // what it leads to
	to     io.Writer
	device *os.File // to, where it is neither standard output nor a regular file
	beside *os.File // the new content of a regular file, renamed to target
}

// New prepares the file of this name; - is stdout. Discard ends it. The opening of a pipe waits for its reader.
func New(ctx context.Context, name string, stdout io.Writer) (*File, error) {
	if name == "-" {
		return &File{name: "standard output", to: stdout}, nil
	}
	if name == "" {
		return nil, hint.New(hint.BadInput, errors.New("the name of the output file is empty"), "give --output a FILE, or - for standard output")
	}
	cannot := func(err error) error {
		return hint.New(hint.BadInput, fmt.Errorf("could not write %s: %w", name, reason(err)),
			"give --output another FILE, in an existing, writable directory")
	}
	mode := fs.FileMode(0o644)
	target := name
	switch real, err := filepath.EvalSymlinks(name); {
	case err == nil:
		target = real
	case isLink(name): // a rename would replace the link
		return nil, hint.New(hint.BadInput, fmt.Errorf("could not write %s: it is a symbolic link to a file that does not exist", name),
			"create that file, or give --output another FILE")
	}
	directory := filepath.Dir(target)
	if _, err := os.Stat(directory); errors.Is(err, fs.ErrNotExist) {
		return nil, hint.New(hint.BadInput, fmt.Errorf("could not write %s: the directory %s does not exist", name, directory),
			"create the directory, or give --output another FILE")
	}
	switch has, err := os.Stat(target); {
	case err == nil && has.IsDir():
		return nil, cannot(errors.New("it is a directory"))
	case err == nil && !has.Mode().IsRegular(): // a pipe or a device: nothing to rename to
		f, err := open(ctx, target, os.O_WRONLY)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			return nil, cannot(err)
		}
		return &File{name: name, to: f, device: f}, nil
	case err == nil:
		mode = has.Mode().Perm()
	}
	f, err := os.CreateTemp(directory, "."+filepath.Base(target)+".*")
	if err != nil {
		return nil, cannot(err)
	}
	o := &File{name: name, target: target, beside: f}
	if err := f.Chmod(mode); err != nil {
		o.Discard()
		return nil, cannot(err)
	}
	return o, nil
}

func isLink(name string) bool {
	has, err := os.Lstat(name)
	return err == nil && has.Mode()&fs.ModeSymlink != 0
}

// reason is an error without the name of the file, which may be that of one beside the person's.
func reason(err error) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return path.Err
	}
	if link, ok := errors.AsType[*os.LinkError](err); ok {
		return link.Err
	}
	return err
}

// Regular reports whether the content will lie in a file, where it can be found again: not in a pipe or device.
func (o *File) Regular() bool {
	if o.beside != nil {
		return true
	}
	if o.device != nil {
		return false
	}
	f, ok := o.to.(*os.File)
	if !ok {
		return false
	}
	has, err := f.Stat()
	return err == nil && has.Mode().IsRegular()
}

// Write writes the file's content, all of it.
func (o *File) Write(ctx context.Context, text string) error {
	if o.beside == nil {
		_, err := await(ctx, func() (int, error) { return io.WriteString(o.to, text) })
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return hint.New(hint.Failure, fmt.Errorf("could not write %s: %w", o.name, reason(err)), "give --output another FILE")
		}
		return nil
	}
	_, err := o.beside.WriteString(text)
	if err = errors.Join(err, o.beside.Sync(), o.beside.Close()); err == nil {
		err = os.Rename(o.beside.Name(), o.target)
	}
	if err != nil {
		return hint.New(hint.BadInput, fmt.Errorf("could not write %s: %w", o.name, reason(err)), "free disk space, or give --output "+
			"another FILE")
	}
	return nil
}

// Discard removes what was prepared and not written.
func (o *File) Discard() {
	if o.device != nil {
		o.device.Close()
	}
	if o.beside != nil {
		o.beside.Close()
		os.Remove(o.beside.Name()) // gone already when it was written
	}
}

// Read reads a file up to this many bytes.
func Read(ctx context.Context, name string, limit int64) ([]byte, error) {
	f, err := open(ctx, name, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return ReadFrom(ctx, f, limit)
}

// ReadFrom reads what is open already, such as standard input, up to this many bytes.
func ReadFrom(ctx context.Context, from io.Reader, limit int64) ([]byte, error) {
	return await(ctx, func() ([]byte, error) { return io.ReadAll(io.LimitReader(from, limit)) })
}

// open opens a file. The opening of a pipe waits for its other end; when ctx ends, that is opened here.
func open(ctx context.Context, name string, flag int) (*os.File, error) {
	opened := make(chan *os.File, 1)
	f, err := await(ctx, func() (*os.File, error) {
		f, err := os.OpenFile(name, flag, 0)
		opened <- f
		return f, err
	})
	if ctx.Err() == nil {
		return f, err
	}
	if end, failed := os.OpenFile(name, os.O_RDWR, 0); failed == nil {
		if f := <-opened; f != nil {
			f.Close()
		}
		end.Close()
	}
	return nil, ctx.Err()
}

// await runs what may wait for another process, and leaves it behind when ctx ends.
func await[T any](ctx context.Context, run func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := run()
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}
