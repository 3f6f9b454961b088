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
			return rpcStats{}, fmt.Errorf("could not parse the requests in the line \"rpc\": %w", err)
		}
		if s.retransmissions, err = numberField(&line); err != nil {
			return rpcStats{}, fmt.Errorf("could not parse the retransmissions in the line \"rpc\": %w", err)
		}
		return s, nil
	}
	return rpcStats{}, errors.New("the file has no complete line \"rpc\"")
}

// parseMountstats reads /proc/self/mountstats and calls yield once for each NFS mount
// with the export ("server:/path", as the kernel escapes it) and its retransmissions.
// The bytes of export are valid during the call only. Operations are lines
// "NAME: requests transmissions …" after "per-op statistics"; a mount whose numbers
// cannot be read is left out and makes an error.
func parseMountstats(b []byte, yield func(export []byte, retransmissions uint64)) error {
	var (
		export   []byte
		again    uint64
		perOp    bool
		bad      error
		finished = func() {
			if export != nil && perOp {
				yield(export, again)
			}
			export, again, perOp = nil, 0, false
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
			n, err := retransmissionsOf(rest)
			if err != nil {
				bad = fmt.Errorf("could not parse operation %q of %q: %w", first, export, err)
				export = nil
			}
			again += n
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

// retransmissionsOf reads an operation's "requests transmissions …".
func retransmissionsOf(b []byte) (uint64, error) {
	requests, err := numberField(&b)
	if err != nil {
		return 0, err
	}
	transmissions, err := numberField(&b)
	if err != nil || transmissions < requests { // fewer: some requests ended before they were sent
		return 0, err
	}
	return transmissions - requests, nil
}

// serverOf returns the server in an export "server:/path".
func serverOf(export []byte) []byte {
	if i := bytes.LastIndex(export, []byte(":/")); i > 0 {
		return export[:i]
	}
	return export
}
