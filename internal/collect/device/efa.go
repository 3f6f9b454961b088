package device

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/parascope/parascope/internal/collect/page"
	"github.com/parascope/parascope/internal/collect/read"
	"github.com/parascope/parascope/internal/collect/total"
)

var efa = page.Collector{
	Name: "efa", Also: "infiniband",
	Families: append(append([]*page.Family{efaDevices, efaExpected}, efaFamilies...), efaErrors),
	Sources:  []string{portFiles + "*", driverFile + "*"},
	Open:     openEFA,
}

// Bounds of what is taken of sysfs.
const (
	maxEFADevices  = 256
	maxEFACounters = 128 // of a device, on all its ports
	maxEFAName     = 64  // bytes of a counter's
)

// counterName is what the names of EFA's counters look like.
var counterName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// lifespan is how long the driver's values may be old, a constant among the counters.
const lifespan = "lifespan"

// expectedAgain is how long the number of devices that a node should have is kept.
const expectedAgain = time.Minute

type efaReader struct {
	env      page.Env
	list     *listing
	host     *hostFiles
	counters []*efaCounter // in the page's order
	devices  []*efaDevice
	errors   uint64
	buf      [64]byte

	expected   int // 0: not known, or none
	ifPresent  bool
	expectedAt time.Time
}

// efaCounter is a counter that at least one device has.
type efaCounter struct {
	file   string
	place  int // on the page
	family *page.Family
	ports  bool // a port has it, not the device
	sum    total.Sum
}

// efaDevice is a device with its counters' files, which stay open.
type efaDevice struct {
	name  string
	files []efaFile
	gone  bool
}

type efaFile struct {
	valueFile
	counter *efaCounter
	port    string
	key     []byte    // of the device and port, in sums
	value   [1]uint64 // of this reading, if ok
	ok      bool
}

func openEFA(env page.Env) (page.Reader, error) {
	return &efaReader{env: env, list: newListing(env.Sys(infiniband)), host: newHostFiles(env)}, nil
}

// Read implements page.Reader.
func (r *efaReader) Read(p *page.Page) error {
	switch changed, err := r.list.changed(); {
	case errors.Is(err, fs.ErrNotExist):
		r.closeDevices()
	case err != nil:
		return err
	case changed:
		r.scan()
	}
	present := r.readDevices()
	expected := r.expect(present)
	if present == 0 && expected == 0 {
		return page.ErrAbsent
	}
	p.Sample(efaDevices, float64(present))
	if expected > 0 {
		p.Sample(efaExpected, float64(expected))
	}
	for _, c := range r.counters {
		switch {
		case r.env.EachDevice:
			r.writeEach(p, c)
		default:
			if totals, devices := c.sum.End(); devices > 0 {
				p.Sample(c.family, totals[0], "all")
			}
		}
	}
	if r.errors > 0 {
		p.Sample(efaErrors, float64(r.errors))
	}
	return nil
}

func (r *efaReader) writeEach(p *page.Page, c *efaCounter) {
	for _, d := range r.devices {
		for i := range d.files {
			switch f := &d.files[i]; {
			case f.counter != c || !f.ok:
			case c.ports:
				p.Sample(c.family, float64(f.value[0]), d.name, f.port)
			default:
				p.Sample(c.family, float64(f.value[0]), d.name)
			}
		}
	}
}

// readDevices reads every counter and returns how many devices are there. A device's
// counters are read one after the other: its driver fetches all of them from the
// device at once and answers from that for some milliseconds.
func (r *efaReader) readDevices() (present int) {
	for _, c := range r.counters {
		c.sum.Begin(1)
	}
	for _, d := range r.devices {
		for i := range d.files {
			f := &d.files[i]
			f.ok = false
			if d.gone {
				continue
			}
			value, err := f.valueFile.read(&r.buf)
			switch {
			case err == nil:
				f.value[0], f.ok = value, true
				f.counter.sum.Add(f.key, f.value[:])
			case gone(err):
				d.gone = true
				r.list.forget()
			default:
				r.errors++
			}
		}
		if !d.gone {
			present++
		}
	}
	return present
}

// gone reports whether an error says that the device is no longer there.
func gone(err error) bool {
	return errors.Is(err, unix.ENODEV) || errors.Is(err, unix.ENXIO) || errors.Is(err, fs.ErrNotExist)
}

// scan opens the counters of the devices that are there now.
func (r *efaReader) scan() {
	r.closeDevices()
	for _, name := range r.list.names() {
		if !r.isEFA(name) {
			continue
		}
		if len(r.devices) == maxEFADevices {
			r.env.Logger.Warn("too many EFA devices; the last ones are not measured", "max", maxEFADevices)
			break
		}
		d := &efaDevice{name: name}
		r.openCounters(d, "hw_counters", "")
		ports, _ := os.ReadDir(r.env.Sys(filepath.Join(infiniband, name, "ports"))) // none: no counters of ports
		for _, port := range ports {
			r.openCounters(d, filepath.Join("ports", port.Name(), "hw_counters"), port.Name())
		}
		r.devices = append(r.devices, d)
	}
}

// isEFA reports whether a device of the kernel's RDMA subsystem is an EFA, and not one
// of the ConnectX cards that some instance types have besides.
func (r *efaReader) isEFA(name string) bool {
	folder := r.env.Sys(filepath.Join(infiniband, name, "device"))
	if driver, err := os.Readlink(filepath.Join(folder, "driver")); err == nil {
		return filepath.Base(driver) == "efa"
	}
	var buf []byte
	if vendor, err := read.All(filepath.Join(folder, "vendor"), &buf); err == nil {
		return string(read.Trim(vendor)) == "0x1d0f" // Amazon
	}
	return strings.HasPrefix(name, "efa_") || strings.HasPrefix(name, "rdmap")
}

// openCounters opens the counters in a folder of d, of the given port or of the driver.
func (r *efaReader) openCounters(d *efaDevice, folder, port string) {
	path := r.env.Sys(filepath.Join(infiniband, d.name, folder))
	entries, err := os.ReadDir(path)
	if err != nil && !gone(err) {
		r.errors++
		r.list.forget()
	}
	for _, e := range entries {
		if e.Name() == lifespan || len(e.Name()) > maxEFAName || !counterName.MatchString(e.Name()) || len(d.files) == maxEFACounters {
			continue
		}
		c := r.counter(e.Name(), port != "")
		if c.ports != (port != "") {
			continue // one name for two things; no driver does that
		}
		file, err := openValue(filepath.Join(path, e.Name()))
		if err != nil {
			if !gone(err) {
				r.errors++
			}
			r.list.forget()
			continue
		}
		d.files = append(d.files, efaFile{valueFile: file, counter: c, port: port, key: []byte(d.name + "/" + port)})
	}
}

// counter returns the counter of that name, which is added at its place if it is new.
func (r *efaReader) counter(file string, ports bool) *efaCounter {
	for _, c := range r.counters {
		if c.file == file {
			return c
		}
	}
	place := efaPlace(file)
	family := unknownEFAFamily(file)
	if place < len(efaFamilies) {
		family = efaFamilies[place]
	}
	if r.env.EachDevice {
		family = ofEach(family, ports)
	}
	c := &efaCounter{file: file, place: place, family: family, ports: ports}
	i, _ := slices.BinarySearchFunc(r.counters, c, func(a, b *efaCounter) int {
		return cmp.Or(cmp.Compare(a.place, b.place), strings.Compare(a.file, b.file))
	})
	r.counters = slices.Insert(r.counters, i, c)
	return c
}

// efaPlace is the place of a counter on the page: unknown ones come last.
func efaPlace(file string) int {
	i := slices.IndexFunc(efaFamilies, func(f *page.Family) bool { return f.Name == efaPrefix+file })
	if i < 0 {
		return len(efaFamilies)
	}
	return i
}

// expect returns how many devices the node should have, given that present are there;
// 0 where that is not known.
func (r *efaReader) expect(present int) int {
	if now := r.env.Now(); now.Sub(r.expectedAt) >= expectedAgain || now.Before(r.expectedAt) {
		r.expectedAt = now
		r.host.refresh()
		h := r.host.host()
		r.expected, r.ifPresent = maxEFA[h.instanceType], h.efa == ""
		if h.efa == none {
			r.expected = 0
		}
	}
	if r.ifPresent && present == 0 {
		return 0 // nothing says that EFA was asked for
	}
	return r.expected
}

func (r *efaReader) closeDevices() {
	for _, d := range r.devices {
		for _, f := range d.files {
			f.Close()
		}
	}
	r.devices = nil
}

// Close implements page.Reader.
func (r *efaReader) Close() error {
	r.closeDevices()
	return r.list.Close()
}
