package device

import (
	"fmt"
	"strings"

	"github.com/parascope/parascope/internal/collect/read"
)

// clientStats are what a Lustre client has counted on one mounted file system.
type clientStats struct {
	readBytes, writeBytes uint64
	reads, writes         uint64 // system calls
	metadata              uint64 // the operations of metadataOps
}

// clientValues is how many counts clientStats has.
const clientValues = 5

// values are the counts in the order of the fields.
func (s clientStats) values() [clientValues]uint64 {
	return [clientValues]uint64{s.readBytes, s.writeBytes, s.reads, s.writes, s.metadata}
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
		rest := line
		name, _ := read.Field(&rest)
		counted, _ := read.Field(&rest)
		if word, _ := read.Field(&rest); string(word) != "samples" {
			continue // snapshot_time, start_time, elapsed_time
		}
		n, err := numberField(&counted)
		if err != nil {
			return clientStats{}, fmt.Errorf("could not parse the count of %q: %w", name, err)
		}
		switch {
		case metadataOps[string(name)]:
			s.metadata += n
		case string(name) == "read_bytes":
			s.reads = n
			s.readBytes, err = sumField(rest)
		case string(name) == "write_bytes":
			s.writes = n
			s.writeBytes, err = sumField(rest)
		}
		if err != nil {
			return clientStats{}, fmt.Errorf("could not parse the sum of %q: %w", name, err)
		}
	}
	return s, nil
}

// sumField returns the sum in "[bytes] min max sum".
func sumField(b []byte) (uint64, error) {
	for range 3 {
		read.Field(&b)
	}
	return numberField(&b)
}

// importTimeouts returns how many requests to a target of a Lustre file system have
// timed out, from the target's import file. False where it does not say.
func importTimeouts(b []byte) (uint64, bool) {
	for line := range lines(b) {
		if name, _ := read.Field(&line); string(name) == "timeouts:" {
			return read.UintField(&line)
		}
	}
	return 0, false
}

// parseLNetDrops reads LNet's stats file, one line of eleven numbers, and returns the
// seventh: the messages that LNet dropped. The third, errors, is not used by LNet.
func parseLNetDrops(b []byte) (uint64, error) {
	var drops uint64
	for i := range 11 {
		n, err := numberField(&b)
		if err != nil {
			return 0, fmt.Errorf("could not parse number %d of 11: %w", i+1, err)
		}
		if i == 6 {
			drops = n
		}
	}
	return drops, nil
}

// fileSystemName returns the file system's name in the name of a client's folder:
// "NAME-ffff8d0c1a2b3c4d" of a mounted file system, "NAME-OST0000-osc-ffff…" and
// "NAME-MDT0000-mdc-ffff…" of a target.
func fileSystemName(folder string) string {
	for _, mark := range []string{"-OST", "-MDT", "-"} {
		if i := strings.LastIndex(folder, mark); i > 0 {
			return folder[:i]
		}
	}
	return folder
}
