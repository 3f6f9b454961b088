package collect

import (
	"os"

	"golang.org/x/sys/unix"

	"github.com/parascope/parascope/internal/collect/page"
	"github.com/parascope/parascope/internal/collect/read"
)

// What a page says about the program that made it.
var (
	buildInfo = &page.Family{
		Name: "parascope_build_info", Help: "Always 1; the labels give the version and revision of parascope.",
		Type: page.Gauge, Unit: "1", Labels: []string{"version", "revision"}, Source: "the program",
	}
	processCPU = &page.Family{
		Name: "process_cpu_seconds_total", Help: "Total user and system CPU time spent in seconds.",
		Type: page.Counter, Unit: "seconds", Source: "getrusage",
	}
	processMemory = &page.Family{
		Name: "process_resident_memory_bytes", Help: "Resident memory size in bytes.",
		Type: page.Gauge, Unit: "bytes", Source: "/proc/self/statm",
	}
)

// process measures the program itself.
type process struct {
	version, revision string
	statm             *read.File // nil where there is no /proc
	buf               []byte
	usage             unix.Rusage
}

func newProcess(version, revision string) *process {
	p := &process{version: version, revision: revision}
	if f, err := read.Open("/proc/self/statm"); err == nil {
		p.statm = f
	}
	return p
}

func (s *process) write(p *page.Page) {
	p.Sample(buildInfo, 1, s.version, s.revision)
	if unix.Getrusage(unix.RUSAGE_SELF, &s.usage) == nil {
		u, k := s.usage.Utime, s.usage.Stime
		p.Sample(processCPU, float64(u.Sec+k.Sec)+float64(u.Usec+k.Usec)/1e6)
	}
	if s.statm == nil {
		return
	}
	text, err := s.statm.Read(&s.buf)
	if err != nil {
		return
	}
	read.Field(&text) // the whole program's size
	if pages, ok := read.UintField(&text); ok {
		p.Sample(processMemory, float64(pages)*float64(os.Getpagesize()))
	}
}

func (s *process) close() error {
	if s.statm == nil {
		return nil
	}
	return s.statm.Close()
}
