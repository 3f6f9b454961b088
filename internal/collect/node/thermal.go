package node

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/parascope/parascope/internal/collect/page"
	"github.com/parascope/parascope/internal/collect/read"
)

var (
	packageThrottles = &page.Family{
		Name: "node_cpu_package_throttles_total", Help: "Number of times this CPU package has been throttled.",
		Type: page.Counter, Unit: "1", Labels: []string{"package"},
		Source: "/sys/devices/system/cpu/cpu*/thermal_throttle/package_throttle_count",
		Where:  "Intel, bare metal",
	}
	coreThrottles = &page.Family{
		Name: "node_cpu_core_throttles_total", Help: "Number of times this CPU core has been throttled.",
		Type: page.Counter, Unit: "1", Labels: []string{"package", "core"},
		Source: "/sys/devices/system/cpu/cpu*/thermal_throttle/core_throttle_count",
		Where:  "Intel, bare metal; with --cpu=each",
		Needs:  page.NeedsFlag,
	}
)

// thermal reads a file for each package, or for each core with EachCPU.
var thermal = page.Collector{
	Name:     "thermal",
	Families: []*page.Family{packageThrottles, coreThrottles},
	Sources:  []string{"/sys/devices/system/cpu/cpu*/thermal_throttle/*"},
	Open: func(e page.Env) (page.Reader, error) {
		r := &thermalReader{dir: e.Sys("devices/system/cpu"), each: e.EachCPU}
		if err := r.open(); err != nil {
			r.Close()
			return nil, err
		}
		return r, nil
	},
}

type thermalReader struct {
	dir      string
	each     bool
	packages []throttleFile
	cores    []throttleFile
	buf      []byte
}

type throttleFile struct {
	file   *read.File
	labels []string // package, and core
}

// open finds the first CPU of each package, and of each core, and opens its counters.
func (r *thermalReader) open() error {
	entries, err := os.ReadDir(r.dir)
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, entry := range entries {
		if name := entry.Name(); !strings.HasPrefix(name, "cpu") || !read.Digits(name[len("cpu"):]) {
			continue
		}
		cpu := filepath.Join(r.dir, entry.Name())
		pkg, err := read.All(filepath.Join(cpu, "topology/physical_package_id"), &r.buf)
		if err != nil {
			continue // offline
		}
		labels := []string{string(read.Trim(pkg))}
		if !seen[labels[0]] {
			if f, err := read.Open(filepath.Join(cpu, "thermal_throttle/package_throttle_count")); err == nil {
				seen[labels[0]] = true
				r.packages = append(r.packages, throttleFile{f, labels})
			}
		}
		if !r.each {
			continue
		}
		core, err := read.All(filepath.Join(cpu, "topology/core_id"), &r.buf)
		if err != nil {
			continue
		}
		labels = append(labels, string(read.Trim(core)))
		if key := labels[0] + "," + labels[1]; !seen[key] {
			if f, err := read.Open(filepath.Join(cpu, "thermal_throttle/core_throttle_count")); err == nil {
				seen[key] = true
				r.cores = append(r.cores, throttleFile{f, labels})
			}
		}
	}
	if len(r.packages) == 0 && len(r.cores) == 0 {
		return fmt.Errorf("no CPU in %s has throttle counters: %w", r.dir, page.ErrAbsent)
	}
	return nil
}

func (r *thermalReader) Close() (err error) {
	for _, files := range [][]throttleFile{r.packages, r.cores} {
		for _, f := range files {
			err = errors.Join(err, f.file.Close())
		}
	}
	r.packages, r.cores = nil, nil
	return err
}

func (r *thermalReader) Read(p *page.Page) error {
	err := r.write(p)
	if err == nil {
		return nil
	}
	// The CPU whose files were open has gone offline: another of its package has them.
	r.Close()
	if err := r.open(); err != nil {
		return err
	}
	p.Reset()
	return r.write(p)
}

func (r *thermalReader) write(p *page.Page) error {
	for _, kind := range []struct {
		family *page.Family
		files  []throttleFile
	}{{packageThrottles, r.packages}, {coreThrottles, r.cores}} {
		for _, f := range kind.files {
			text, err := f.file.Read(&r.buf)
			if err != nil {
				return err
			}
			v, ok := read.Uint(read.Trim(text))
			if !ok {
				return fmt.Errorf("throttle count of package %s: %.20q is not a number", f.labels[0], text)
			}
			p.Sample(kind.family, float64(v), f.labels...)
		}
	}
	return nil
}
