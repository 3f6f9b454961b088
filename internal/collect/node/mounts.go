package node

import (
	"bytes"
	"strings"

	"github.com/parascope/parascope/internal/collect/read"
)

// mount is a mounted file system.
type mount struct {
	device, point, kind string // as they are: point may hold any bytes
	readonly            float64
}

// network reports whether the file system is another machine's, which counts its files
// itself.
func (m *mount) network() bool { return m.kind == "nfs" || m.kind == "nfs4" }

// ignoredKinds are the types of file systems that are left out: those that node_exporter
// leaves out, and those in memory, whose bytes are node_memory_Shmem_bytes.
var ignoredKinds = strings.Fields(`autofs binfmt_misc bpf cgroup cgroup2 configfs debugfs devpts devtmpfs efivarfs fusectl hugetlbfs iso9660
	mqueue nsfs overlay proc procfs pstore ramfs rpc_pipefs securityfs selinuxfs squashfs erofs sysfs tmpfs tracefs vfat`)

// ignoredPoints are the directories whose mounts are left out, as in node_exporter.
var ignoredPoints = []string{"/dev", "/proc", "/sys", "/run", "/boot", "/var/lib/docker", "/var/lib/containers/storage"}

func (m *mount) ignored() bool {
	for _, kind := range ignoredKinds {
		if m.kind == kind {
			return true
		}
	}
	for _, dir := range ignoredPoints {
		if rest, ok := strings.CutPrefix(m.point, dir); ok && (rest == "" || rest[0] == '/') {
			return true
		}
	}
	return false
}

// maxMounts bounds the mounts of a page.
const maxMounts = 512

// parseMounts reads the text of /proc/PID/mountinfo: for each mount its number, its
// parent's, major:minor, root, mount point, options, optional fields, "-", type, source
// and the superblock's options. Lines of another form, such as half of one, are left
// out and counted, and so are the mounts after the first maxMounts.
func parseMounts(text []byte) (mounts []mount, malformed, more int) {
	seen := map[mount]bool{}
	for {
		line, ok := read.Line(&text)
		if !ok {
			return mounts, malformed, more
		}
		m, ok := parseMount(line)
		if !ok {
			malformed++
			continue
		}
		key := mount{device: m.device, point: m.point, kind: m.kind}
		switch {
		case seen[key] || m.ignored():
		case len(mounts) == maxMounts:
			more++
		default:
			seen[key] = true
			mounts = append(mounts, m)
		}
	}
}

func parseMount(line []byte) (m mount, ok bool) {
	before, after, ok := bytes.Cut(line, []byte(" - "))
	// The kernel escapes no blank but a space, a tab and a line's end: others are part of a name.
	fields, rest := bytes.Split(before, []byte{' '}), bytes.Split(after, []byte{' '})
	if !ok || len(fields) < 6 || len(rest) < 3 {
		return m, false
	}
	m = mount{device: unescape(rest[1]), point: unescape(fields[4]), kind: string(rest[0])}
	if option(fields[5], "ro") || option(rest[2], "ro") {
		m.readonly = 1
	}
	return m, true
}

func option(options []byte, name string) bool {
	for o := range bytes.SplitSeq(options, []byte{','}) {
		if string(o) == name {
			return true
		}
	}
	return false
}

// unescape puts back the bytes that the kernel writes as a backslash and three octal
// digits.
func unescape(text []byte) string {
	if bytes.IndexByte(text, '\\') < 0 {
		return string(text)
	}
	b := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+3 < len(text) && octal(text[i+1]) && octal(text[i+2]) && octal(text[i+3]) && text[i+1] <= '3' {
			b = append(b, (text[i+1]-'0')<<6|(text[i+2]-'0')<<3|(text[i+3]-'0'))
			i += 3
			continue
		}
		b = append(b, text[i])
	}
	return string(b)
}

func octal(c byte) bool { return c >= '0' && c <= '7' }
