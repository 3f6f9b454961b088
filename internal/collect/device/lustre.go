package device

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/parascope/parascope/internal/collect/page"
	"github.com/parascope/parascope/internal/collect/read"
	"github.com/parascope/parascope/internal/collect/total"
)

const (
	llite       = "/sys/kernel/debug/lustre/llite/*/stats"
	lustreWhere = "nodes that mount Lustre (FSx for Lustre)"
)

var (
	lustreReadBytes = lustreFamily("read_bytes_total", "bytes", llite, "Bytes that programs read from Lustre, including reads from "+
		"the client's cache.")
	lustreWriteBytes = lustreFamily("write_bytes_total", "bytes", llite, "Bytes that programs wrote to Lustre.")
	lustreOperations = lustreFamily("operations_total", "1", llite,
		"Lustre operations of programs: reads, writes, and metadata (open, close, create, remove, rename, attributes, listing, "+
			"statfs).", "operation")
	lustreTimeouts = lustreFamily("rpc_timeouts_total", "1", "/sys/kernel/debug/lustre/{osc,mdc}/*/import",
		"Requests to Lustre servers that timed out.")
	lnetDrops = &page.Family{
		Name: "node_lnet_dropped_messages_total", Help: "Messages that Lustre's network layer (LNet) dropped.",
		Type: page.Counter, Unit: "1", Source: "/sys/kernel/debug/lnet/stats", Where: lustreWhere,
	}
)

func lustreFamily(what, unit, source, help string, labels ...string) *page.Family {
	return &page.Family{
		Name: "node_lustre_" + what, Help: help, Type: page.Counter, Unit: unit,
		Labels: append([]string{"fsname"}, labels...), Source: source, Where: lustreWhere,
	}
}

var lustre = page.Collector{
	Name:     "lustre",
	Families: []*page.Family{lustreReadBytes, lustreWriteBytes, lustreOperations, lustreTimeouts, lnetDrops},
	Sources: []string{
		llite, "/sys/kernel/debug/lustre/{osc,mdc}/*/import", "/sys/kernel/debug/lnet/stats", "the same files below /proc/fs/lustre and " +
			"/proc/sys/lnet",
	},
	Privilege: "root, because only root can read debugfs",
	Open: func(env page.Env) (page.Reader, error) {
		return &lustreReader{env: env, systems: map[string]*fileSystem{}}, nil
	},
}

// lustreWritten is what is written of clientStats, by its place in values.
var lustreWritten = []struct {
	family    *page.Family
	place     int
	operation []string
}{
	{lustreReadBytes, 0, nil},
	{lustreWriteBytes, 1, nil},
	{lustreOperations, 2, []string{"read"}},
	{lustreOperations, 3, []string{"write"}},
	{lustreOperations, 4, []string{"metadata"}},
}

// maxLustreFiles is how many files of one kind are read: mounts, or targets.
const maxLustreFiles = 1024

type lustreReader struct {
	env     page.Env
	buf     []byte
	systems map[string]*fileSystem
}

// fileSystem is what is known of a Lustre file system, over its mounts and targets.
type fileSystem struct {
	name     string
	mounts   total.Sum // of clientStats, in its order
	timeouts total.Sum // of the targets' imports
}

// Read implements page.Reader.
func (r *lustreReader) Read(p *page.Page) error {
	mounts, base, err := r.folders("llite")
	if err != nil {
		return err
	}
	if len(mounts) == 0 {
		return page.ErrAbsent
	}
	for _, f := range r.systems {
		f.begin()
	}
	for _, folder := range mounts {
		if err := r.readMount(filepath.Join(base, folder, "stats"), folder); err != nil {
			return err
		}
	}
	for _, kind := range []string{"osc", "mdc"} {
		if err := r.readTargets(kind); err != nil {
			return err
		}
	}
	r.write(p)
	return r.writeDrops(p)
}

// folders are the client's folders of a kind, and where they lie: in debugfs, or in
// procfs with older clients. None is no error.
func (r *lustreReader) folders(kind string) (names []string, base string, err error) {
	for _, base := range []string{r.env.Sys("kernel/debug/lustre/" + kind), r.env.Proc("fs/lustre/" + kind)} {
		entries, err := os.ReadDir(base)
		switch {
		case errors.Is(err, fs.ErrPermission) && r.loaded():
			return nil, "", fmt.Errorf("%w: the collector lustre needs root, to read debugfs", err)
		case err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission):
			return nil, "", err
		}
		for _, e := range entries {
			if e.IsDir() && len(names) < maxLustreFiles {
				names = append(names, e.Name())
			}
		}
		if len(names) > 0 {
			return names, base, nil
		}
	}
	return nil, "", nil
}

// loaded reports whether the kernel has Lustre's client, which everyone may see.
func (r *lustreReader) loaded() bool {
	_, err := os.Stat(r.env.Sys("module/lustre"))
	return err == nil
}

func (r *lustreReader) system(folder string) *fileSystem {
	name := fileSystemName(folder)
	f := r.systems[name]
	if f == nil {
		f = &fileSystem{name: name}
		f.begin()
		r.systems[name] = f
	}
	return f
}

func (f *fileSystem) begin() {
	f.mounts.Begin(clientValues)
	f.timeouts.Begin(1)
}

// readMount adds what a mounted file system has counted. One that was unmounted
// meanwhile is no error.
func (r *lustreReader) readMount(path, folder string) error {
	text, err := read.All(path, &r.buf)
	if gone(err) {
		return nil
	}
	if err != nil {
		return err
	}
	s, err := parseClientStats(text)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	values := s.values()
	r.system(folder).mounts.Add([]byte(folder), values[:])
	return nil
}

// readTargets adds the timeouts of the requests to the targets of a kind.
func (r *lustreReader) readTargets(kind string) error {
	targets, base, err := r.folders(kind)
	if err != nil {
		return err
	}
	for _, folder := range targets {
		text, err := read.All(filepath.Join(base, folder, "import"), &r.buf)
		if gone(err) {
			continue
		}
		if err != nil {
			return err
		}
		if n, ok := importTimeouts(text); ok {
			r.system(folder).timeouts.Add([]byte(folder), []uint64{n})
		}
	}
	return nil
}

// write writes the file systems that are mounted.
func (r *lustreReader) write(p *page.Page) {
	var mounted []*fileSystem
	for name, f := range r.systems {
		if _, mounts := f.mounts.End(); mounts > 0 {
			mounted = append(mounted, f)
		} else if len(r.systems) > maxLustreFiles {
			delete(r.systems, name)
		}
	}
	slices.SortFunc(mounted, func(a, b *fileSystem) int { return strings.Compare(a.name, b.name) })
	for _, w := range lustreWritten {
		for _, f := range mounted {
			totals, _ := f.mounts.End()
			p.Sample(w.family, totals[w.place], append([]string{f.name}, w.operation...)...)
		}
	}
	for _, f := range mounted {
		if totals, targets := f.timeouts.End(); targets > 0 {
			p.Sample(lustreTimeouts, totals[0], f.name)
		}
	}
}

// writeDrops writes what LNet dropped, where its file is.
func (r *lustreReader) writeDrops(p *page.Page) error {
	for _, path := range []string{r.env.Sys("kernel/debug/lnet/stats"), r.env.Proc("sys/lnet/stats")} {
		text, err := read.All(path, &r.buf)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		drops, err := parseLNetDrops(text)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		p.Sample(lnetDrops, float64(drops))
		return nil
	}
	return nil
}

// Close implements page.Reader.
func (r *lustreReader) Close() error { return nil }
