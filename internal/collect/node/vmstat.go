package node

import (
	"fmt"

	"github.com/parascope/parascope/internal/collect/page"
	"github.com/parascope/parascope/internal/collect/read"
)

// vmstatKeys are the lines of /proc/vmstat that are served always.
var vmstatKeys = []string{"oom_kill", "pgmajfault"}

// moreVmstatKeys are those that --full adds.
var moreVmstatKeys = []string{"pgfault", "pgpgin", "pgpgout", "pswpin", "pswpout"}

// vmstatFamilies are the families by their line's name.
var vmstatFamilies = makeVmstatFamilies()

// vmstat has the kills by the kernel's out-of-memory killer among its families.
var vmstat = page.Collector{
	Name:     "vmstat",
	Families: inOrder(vmstatFamilies, vmstatKeys, moreVmstatKeys),
	Sources:  []string{"/proc/vmstat"},
	Open: func(e page.Env) (page.Reader, error) {
		f, err := read.Open(e.Proc("vmstat"))
		if err != nil {
			return nil, err
		}
		return &vmstatReader{file: f}, nil
	},
}

func makeVmstatFamilies() map[string]*page.Family {
	families := map[string]*page.Family{}
	for i, keys := range [][]string{vmstatKeys, moreVmstatKeys} {
		for _, key := range keys {
			families[key] = &page.Family{
				Name: "node_vmstat_" + key, Help: "/proc/vmstat information field " + key + ".", Type: page.Untyped, Unit: "1",
				Source: "/proc/vmstat", Full: i == 1,
			}
		}
	}
	return families
}

type vmstatReader struct {
	file *read.File
	buf  []byte
}

func (r *vmstatReader) Close() error { return r.file.Close() }

func (r *vmstatReader) Read(p *page.Page) error {
	text, err := r.file.Read(&r.buf)
	if err != nil {
		return err
	}
	if !read.Whole(text) {
		return fmt.Errorf("/proc/vmstat ends in the middle of a line, after %d bytes", len(text))
	}
	for {
		line, ok := read.Line(&text)
		if !ok {
			return nil
		}
		name, _ := read.Field(&line)
		f := vmstatFamilies[string(name)]
		if f == nil {
			continue
		}
		v, ok := read.UintField(&line)
		if !ok {
			return fmt.Errorf("/proc/vmstat: the line %q has no number", name)
		}
		p.Sample(f, float64(v))
	}
}
