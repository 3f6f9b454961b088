package pcluster

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

const (
	maxEvent = 256 << 10 // of one line: an event may name a thousand nodes
	maxChunk = 1 << 20   // of one file at a time; more than a line
)

// place is where reading a file stopped.
type place struct {
	Inode  uint64
	Offset int64 // of the first byte that was not taken
}

// follower reads the lines that are appended to a file. It follows rotation by renaming
// and by truncation, takes whole lines only, and is bounded in what it reads at a time.
type follower struct {
	path  string
	at    place
	begun bool // false until the file was seen: then its end is where reading begins

	left     int64   // bytes that were not taken by the last reading
	skipping bool    // the rest of a line that is too long
	tooLong  float64 // lines that were passed over
}

// read takes the next bytes of the file, maxChunk at most, and calls line for each whole line in
// them. A file that does not exist has none. A file that is
// seen for the first time is read from its end: what is in it happened before.
func (f *follower) read(line func([]byte)) error {
	f.left = 0
	file, err := os.OpenFile(f.path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		f.begun = true // what it will have is new
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", f.path)
	}
	inode := uint64(0)
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		inode = st.Ino
	}
	switch {
	case !f.begun:
		f.begun, f.at = true, place{inode, info.Size()}
		return nil
	case inode != f.at.Inode:
		if f.left = f.finishRotated(line); f.left > 0 {
			f.left += info.Size()
			return nil
		}
		f.at, f.skipping = place{inode, 0}, false // the new file is read from its beginning
	case info.Size() < f.at.Offset:
		f.at.Offset, f.skipping = 0, false // truncated
	}
	err = f.take(file, info.Size()-f.at.Offset, line)
	f.left = max(info.Size()-f.at.Offset, 0)
	return err
}

// finishRotated takes the next bytes of what was appended to the old file before it was renamed, and returns how many are left.
// logrotate names it with ".1"; one that is not there, or is another file, has nothing to take.
func (f *follower) finishRotated(line func([]byte)) int64 {
	old, err := os.OpenFile(f.path+".1", os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return 0
	}
	defer old.Close()
	info, err := old.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return 0
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || st.Ino != f.at.Inode {
		return 0
	}
	before := f.at.Offset
	if err := f.take(old, info.Size()-before, line); err != nil || f.at.Offset == before {
		return 0 // what cannot be read any more, and half a line that nobody will end, are lost
	}
	return info.Size() - f.at.Offset
}

// take reads up to n bytes, maxChunk at most, and hands over their whole lines.
func (f *follower) take(file *os.File, n int64, line func([]byte)) error {
	if n <= 0 {
		return nil
	}
	buf, err := io.ReadAll(io.NewSectionReader(file, f.at.Offset, min(n, maxChunk)))
	if err != nil {
		return err
	}
	for len(buf) > 0 {
		i := bytes.IndexByte(buf, '\n')
		if i < 0 {
			if len(buf) > maxEvent { // no line of an event: go on after it
				f.skip(len(buf))
			}
			return nil
		}
		one := buf[:i]
		buf = buf[i+1:]
		switch {
		case f.skipping:
			f.skip(i + 1)
			f.skipping = false
			continue
		case len(one) > maxEvent:
			f.skip(i + 1)
			f.skipping = false
			continue
		}
		f.at.Offset += int64(i + 1)
		if len(bytes.TrimSpace(one)) > 0 {
			line(one)
		}
	}
	return nil
}

// skip passes over n bytes of a line that is too long.
func (f *follower) skip(n int) {
	if !f.skipping {
		f.tooLong++
	}
	f.at.Offset += int64(n)
	f.skipping = true
}
