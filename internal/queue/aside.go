//go:build unix

package queue

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"syscall"
)

const (
	// maxSegment is more than a segment can have: the last record may be larger than
	// all before it together.
	maxSegment = 2 * maxBody
	// maxSmallFile bounds positions and notes.
	maxSmallFile = 1 << 20
	// asideSuffix is of what was set aside.
	asideSuffix = ".unreadable"
	// asideNames bounds how many files of one name are set aside.
	asideNames = 100
	// AsidePaths bounds the paths of an Aside.
	AsidePaths = 20
	// readTries is how often the reader meets an error before it sets a segment aside:
	// some disks recover.
	readTries = 10
)

// errNotOurs is what a file is that the queue cannot have written.
var errNotOurs = errors.New("is not a queue file")

// openRegular opens a file that is regular, no link, and has at most so many bytes. It
// does not wait for anyone, as an open of a pipe does. What is something else is
// errNotOurs.
func openRegular(path string, flag int, most int64) (*os.File, error) {
	f, err := os.OpenFile(path, flag|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err != nil {
		if info, statErr := os.Lstat(path); statErr == nil && !info.Mode().IsRegular() {
			err = fmt.Errorf("%s %w: %s", path, errNotOurs, kind(info.Mode()))
		}
		return nil, err
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case !info.Mode().IsRegular():
		err = fmt.Errorf("%s %w: %s", path, errNotOurs, kind(info.Mode()))
	case info.Size() > most:
		err = fmt.Errorf("%s %w: the file has %d bytes, the maximum is %d", path, errNotOurs, info.Size(), most)
	default:
		return f, nil
	}
	return nil, errors.Join(err, f.Close())
}

// openToRead opens a segment.
func openToRead(path string) (*os.File, error) { return openRegular(path, os.O_RDONLY, maxSegment) }

func kind(m fs.FileMode) string {
	switch {
	case m.IsDir():
		return "the path is a directory"
	case m&fs.ModeSymlink != 0:
		return "the path is a symbolic link"
	case m&fs.ModeNamedPipe != 0:
		return "the path is a named pipe"
	case m&fs.ModeDevice != 0:
		return "the path is a device"
	}
	return "the path is not a regular file"
}

// ReadSmall returns the content of a regular file of at most 1 MB.
func ReadSmall(path string) ([]byte, error) {
	f, err := openRegular(path, os.O_RDONLY, maxSmallFile)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxSmallFile))
}

// SetAside renames what stands in the place of a queue's file or directory, so that
// a person can look at it.
func SetAside(path string) (as string, err error) {
	as = path + asideSuffix
	for i := 2; ; i++ {
		if _, err := os.Lstat(as); errors.Is(err, fs.ErrNotExist) {
			break
		}
		if i > asideNames {
			return "", fmt.Errorf("could not move the unreadable file %s aside: %w", path, fs.ErrExist)
		}
		as = fmt.Sprintf("%s%s-%d", path, asideSuffix, i)
	}
	if err := os.Rename(path, as); err != nil {
		return "", fmt.Errorf("could not move unreadable file aside: %w", err)
	}
	return as, nil
}

// Aside is what was set aside, by this process or an earlier one.
type Aside struct {
	Paths []string // of the first ones
	Total int
}

// Add adds b.
func (a *Aside) Add(b Aside) {
	a.Total += b.Total
	a.Paths = append(slices.Clip(a.Paths), b.Paths[:min(len(b.Paths), AsidePaths-len(a.Paths))]...)
}

var asideName = regexp.MustCompile(`^(.+)\.unreadable(?:-[0-9]+)?$`)

// IsAside reports whether SetAside gives such names.
func IsAside(name string) bool { return asideName.MatchString(name) }

// AsideIn returns what was set aside in a directory. It reads names alone.
func AsideIn(dir string) (Aside, error) { return asideIn(dir, IsAside) }

// AsideOf returns what stood in the place of a path and was set aside.
func AsideOf(path string) (Aside, error) {
	return asideIn(filepath.Dir(path), func(name string) bool {
		m := asideName.FindStringSubmatch(name)
		return m != nil && m[1] == filepath.Base(path)
	})
}

func asideIn(dir string, is func(name string) bool) (a Aside, err error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return Aside{}, nil
	}
	if err != nil {
		return Aside{}, fmt.Errorf("could not look for files that were set aside: %w", err)
	}
	for _, e := range entries {
		if is(e.Name()) {
			a.Add(Aside{[]string{filepath.Join(dir, e.Name())}, 1})
		}
	}
	return a, nil
}

// EnsureDir makes a directory. One of ours that may not be read is given the mode that it
// was made with. What stands in its place, and is none or cannot be read, is set aside: its
// new name is returned, and why.
func EnsureDir(path string) (aside string, why, err error) {
	info, why := os.Stat(path)
	if why == nil && info.IsDir() {
		if _, why = readDirNames(path); errors.Is(why, fs.ErrPermission) && os.Chmod(path, 0o700) == nil {
			_, why = readDirNames(path)
		}
		if why == nil {
			return "", nil, nil
		}
	}
	if at, statErr := os.Lstat(path); statErr == nil {
		if why == nil || at.Mode()&fs.ModeSymlink != 0 {
			why = fmt.Errorf("%s %w: %s", path, errNotOurs, kind(at.Mode()))
		}
		if aside, err = SetAside(path); err != nil {
			return "", nil, errors.Join(why, err)
		}
	}
	return aside, why, os.MkdirAll(path, 0o700)
}

func readDirNames(path string) ([]string, error) {
	d, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return d.Readdirnames(-1)
}
