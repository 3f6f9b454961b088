package node

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"github.com/parascope/parascope/internal/collect/page"
	"github.com/parascope/parascope/internal/collect/read"
)

func pressureFamily(name, help, resource string) *page.Family {
	where := "nodes whose kernel has pressure stall information (PSI) enabled (psi=1)"
	if resource == "irq" {
		where += ", from Linux 6.1 on"
	}
	return &page.Family{
		Name: "node_pressure_" + name + "_seconds_total", Help: help, Type: page.Counter, Unit: "seconds",
		Source: "/proc/pressure/" + resource, Where: where, Full: resource == "irq",
	}
}

// pressureFiles are the files with the families of their lines "some" and "full".
var pressureFiles = [...]struct {
	resource   string
	some, full *page.Family
}{
	{"cpu", pressureFamily("cpu_waiting", "Total time in seconds that processes have waited for CPU time", "cpu"), nil},
	{"io", pressureFamily("io_waiting", "Total time in seconds that processes have waited due to IO congestion", "io"),
		pressureFamily("io_stalled", "Total time in seconds no process could make progress due to IO congestion", "io")},
	{"memory", pressureFamily("memory_waiting", "Total time in seconds that processes have waited for memory", "memory"),
		pressureFamily("memory_stalled", "Total time in seconds no process could make progress due to memory congestion", "memory")},
	{"irq", nil, pressureFamily("irq_stalled", "Total time in seconds no process could make progress due to IRQ congestion", "irq")},
}

var pressure = page.Collector{
	Name:     "pressure",
	Families: pressureFamilies(),
	Sources:  []string{"/proc/pressure/*"},
	Open: func(e page.Env) (page.Reader, error) {
		r := &pressureReader{}
		var missing error
		for i, res := range pressureFiles {
			f, err := read.Open(e.Proc("pressure/" + res.resource))
			switch {
			case err == nil:
				r.files[i] = f
			case errors.Is(err, fs.ErrNotExist):
				missing = errors.Join(missing, err)
			default:
				r.Close()
				return nil, err
			}
		}
		if r.files == [len(pressureFiles)]*read.File{} {
			return nil, missing
		}
		return r, nil
	},
}

func pressureFamilies() (list []*page.Family) {
	for _, res := range pressureFiles {
		for _, f := range []*page.Family{res.some, res.full} {
			if f != nil {
				list = append(list, f)
			}
		}
	}
	return list
}

type pressureReader struct {
	files [len(pressureFiles)]*read.File
	buf   []byte
}

func (r *pressureReader) Close() (err error) {
	for _, f := range r.files {
		if f != nil {
			err = errors.Join(err, f.Close())
		}
	}
	return err
}

func (r *pressureReader) Read(p *page.Page) error {
	for i, res := range pressureFiles {
		if r.files[i] == nil {
			continue
		}
		text, err := r.files[i].Read(&r.buf)
		if errors.Is(err, syscall.ENOTSUP) {
			return fmt.Errorf("pressure stall information (PSI) is disabled in the kernel; add psi=1 to the kernel command line: %w", err)
		}
		if err != nil {
			return err
		}
		for {
			line, ok := read.Line(&text)
			if !ok {
				break
			}
			kind, _ := read.Field(&line)
			f := res.some
			if string(kind) == "full" {
				f = res.full
			}
			if f == nil {
				continue
			}
			micros, ok := pressureTotal(line)
			if !ok {
				return fmt.Errorf("/proc/pressure/%s: the line %q has no total", res.resource, kind)
			}
			p.Sample(f, float64(micros)/1000/1000)
		}
	}
	return nil
}

// pressureTotal is the number of microseconds after "total=".
func pressureTotal(line []byte) (uint64, bool) {
	const total = "total="
	for {
		word, ok := read.Field(&line)
		if !ok {
			return 0, false
		}
		if len(word) > len(total) && string(word[:len(total)]) == total {
			return read.Uint(word[len(total):])
		}
	}
}
