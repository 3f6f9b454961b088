package device

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/parascope/parascope/internal/collect/read"
)

// rpcStats are the counts of the kernel's NFS client.
type rpcStats struct{ calls, retransmissions uint64 }

// parseRPC reads /proc/net/rpc/nfs, whose line "rpc" has the requests sent, those
// sent again and the refreshed credentials.
func parseRPC(b []byte) (rpcStats, error) {
	for line := range lines(b) {
		if name, _ := read.Field(&line); string(name) != "rpc" {
			continue
		}
		var s rpcStats
		var err error
		if s.calls, err = numberField(&line); err != nil {
			return rpcStats{}, fmt.Errorf("requests on the line \"rpc\": %w", err)
		}
		if s.retransmissions, err = numberField(&line); err != nil {
			return rpcStats{}, fmt.Errorf("retransmissions on the line \"rpc\": %w", err)
		}
		return s, nil
	}
	return rpcStats{}, errors.New("it has no complete line \"rpc\"")
}

// mountStats are the counts of one mounted NFS export, over its operations.
type mountStats struct{ retransmissions, timeouts uint64 }

// parseMountstats reads /proc/self/mountstats and calls yield once for each NFS mount
// with the export ("server:/path", as the kernel escapes it) and its counts. The bytes
// of export are valid during the call only. Operations are lines
// "NAME: requests transmissions timeouts …" after "per-op statistics"; a mount whose
// numbers cannot be read is left out and makes an error.
func parseMountstats(b []byte, yield func(export []byte, s mountStats)) error {
	var (
		export   []byte
		s        mountStats
		perOp    bool
		bad      error
		finished = func() {
			if export != nil && perOp {
				yield(export, s)
			}
			export, s, perOp = nil, mountStats{}, false
		}
	)
	for line := range lines(b) {
		rest := line
		first, _ := read.Field(&rest)
		switch {
		case string(first) == "device":
			finished()
			export = nfsExport(rest)
		case export == nil:
		case string(first) == "per-op":
			perOp = true
		case perOp && len(first) > 1 && first[len(first)-1] == ':':
			if err := s.add(rest); err != nil {
				bad = fmt.Errorf("operation %q of %q: %w", first, export, err)
				export = nil
			}
		}
	}
	finished()
	return bad
}

// nfsExport returns the export in "server:/path mounted on /mnt with fstype nfs4 …",
// and nil where the type is another.
func nfsExport(b []byte) []byte {
	export, _ := read.Field(&b)
	before, after, found := bytes.Cut(b, []byte(" with fstype "))
	if !found || !bytes.HasPrefix(bytes.TrimSpace(before), []byte("mounted on ")) {
		return nil
	}
	if fstype, _ := read.Field(&after); string(fstype) != "nfs" && string(fstype) != "nfs4" {
		return nil
	}
	return export
}

// add adds an operation's "requests transmissions timeouts …".
func (s *mountStats) add(b []byte) error {
	var values [3]uint64
	for i := range values {
		n, err := numberField(&b)
		if err != nil {
			return err
		}
		values[i] = n
	}
	if values[1] > values[0] { // not where requests ended before they were sent
		s.retransmissions += values[1] - values[0]
	}
	s.timeouts += values[2]
	return nil
}

// serverOf returns the server in an export "server:/path".
func serverOf(export []byte) []byte {
	if i := bytes.LastIndex(export, []byte(":/")); i > 0 {
		return export[:i]
	}
	return export
}
