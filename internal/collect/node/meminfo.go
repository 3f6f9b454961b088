package node

import (
	"fmt"

	"github.com/parascope/parascope/internal/collect/page"
	"github.com/parascope/parascope/internal/collect/read"
)

// memoryKeys are the lines of /proc/meminfo that are served always.
var memoryKeys = []string{"MemTotal", "MemFree", "MemAvailable", "Buffers", "Cached", "SReclaimable", "Shmem", "SwapTotal", "SwapFree"}

// moreMemoryKeys are those that --full adds.
var moreMemoryKeys = []string{
	"Active", "Active(anon)", "Active(file)", "AnonHugePages", "AnonPages", "Bounce", "CmaFree", "CmaTotal", "CommitLimit",
	"Committed_AS", "DirectMap1G", "DirectMap2M", "DirectMap4k", "Dirty", "HardwareCorrupted", "HugePages_Free", "HugePages_Rsvd",
	"HugePages_Surp", "HugePages_Total", "Hugepagesize", "Inactive", "Inactive(anon)", "Inactive(file)", "KernelStack", "Mapped",
	"Mlocked", "NFS_Unstable", "PageTables", "Percpu", "SUnreclaim", "ShmemHugePages", "ShmemPmdMapped", "Slab", "SwapCached",
	"Unevictable", "VmallocChunk", "VmallocTotal", "VmallocUsed", "Writeback", "WritebackTmp", "Zswap", "Zswapped",
}

// memoryFamilies are the families by their line's name.
var memoryFamilies = makeMemoryFamilies()

var meminfo = page.Collector{
	Name:     "meminfo",
	Families: inOrder(memoryFamilies, memoryKeys, moreMemoryKeys),
	Sources:  []string{"/proc/meminfo"},
	Open: func(e page.Env) (page.Reader, error) {
		f, err := read.Open(e.Proc("meminfo"))
		if err != nil {
			return nil, err
		}
		return &meminfoReader{file: f}, nil
	},
}

func makeMemoryFamilies() map[string]*page.Family {
	families := map[string]*page.Family{}
	for i, keys := range [][]string{memoryKeys, moreMemoryKeys} {
		for _, key := range keys {
			field, unit := memoryField(key)
			families[key] = &page.Family{
				Name: "node_memory_" + field, Help: "Memory information field " + field + ".", Type: page.Gauge, Unit: unit,
				Source: "/proc/meminfo", Full: i == 1,
			}
		}
	}
	return families
}

// memoryField is node_exporter's name of a line, and the unit.
func memoryField(key string) (field, unit string) {
	switch key {
	case "HugePages_Free", "HugePages_Rsvd", "HugePages_Surp", "HugePages_Total":
		return key, "1"
	case "Active(anon)", "Active(file)", "Inactive(anon)", "Inactive(file)":
		at := len(key) - len("(anon)")
		return key[:at] + "_" + key[at+1:len(key)-1] + "_bytes", "bytes"
	}
	return key + "_bytes", "bytes"
}

func inOrder(families map[string]*page.Family, orders ...[]string) (list []*page.Family) {
	for _, keys := range orders {
		for _, key := range keys {
			list = append(list, families[key])
		}
	}
	return list
}

type meminfoReader struct {
	file *read.File
	buf  []byte
}

func (r *meminfoReader) Close() error { return r.file.Close() }

func (r *meminfoReader) Read(p *page.Page) error {
	text, err := r.file.Read(&r.buf)
	if err != nil {
		return err
	}
	if !read.Whole(text) {
		return fmt.Errorf("/proc/meminfo ends in the middle of a line, after %d bytes", len(text))
	}
	for {
		line, ok := read.Line(&text)
		if !ok {
			return nil
		}
		name, _ := read.Field(&line)
		if len(name) == 0 || name[len(name)-1] != ':' {
			continue
		}
		f := memoryFamilies[string(name[:len(name)-1])]
		if f == nil {
			continue
		}
		v, ok := read.UintField(&line)
		if !ok {
			return fmt.Errorf("/proc/meminfo: the line %q has no number", name)
		}
		if f.Unit == "bytes" {
			v *= 1024
		}
		p.Sample(f, float64(v))
	}
}
