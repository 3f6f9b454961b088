package node

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/parascope/parascope/internal/collect/page"
	"github.com/parascope/parascope/internal/collect/read"
	"github.com/parascope/parascope/internal/collect/total"
)

const (
	sectorSize         = 512.0
	millisecond        = 1.0 / 1000
	diskColumns        = 17
	diskColumnsAtLeast = 11 // before Linux 4.18
	ioNow              = 8  // the one column that is no counter
)

// diskColumn is a column of /proc/diskstats after the name.
type diskColumn struct {
	family *page.Family
	unit   float64 // what one is
}

func diskFamily(name, help, unit string, full bool) *page.Family {
	return &page.Family{
		Name: "node_disk_" + name, Help: help, Type: page.Counter, Unit: unit, Labels: []string{"device"}, Source: "/proc/diskstats", Full: full,
	}
}

var diskFamilies = [diskColumns]diskColumn{
	{diskFamily("reads_completed_total", "The total number of reads completed successfully.", "1", false), 1},
	{diskFamily("reads_merged_total", "The total number of reads merged.", "1", true), 1},
	{diskFamily("read_bytes_total", "The total number of bytes read successfully.", "bytes", false), sectorSize},
	{diskFamily("read_time_seconds_total", "The total number of seconds spent by all reads.", "seconds", false), millisecond},
	{diskFamily("writes_completed_total", "The total number of writes completed successfully.", "1", false), 1},
	{diskFamily("writes_merged_total", "The number of writes merged.", "1", true), 1},
	{diskFamily("written_bytes_total", "The total number of bytes written successfully.", "bytes", false), sectorSize},
	{diskFamily("write_time_seconds_total", "This is the total number of seconds spent by all writes.", "seconds", false), millisecond},
	{&page.Family{Name: "node_disk_io_now", Help: "The number of I/Os currently in progress.", Type: page.Gauge, Unit: "1",
		Labels: []string{"device"}, Source: "/proc/diskstats", Full: true}, 1},
	{diskFamily("io_time_seconds_total", "Total seconds spent doing I/Os.", "seconds", false), millisecond},
	{diskFamily("io_time_weighted_seconds_total", "The weighted # of seconds spent doing I/Os.", "seconds", true), millisecond},
	{diskFamily("discards_completed_total", "The total number of discards completed successfully.", "1", true), 1},
	{diskFamily("discards_merged_total", "The total number of discards merged.", "1", true), 1},
	{diskFamily("discarded_sectors_total", "The total number of sectors discarded successfully.", "sectors", true), 1},
	{diskFamily("discard_time_seconds_total", "This is the total number of seconds spent by all discards.", "seconds", true), millisecond},
	{diskFamily("flush_requests_total", "The total number of flush requests completed successfully", "1", true), 1},
	{diskFamily("flush_requests_time_seconds_total", "This is the total number of seconds spent by all flush requests.", "seconds", true),
		millisecond},
}

// diskstats serves physical disks: each EBS volume, and as device="all" the sum of the
// instance store's disks.
var diskstats = page.Collector{
	Name:     "diskstats",
	Families: diskFamilyList(),
	Sources:  []string{"/proc/diskstats", "/sys/block/*/device/model"},
	Open: func(e page.Env) (page.Reader, error) {
		f, err := read.Open(e.Proc("diskstats"))
		if err != nil {
			return nil, err
		}
		return &diskReader{file: f, blocks: e.Sys("block"), each: e.EachDevice, kinds: map[string]diskKind{}}, nil
	},
}

func diskFamilyList() (list []*page.Family) {
	for _, c := range diskFamilies {
		list = append(list, c.family)
	}
	return list
}

type diskReader struct {
	file   *read.File
	buf    []byte
	blocks string
	each   bool
	kinds  map[string]diskKind
	model  []byte

	rows   []diskRow
	stores total.Sum
	values [diskColumns]uint64
}

type diskKind struct {
	served, store bool
	name          string
}

// diskRow is what one disk, or all of the instance store, has counted.
type diskRow struct {
	name    string
	values  [diskColumns]float64
	columns int
}

func (r *diskReader) Close() error { return r.file.Close() }

func (r *diskReader) Read(p *page.Page) error {
	text, err := r.file.Read(&r.buf)
	if err != nil {
		return err
	}
	if len(text) > 0 && !read.Whole(text) {
		return fmt.Errorf("/proc/diskstats ends in the middle of a line, after %d bytes", len(text))
	}
	r.rows = r.rows[:0]
	r.stores.Begin(diskColumns)
	store := diskRow{name: "all"}
	for {
		line, ok := read.Line(&text)
		if !ok {
			break
		}
		if err := r.line(line, &store); err != nil {
			return err
		}
	}
	if totals, _ := r.stores.End(); store.columns > 0 {
		now := store.values[ioNow]
		copy(store.values[:], totals)
		store.values[ioNow] = now
		r.rows = append(r.rows, store)
	}
	for i, c := range diskFamilies {
		for j := range r.rows {
			if row := &r.rows[j]; i < row.columns {
				p.Sample(c.family, row.values[i]*c.unit, row.name)
			}
		}
	}
	return nil
}

// line takes one line, into a row of its own or into the instance store's.
func (r *diskReader) line(line []byte, store *diskRow) error {
	read.Field(&line) // major
	read.Field(&line) // minor
	name, ok := read.Field(&line)
	if !ok {
		return nil
	}
	kind := r.kind(name)
	if !kind.served {
		return nil
	}
	r.values = [diskColumns]uint64{}
	n := 0
	for n < diskColumns {
		v, ok := read.UintField(&line)
		if !ok {
			break
		}
		r.values[n] = v
		n++
	}
	if n < diskColumnsAtLeast {
		return fmt.Errorf("/proc/diskstats: %s has %d numbers; expected %d", name, n, diskColumns)
	}
	if kind.store {
		store.columns = max(store.columns, n)
		store.values[ioNow] += float64(r.values[ioNow])
		r.stores.Add(name, r.values[:])
		return nil
	}
	row := diskRow{name: kind.name, columns: n}
	for i, v := range r.values {
		row.values[i] = float64(v)
	}
	r.rows = append(r.rows, row)
	return nil
}

// maxKinds bounds the names that are remembered.
const maxKinds = 4096

// kind tells what a block device is, and remembers it: a name does not change its
// nature while it lasts.
func (r *diskReader) kind(name []byte) diskKind {
	kind, ok := r.kinds[string(name)]
	if !ok {
		if len(r.kinds) == maxKinds {
			clear(r.kinds)
		}
		kind = r.classify(string(name))
		r.kinds[kind.name] = kind
	}
	return kind
}

// ignoredByStock reports whether node_exporter leaves the device out: a partition, a
// loop or memory device.
func ignoredByStock(name string) bool {
	stem := strings.TrimRight(name, digits)
	if stem == name {
		return false
	}
	switch stem {
	case "ram", "zram", "loop", "fd":
		return true
	}
	for _, kind := range []string{"hd", "sd", "vd", "xvd"} {
		if letter, ok := strings.CutPrefix(stem, kind); ok && len(letter) == 1 && letter[0] >= 'a' && letter[0] <= 'z' {
			return true
		}
	}
	namespace, ok := strings.CutSuffix(stem, "p")
	controller, isNVMe := strings.CutPrefix(namespace, "nvme")
	c, n, both := strings.Cut(controller, "n")
	return ok && isNVMe && both && read.Digits(c) && read.Digits(n)
}

const digits = "0123456789"

// virtual reports whether the device stands on others, whose I/O is counted there.
func virtual(name string) bool {
	switch strings.TrimRight(name, digits) {
	case "dm-", "md", "nbd", "zd":
		return true
	}
	return false
}

// instanceStore is how the instance store's disks call themselves.
const instanceStore = "Amazon EC2 NVMe Instance Storage"

func (r *diskReader) classify(name string) diskKind {
	kind := diskKind{name: name, served: !ignoredByStock(name)}
	if r.each || !kind.served {
		return kind
	}
	if virtual(name) {
		kind.served = false
		return kind
	}
	dir := filepath.Join(r.blocks, name)
	model, err := read.All(filepath.Join(dir, "device/model"), &r.model)
	if err == nil {
		kind.store = bytes.HasPrefix(model, []byte(instanceStore))
		return kind
	}
	if _, err := os.Stat(dir); err == nil {
		_, err = os.Stat(filepath.Join(dir, "device"))
		kind.served = err == nil
	}
	return kind
}
