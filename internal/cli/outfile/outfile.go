// Package outfile writes the file that a command ends with.
package outfile

import (
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
	name   string
	to     io.Writer // standard output, or what is not a regular file
	beside *os.File  // the new content of a regular file, renamed to name
}

// New prepares the file of this name; - is stdout. Discard ends it.
func New(name string, stdout io.Writer) (*File, error) {
	if name == "-" {
		return &File{name: "standard output", to: stdout}, nil
	}
	if name == "" {
		return nil, hint.New(hint.BadInput, errors.New("the name of the output file is empty"), "give --output a FILE, or - for standard output")
	}
	cannot := func(err error) error {
		return hint.New(hint.BadInput, fmt.Errorf("could not write %s: %w", name, err),
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
		f, err := os.OpenFile(target, os.O_WRONLY, 0)
		if err != nil {
			return nil, cannot(err)
		}
		return &File{name: name, to: f}, nil
	case err == nil:
		mode = has.Mode().Perm()
	}
	f, err := os.CreateTemp(directory, "."+filepath.Base(target)+".*")
	if err != nil {
		return nil, cannot(err)
	}
	o := &File{name: target, beside: f}
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

// Write writes the file's content, all of it.
func (o *File) Write(text string) error {
	if o.beside == nil {
		if _, err := io.WriteString(o.to, text); err != nil {
			return fmt.Errorf("could not write %s: %w", o.name, err)
		}
		return nil
	}
	_, err := o.beside.WriteString(text)
	if err = errors.Join(err, o.beside.Sync(), o.beside.Close()); err == nil {
		err = os.Rename(o.beside.Name(), o.name)
	}
	if err != nil {
		return hint.New(hint.BadInput, fmt.Errorf("could not write %s: %w", o.name, err), "free disk space, or give --output another FILE")
	}
	return nil
}

// Discard removes what was prepared and not written.
func (o *File) Discard() {
	if o.beside != nil {
		o.beside.Close()
		os.Remove(o.beside.Name()) // gone already when it was written
	}
}
