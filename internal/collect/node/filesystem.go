package node

import (
	"bytes"
	"errors"
	"io/fs"
	"log/slog"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/parascope/parascope/internal/collect/page"
	"github.com/parascope/parascope/internal/collect/read"
)

func filesystemFamily(name, help, unit string, needs page.Need) *page.Family {
	where := ""
	if needs == page.NeedsLocalFiles {
		where = "not for NFS"
	}
	return &page.Family{
		Name: "node_filesystem_" + name, Help: help, Type: page.Gauge, Unit: unit,
		Labels: []string{"device", "mountpoint", "fstype", "device_error"}, Source: "statfs", Where: where, Needs: needs,
	}
}

var (
	filesystemSize      = filesystemFamily("size_bytes", "Filesystem size in bytes.", "bytes", page.NeedsNothing)
	filesystemAvail     = filesystemFamily("avail_bytes", "Filesystem space available to non-root users in bytes.", "bytes", page.NeedsNothing)
	filesystemFree      = full(filesystemFamily("free_bytes", "Filesystem free space in bytes.", "bytes", page.NeedsNothing))
	filesystemFiles     = filesystemFamily("files", "Filesystem total file nodes.", "1", page.NeedsLocalFiles)
	filesystemFilesFree = filesystemFamily("files_free", "Filesystem total free file nodes.", "1", page.NeedsLocalFiles)
	filesystemReadonly  = filesystemFamily("readonly", "Filesystem read-only status.", "1", page.NeedsLocalFiles)
	filesystemError     = filesystemFamily("device_error",
		"Whether an error occurred while getting statistics for the given device.", "1", page.NeedsNothing)
)

var filesystemFamilies = []*page.Family{
	filesystemError, filesystemReadonly, filesystemSize, filesystemAvail, filesystemFree, filesystemFiles, filesystemFilesFree,
}

func full(f *page.Family) *page.Family { f.Full = true; return f }

const (
	// mountTimeout is how long one mount is waited for.
	mountTimeout = time.Second
	// mountsTimeout is how long all of a page are, below the collector's deadline.
	mountsTimeout = 2 * time.Second
	// mountAtLeast is what a mount has when that is spent: one that works needs less.
	mountAtLeast = 20 * time.Millisecond
	// maxHung bounds the threads that hang in the kernel.
	maxHung = 16
	// hungError is node_exporter's word for a mount that does not answer.
	hungError = "mountpoint timeout"
)

// filesystem asks each mounted file system. One that does not answer is left alone
// until its answer comes, and says so by its label device_error.
var filesystem = page.Collector{
	Name:     "filesystem",
	Families: filesystemFamilies,
	Sources:  []string{"/proc/1/mountinfo, else /proc/self/mountinfo", "statfs"},
	Open: func(e page.Env) (page.Reader, error) {
		f, err := read.Open(e.Proc("1/mountinfo"))
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
			f, err = read.Open(e.Proc("self/mountinfo"))
		}
		if err != nil {
			return nil, err
		}
		return &filesystemReader{file: f, path: e.Path, logger: e.Logger, statfs: unix.Statfs}, nil
	},
}

type filesystemReader struct {
	file   *read.File
	buf    []byte
	path   func(string) string
	logger *slog.Logger
	statfs func(path string, to *unix.Statfs_t) error

	text   []byte // of which mounts were made
	mounts []mountState
	more   int // mounts beyond those
	asker  *asker
	hung   int       // answers that have not come
	lost   []*answer // those among them whose mount is gone
	timer  *time.Timer
}

// mountState is a mount with the last answer of its file system.
type mountState struct {
	mount
	path   string
	answer *answer // the asker's while it is asked
	hung   bool
	failed string // what device_error says
}

type answer struct {
	statfs unix.Statfs_t
	err    error
	came   chan struct{} // one for each answer
}

func (r *filesystemReader) Close() error {
	if r.asker != nil {
		close(r.asker.in)
		r.asker = nil
	}
	return r.file.Close()
}

func (r *filesystemReader) Read(p *page.Page) error {
	text, err := r.file.Read(&r.buf)
	if err != nil {
		return err
	}
	if !bytes.Equal(text, r.text) {
		r.follow(text)
	}
	r.lost = slices.DeleteFunc(r.lost, func(a *answer) bool {
		select {
		case <-a.came:
			r.hung--
			return true
		default:
			return false
		}
	})
	spent := time.Duration(0)
	for i := range r.mounts {
		spent += r.ask(&r.mounts[i], max(mountAtLeast, min(mountTimeout, mountsTimeout-spent)))
	}
	r.write(p)
	return nil
}

// follow takes over a new list of mounts. What is known of those that stay is kept, in
// particular which of them hang.
func (r *filesystemReader) follow(text []byte) {
	r.text = append(r.text[:0], text...)
	mounts, malformed, more := parseMounts(text)
	if malformed > 0 {
		r.logger.Warn("some lines of mountinfo cannot be parsed and are skipped", "lines", malformed)
	}
	if more > 0 && r.more == 0 {
		r.logger.Warn("too many file systems are mounted; the last ones are not measured", "max", maxMounts, "left_out", more)
	}
	r.more = more
	known := map[mount]mountState{}
	for _, m := range r.mounts {
		known[mount{device: m.device, point: m.point, kind: m.kind}] = m
	}
	r.mounts = r.mounts[:0]
	for _, m := range mounts {
		state, ok := known[mount{device: m.device, point: m.point, kind: m.kind}]
		if !ok {
			state = mountState{path: r.path(m.point), answer: &answer{came: make(chan struct{}, 1)}}
		}
		delete(known, mount{device: m.device, point: m.point, kind: m.kind})
		state.mount = m
		r.mounts = append(r.mounts, state)
	}
	for _, gone := range known {
		if gone.hung {
			r.lost = append(r.lost, gone.answer)
		}
	}
}

// ask has the file system asked and waits for the answer, at most for the given time.
func (r *filesystemReader) ask(m *mountState, wait time.Duration) (spent time.Duration) {
	if m.hung {
		select {
		case <-m.answer.came:
			m.hung = false
			r.hung--
			r.logger.Info("mount responds again", "mountpoint", m.point)
		default:
			return 0
		}
	}
	if r.hung >= maxHung {
		m.failed = "not checked: too many mounts do not respond"
		return 0
	}
	if r.asker == nil {
		r.asker = newAsker(r.statfs)
	}
	if r.timer == nil {
		r.timer = time.NewTimer(wait)
	} else {
		r.timer.Reset(wait)
	}
	m.failed = ""
	r.asker.in <- question{m.path, m.answer}
	select {
	case <-m.answer.came:
		r.timer.Stop()
		if m.answer.err != nil {
			m.failed = m.answer.err.Error()
		}
		return 0
	case <-r.timer.C:
		close(r.asker.in) // it ends when the kernel lets it
		r.asker = nil
		m.hung, m.failed = true, hungError
		r.hung++
		r.logger.Warn("mount does not respond; it is skipped until it responds", "mountpoint", m.point, "device", m.device, "waited", wait)
		return wait
	}
}

// asker calls statfs in a goroutine of its own, which can be left in the kernel.
type asker struct{ in chan question }

type question struct {
	path   string
	answer *answer
}

func newAsker(statfs func(string, *unix.Statfs_t) error) *asker {
	a := &asker{in: make(chan question)}
	go func() {
		for q := range a.in {
			q.answer.err = statfs(q.path, &q.answer.statfs)
			q.answer.came <- struct{}{}
		}
	}()
	return a
}

// write writes family by family what the mounts have answered.
func (r *filesystemReader) write(p *page.Page) {
	for _, f := range filesystemFamilies {
		for i := range r.mounts {
			m := &r.mounts[i]
			if value, ok := m.value(f); ok {
				p.Sample(f, value, m.device, m.point, m.kind, m.failed)
			}
		}
	}
}

// value is what the mount has for the family, if anything.
func (m *mountState) value(f *page.Family) (float64, bool) {
	switch f {
	case filesystemError:
		if m.failed != "" {
			return 1, true
		}
		return 0, true
	case filesystemReadonly:
		return m.readonly, !m.network()
	}
	if m.failed != "" {
		return 0, false
	}
	s := &m.answer.statfs
	switch f {
	case filesystemSize:
		return float64(s.Blocks) * float64(s.Bsize), true
	case filesystemAvail:
		return float64(s.Bavail) * float64(s.Bsize), true
	case filesystemFree:
		return float64(s.Bfree) * float64(s.Bsize), true
	case filesystemFiles:
		return float64(s.Files), !m.network()
	case filesystemFilesFree:
		return float64(s.Ffree), !m.network()
	}
	return 0, false
}
