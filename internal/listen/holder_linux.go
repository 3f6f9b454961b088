package listen

import (
	"bufio"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// holderOf finds the process that listens on the port of addr: the socket's
// inode from /proc/net/tcp{,6}, then the process that has it open. Processes of
// other users stay unknown unless we are root.
func holderOf(addr string) (process, bool) {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return process{}, false
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return process{}, false
	}
	inodes := map[string]bool{}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		listeners(table, n, inodes)
	}
	links, err := filepath.Glob("/proc/[0-9]*/fd/*")
	if err != nil || len(inodes) == 0 {
		return process{}, false
	}
	for _, l := range links {
		target, err := os.Readlink(l)
		if err != nil {
			continue // the process ended meanwhile, or is not ours to look at
		}
		inode, ok := strings.CutPrefix(target, "socket:[")
		if !ok || !inodes[strings.TrimSuffix(inode, "]")] {
			continue
		}
		dir := filepath.Dir(filepath.Dir(l))
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			continue
		}
		comm, err := os.ReadFile(filepath.Join(dir, "comm"))
		if err != nil {
			continue
		}
		return process{pid: pid, name: strings.TrimSpace(string(comm))}, true
	}
	return process{}, false
}

// listeners adds the inodes of sockets that listen on port, as the kernel lists
// them (fields: sl local_address rem_address st … inode; state 0A is LISTEN).
func listeners(table string, port uint64, inodes map[string]bool) {
	f, err := os.Open(table)
	if err != nil {
		return // no such address family here
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		fields := strings.Fields(s.Text())
		if len(fields) < 10 || fields[3] != "0A" {
			continue
		}
		_, hex, ok := strings.Cut(fields[1], ":")
		if p, err := strconv.ParseUint(hex, 16, 16); ok && err == nil && p == port {
			inodes[fields[9]] = true
		}
	}
}
