package device

import (
	"bytes"
	"fmt"
)

// clientStats are what a Lustre client has counted on one mounted file system.
type clientStats struct {
	readBytes, writeBytes uint64
	reads, writes         uint64 // system calls
	metadata              uint64 // the operations of metadataOps
}

// metadataOps are the lines of a client's statistics that count operations on names
// and attributes. Checks that the client makes by itself (inode_permission) and
// operations on an open file's data (seek, mmap, fsync) are not among them.
var metadataOps = map[string]bool{
	"open": true, "close": true, "create": true, "mknod": true, "link": true, "unlink": true, "symlink": true,
	"mkdir": true, "rmdir": true, "rename": true, "readdir": true, "getattr": true, "setattr": true, "truncate": true,
	"statfs": true, "getxattr": true, "setxattr": true, "listxattr": true, "removexattr": true,
}

// parseClientStats reads the stats file of a mounted Lustre file system. Lines are
// "name count samples [unit]", for bytes with "min max sum" and from 2.12 on the sum
// of squares after it. A line that is not there has not counted yet.
func parseClientStats(b []byte) (clientStats, error) {
	var s clientStats
	for line := range lines(b) {
		name, rest := field(line)
		counted, rest := field(rest)
		if word, _ := field(rest); string(word) != "samples" {
			continue // snapshot_time, start_time, elapsed_time
		}
		n, err := number(counted)
		if err != nil {
			return clientStats{}, fmt.Errorf("count of %q: %w", name, err)
		}
		switch {
		case metadataOps[string(name)]:
			s.metadata += n
		case string(name) == "read_bytes":
			s.reads = n
			s.readBytes, err = fifthField(rest)
		case string(name) == "write_bytes":
			s.writes = n
			s.writeBytes, err = fifthField(rest)
		}
		if err != nil {
			return clientStats{}, fmt.Errorf("sum of %q: %w", name, err)
		}
	}
	return s, nil
}

// fifthField returns the sum in "samples [bytes] min max sum".
func fifthField(b []byte) (uint64, error) {
	var f []byte
	for range 5 {
		f, b = field(b)
	}
	return number(f)
}

// importTimeouts returns how many requests to a target of a Lustre file system have
// timed out, from the target's import file. False where it does not say.
func importTimeouts(b []byte) (uint64, bool) {
	for line := range lines(b) {
		name, rest := field(line)
		if string(name) != "timeouts:" {
			continue
		}
		value, _ := field(rest)
		n, err := number(value)
		return n, err == nil
	}
	return 0, false
}

// lnetStats are the counts of Lustre's network layer.
type lnetStats struct{ errors, drops uint64 }

// parseLNetStats reads LNet's stats file: one line of eleven numbers, of which the
// third counts errors and the seventh messages that were dropped.
func parseLNetStats(b []byte) (lnetStats, error) {
	var values [11]uint64
	for i := range values {
		var f []byte
		f, b = field(b)
		n, err := number(f)
		if err != nil {
			return lnetStats{}, fmt.Errorf("number %d of 11: %w", i+1, err)
		}
		values[i] = n
	}
	return lnetStats{errors: values[2], drops: values[6]}, nil
}

// fileSystemName returns the file system's name in the name of a client's folder:
// "NAME-ffff8d0c1a2b3c4d" of a mounted file system, "NAME-OST0000-osc-ffff…" and
// "NAME-MDT0000-mdc-ffff…" of a target.
func fileSystemName(folder string) string {
	for _, mark := range []string{"-OST", "-MDT"} {
		if i := bytes.LastIndex([]byte(folder), []byte(mark)); i > 0 {
			return folder[:i]
		}
	}
	if i := bytes.LastIndexByte([]byte(folder), '-'); i > 0 {
		return folder[:i]
	}
	return folder
}
