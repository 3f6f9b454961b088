package queue

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

const segmentSuffix = ".segment"

// maxNumber is more than a segment's number can be: they are counted from 1.
const maxNumber = 1 << 62

// segment is a file of records. Its number orders it in its lane.
type segment struct {
	number uint64
	size   int64 // up to the end of the last whole record
	bad    error // why it cannot be one
}

func segmentPath(dir string, number uint64) string {
	return filepath.Join(dir, fmt.Sprintf("%020d%s", number, segmentSuffix))
}

// listSegments returns a lane's segments, oldest first, with the sizes of their
// files. A lane without a directory has none.
func listSegments(dir string) ([]segment, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("could not list queue segments: %w", err)
	}
	var all []segment // ReadDir sorts by name, and the names have leading zeros
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), segmentSuffix)
		number, err := strconv.ParseUint(name, 10, 64)
		if !ok || err != nil || filepath.Base(segmentPath(dir, number)) != e.Name() {
			continue // not ours
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // sent meanwhile
		}
		if err != nil {
			return nil, fmt.Errorf("could not list queue segments: %w", err)
		}
		s := segment{number: number, size: info.Size()}
		switch path := filepath.Join(dir, e.Name()); {
		case !info.Mode().IsRegular():
			s.bad = fmt.Errorf("%s %w: %s", path, errNotOurs, kind(info.Mode()))
		case number == 0 || number >= maxNumber:
			s.bad = fmt.Errorf("%s %w: invalid segment number", path, errNotOurs)
		case s.size > maxSegment:
			s.bad = fmt.Errorf("%s %w: the file has %d bytes, the maximum is %d", path, errNotOurs, s.size, maxSegment)
		}
		all = append(all, s)
	}
	return all, nil
}

// findRecord returns the first record at or after offset whose header is intact
// and whose body ends within size. What it steps over is damage. Records that
// follow each other cost one read each.
func findRecord(r io.ReaderAt, offset, size int64) (h header, at int64, found bool, err error) {
	var b [HeaderBytes]byte
	for offset+HeaderBytes <= size {
		if err := readFull(r, b[:], offset); err != nil {
			return header{}, 0, false, err
		}
		if h, ok := parseHeader(b[:]); ok && offset+HeaderBytes+int64(h.length) <= size {
			return h, offset, true, nil
		}
		offset, err = findMagic(r, offset+1, size)
		if err != nil {
			return header{}, 0, false, err
		}
	}
	return header{}, 0, false, nil
}

// findMagic returns the first offset from which a record could begin, or size.
func findMagic(r io.ReaderAt, offset, size int64) (int64, error) {
	var want [4]byte
	binary.LittleEndian.PutUint32(want[:], magic)
	chunk := make([]byte, 32<<10)
	for offset < size {
		b := chunk[:min(int64(len(chunk)), size-offset)]
		if err := readFull(r, b, offset); err != nil {
			return 0, err
		}
		if i := bytes.Index(b, want[:]); i >= 0 {
			return offset + int64(i), nil
		}
		if int64(len(b)) == size-offset {
			break
		}
		offset += int64(len(b) - len(want) + 1) // it may lie across the border
	}
	return size, nil
}

// readFull fills b from offset. A file that is shorter than its reader was told
// reads as zeros, which no checksum takes for a record.
func readFull(r io.ReaderAt, b []byte, offset int64) error {
	n, err := r.ReadAt(b, offset)
	if errors.Is(err, io.EOF) {
		clear(b[n:])
		return nil
	}
	if err != nil {
		return fmt.Errorf("could not read queue segment: %w", err)
	}
	return nil
}

// lastRecord walks a segment to its last record and returns where that ends; end
// is 0 if the segment holds none.
func lastRecord(path string, size int64) (last header, end int64, err error) {
	f, err := openRegular(path, os.O_RDONLY, maxSegment)
	if err != nil {
		return header{}, 0, fmt.Errorf("could not read queue segment: %w", err)
	}
	defer f.Close()
	for {
		h, at, found, err := findRecord(f, end, size)
		if err != nil || !found {
			return last, end, err
		}
		last, end = h, at+HeaderBytes+int64(h.length)
	}
}

// firstRecord returns the first intact header of a segment.
func firstRecord(path string, size int64) (h header, found bool, err error) {
	f, err := openRegular(path, os.O_RDONLY, maxSegment)
	if err != nil {
		return header{}, false, fmt.Errorf("could not read queue segment: %w", err)
	}
	defer f.Close()
	h, _, found, err = findRecord(f, 0, size)
	return h, found, err
}
