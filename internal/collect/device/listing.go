package device

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

const (
	// maxListing bounds what is taken of a directory, in bytes: some thousand entries.
	maxListing = 256 << 10
	// listingStep is what one call takes.
	listingStep = 8 << 10
	// direntHeader is where the name begins: after inode, offset, length and type.
	direntHeader = 19
	// onlyDots is the size of a directory's listing that has "." and ".." alone. In
	// sysfs, a directory that was removed looks like that.
	onlyDots = 48
)

// listing watches the entries of a directory. The directory stays open, and what the
// kernel returns for it is compared with the time before, inode numbers included, so
// that a device that went and came back under its name is a change.
type listing struct {
	path      string
	fd        int // -1 while it could not be opened
	last, now []byte
	fresh     bool // last is a listing
}

func newListing(path string) *listing { return &listing{path: path, fd: -1} }

// changed reads the directory and reports whether it is other than at the last call.
// The first call reports a change. The error matches fs.ErrNotExist where there is no
// such directory.
func (l *listing) changed() (bool, error) {
	if l.fd < 0 {
		if err := l.open(); err != nil {
			return false, err
		}
	}
	err := l.read()
	if err != nil || len(l.now) <= onlyDots { // it went, and another may be in its place
		l.Close()
		if err = l.open(); err == nil {
			err = l.read()
		}
	}
	if err != nil {
		return false, err
	}
	if l.fresh && bytes.Equal(l.now, l.last) {
		return false, nil
	}
	l.last, l.now, l.fresh = l.now, l.last, true
	return true, nil
}

func (l *listing) open() error {
	l.fresh = false
	fd, err := unix.Open(l.path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: l.path, Err: err}
	}
	l.fd = fd
	return nil
}

func (l *listing) read() error {
	l.now = l.now[:0]
	if _, err := unix.Seek(l.fd, 0, unix.SEEK_SET); err != nil {
		return &os.PathError{Op: "seek", Path: l.path, Err: err}
	}
	for {
		l.now = slices.Grow(l.now, listingStep)
		n, err := unix.ReadDirent(l.fd, l.now[len(l.now):len(l.now)+listingStep])
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return &os.PathError{Op: "readdir", Path: l.path, Err: err}
		case n <= 0:
			normalize(l.now)
			return nil
		}
		l.now = l.now[:len(l.now)+n]
		if len(l.now) > maxListing {
			return fmt.Errorf("could not list %s: the names have more than %d bytes", l.path, maxListing)
		}
	}
}

// normalize clears what differs for the same entry in each struct linux_dirent64 of b:
// its place in the directory, and what was in the buffer between the name's end and
// the next entry.
func normalize(b []byte) {
	for len(b) >= direntHeader {
		length := int(binary.NativeEndian.Uint16(b[16:]))
		if length < direntHeader || length > len(b) {
			return
		}
		clear(b[8:16])
		name := b[direntHeader:length]
		if end := bytes.IndexByte(name, 0); end >= 0 {
			clear(name[end:])
		}
		b = b[length:]
	}
}

// names are the entries at the last change, sorted, without "." and "..".
func (l *listing) names() []string {
	_, _, names := unix.ParseDirent(l.last, -1, nil)
	slices.Sort(names)
	return names
}

// forget makes the next call of changed report a change.
func (l *listing) forget() { l.fresh = false }

// Close closes the directory. The listing can be used again.
func (l *listing) Close() error {
	if l.fd < 0 {
		return nil
	}
	err := unix.Close(l.fd)
	l.fd, l.fresh = -1, false
	return err
}
