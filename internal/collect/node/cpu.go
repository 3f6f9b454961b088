package node

import (
	"fmt"
	"strconv"

	"github.com/parascope/parascope/internal/collect/page"
	"github.com/parascope/parascope/internal/collect/read"
)

// modes are the first eight columns of a CPU's line in /proc/stat; guest and guest_nice
// follow and are in user and nice as well.
var modes = [...]string{"user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"}

const (
	columns = 10
	idle    = 3
	// ticksPerSecond is USER_HZ, the same on every architecture that we build for.
	ticksPerSecond = 100
	// jumpBack is how far idle has to go back for a CPU to count as one that came back
	// with counters of its own, as in node_exporter.
	jumpBack = 3 * ticksPerSecond
	// maxCPU bounds CPU numbers; Linux has 8,192 at most.
	maxCPU = 8192
)

var (
	cpuSeconds = &page.Family{
		Name: "node_cpu_seconds_total",
		Help: "Seconds the CPUs spent in each mode. With cpu=\"all\" this is the mean of the online CPUs, not their sum: " +
			"the seconds of all CPUs divided by their number.",
		Type: page.Counter, Unit: "seconds", Labels: []string{"cpu", "mode"}, Source: "/proc/stat",
	}
	cpuGuestSeconds = &page.Family{
		Name: "node_cpu_guest_seconds_total", Help: "Seconds the CPUs spent in guests (VMs) for each mode.",
		Type: page.Counter, Unit: "seconds", Labels: []string{"cpu", "mode"}, Source: "/proc/stat", Full: true,
	}
	cpuCount = &page.Family{
		Name: "node_cpus", Help: "CPUs that are online.", Type: page.Gauge, Unit: "1", Source: "/proc/stat",
	}
)

// statLines are the lines of /proc/stat that are metrics of their own.
var statLines = map[string]*page.Family{
	"intr":          statFamily("node_intr_total", "Total number of interrupts serviced.", page.Counter, true),
	"ctxt":          statFamily("node_context_switches_total", "Total number of context switches.", page.Counter, true),
	"processes":     statFamily("node_forks_total", "Total number of forks.", page.Counter, true),
	"btime":         statFamily("node_boot_time_seconds", "Node boot time, in unixtime.", page.Gauge, false),
	"procs_running": statFamily("node_procs_running", "Number of processes in runnable state.", page.Gauge, true),
	"procs_blocked": statFamily("node_procs_blocked", "Number of processes blocked waiting for I/O to complete.", page.Gauge, false),
}

func statFamily(name, help string, kind page.Type, full bool) *page.Family {
	unit := "1"
	if name == "node_boot_time_seconds" {
		unit = "seconds"
	}
	return &page.Family{Name: name, Help: help, Type: kind, Unit: unit, Source: "/proc/stat", Full: full}
}

// cpu reads /proc/stat once for what node_exporter's collectors cpu and stat read.
var cpu = page.Collector{
	Name: "cpu", Also: "stat",
	Families: []*page.Family{
		cpuSeconds, cpuGuestSeconds, cpuCount, statLines["btime"], statLines["ctxt"], statLines["processes"], statLines["intr"],
		statLines["procs_running"], statLines["procs_blocked"],
	},
	Sources: []string{"/proc/stat"},
	Open: func(e page.Env) (page.Reader, error) {
		f, err := read.Open(e.Proc("stat"))
		if err != nil {
			return nil, err
		}
		return &cpuReader{file: f, each: e.EachCPU}, nil
	},
}

type cpuReader struct {
	file *read.File
	buf  []byte
	each bool

	cpus  []cpuState
	round uint64           // of readings
	mean  [columns]float64 // ticks
	delta [columns]uint64  // over all CPUs, of this reading
}

// cpuState is what one CPU's counters are, in ticks.
type cpuState struct {
	ticks [columns]uint64
	round uint64 // the last reading that had it
	label string
}

func (r *cpuReader) Close() error { return r.file.Close() }

func (r *cpuReader) Read(p *page.Page) error {
	text, err := r.file.Read(&r.buf)
	if err != nil {
		return err
	}
	if !read.Whole(text) {
		return fmt.Errorf("/proc/stat ends in the middle of a line, after %d bytes", len(text))
	}
	r.round++
	r.delta = [columns]uint64{}
	online := 0
	for len(text) >= 4 && string(text[:3]) == "cpu" {
		line, _ := read.Line(&text)
		if len(line) == 3 || line[3] == ' ' {
			continue // the sum of all, of which offline CPUs stay a part
		}
		if err := r.count(line[3:]); err != nil {
			return err
		}
		online++
	}
	if online == 0 {
		return fmt.Errorf("/proc/stat has no line of a CPU")
	}
	for i := range r.mean {
		r.mean[i] += float64(r.delta[i]) / float64(online)
	}
	if r.each {
		r.writeEach(p)
	} else {
		r.write(p, "all", &r.mean)
	}
	p.Sample(cpuCount, float64(online))
	return writeStatLines(p, text)
}

// count takes one CPU's line, without "cpu", and adds to r.delta what has grown.
func (r *cpuReader) count(line []byte) error {
	n, ok := read.UintField(&line)
	if !ok || n >= maxCPU {
		return fmt.Errorf("/proc/stat: cpu%.20s is not a valid CPU number", line)
	}
	var now [columns]uint64
	for i := range now {
		v, ok := read.UintField(&line)
		if !ok && i < len(modes) {
			return fmt.Errorf("/proc/stat: cpu%d has %d numbers; expected %d", n, i, columns)
		}
		now[i] = v
	}
	for int(n) >= len(r.cpus) {
		r.cpus = append(r.cpus, cpuState{label: strconv.Itoa(len(r.cpus))})
	}
	c := &r.cpus[n]
	switch {
	case r.round == 1:
		for i, v := range now {
			r.delta[i] += v
		}
		c.ticks = now
	case c.round != r.round-1 || c.ticks[idle] >= now[idle]+jumpBack:
		c.ticks = now // it came online, or back: what it counted before is not ours to add
	default:
		for i, v := range now {
			if v > c.ticks[i] { // idle and iowait may go back a little
				r.delta[i] += v - c.ticks[i]
				c.ticks[i] = v
			}
		}
	}
	c.round = r.round
	return nil
}

// write writes the means.
func (r *cpuReader) write(p *page.Page, label string, ticks *[columns]float64) {
	for i, mode := range modes {
		p.Sample(cpuSeconds, ticks[i]/ticksPerSecond, label, mode)
	}
	p.Sample(cpuGuestSeconds, ticks[len(modes)]/ticksPerSecond, label, "user")
	p.Sample(cpuGuestSeconds, ticks[len(modes)+1]/ticksPerSecond, label, "nice")
}

// writeEach writes the counters of each CPU that is online.
func (r *cpuReader) writeEach(p *page.Page) {
	for i := range r.cpus {
		c := &r.cpus[i]
		for m, mode := range modes {
			if c.round == r.round {
				p.Sample(cpuSeconds, float64(c.ticks[m])/ticksPerSecond, c.label, mode)
			}
		}
	}
	for i := range r.cpus {
		if c := &r.cpus[i]; c.round == r.round {
			p.Sample(cpuGuestSeconds, float64(c.ticks[len(modes)])/ticksPerSecond, c.label, "user")
			p.Sample(cpuGuestSeconds, float64(c.ticks[len(modes)+1])/ticksPerSecond, c.label, "nice")
		}
	}
}

// writeStatLines writes the lines that follow the CPUs'.
func writeStatLines(p *page.Page, text []byte) error {
	for {
		line, ok := read.Line(&text)
		if !ok {
			return nil
		}
		name, _ := read.Field(&line)
		f := statLines[string(name)]
		if f == nil {
			continue
		}
		v, ok := read.UintField(&line)
		if !ok {
			return fmt.Errorf("/proc/stat: the line %q has no number", name)
		}
		p.Sample(f, float64(v))
	}
}
