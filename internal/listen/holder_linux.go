package listen

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// holderOf finds the process whose listening is in the way of addr: the socket's
// inode from /proc/net/tcp{,6}, then the process that has it open. Processes of
// other users stay unknown unless we are root.
func holderOf(addr string) (process, bool) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return process{}, false
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return process{}, false
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		ip = netip.IPv6Unspecified() // a name: what it stands for is not looked up again
	}
	inodes := map[string]bool{}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		listeners(table, ip, n, inodes)
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

// listeners adds the inodes of sockets that listen on port of ip, as the kernel
// lists them (fields: sl local_address rem_address st … inode; state 0A is LISTEN).
func listeners(table string, ip netip.Addr, port uint64, inodes map[string]bool) {
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
		local, hexPort, _ := strings.Cut(fields[1], ":")
		p, err := strconv.ParseUint(hexPort, 16, 16)
		if err != nil || p != port {
			continue
		}
		if held, ok := kernelAddr(local); ok && overlap(held, ip) {
			inodes[fields[9]] = true
		}
	}
}

// kernelAddr reads an address of /proc/net/tcp{,6}: 32-bit words in hexadecimal,
// each in the machine's byte order.
func kernelAddr(text string) (netip.Addr, bool) {
	words, err := hex.DecodeString(text)
	if err != nil || len(words)%4 != 0 {
		return netip.Addr{}, false
	}
	for w := words; len(w) > 0; w = w[4:] {
		binary.BigEndian.PutUint32(w, binary.NativeEndian.Uint32(w))
	}
	return netip.AddrFromSlice(words)
}

// overlap reports whether one socket cannot listen beside another on one port:
// on the same address, or when one listens on all of them.
func overlap(a, b netip.Addr) bool {
	return a.Unmap() == b.Unmap() || a.IsUnspecified() || b.IsUnspecified()
}
