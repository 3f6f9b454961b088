package gpu

import (
	"bufio"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Sources of XIDs.
const (
	fromKernelLog = "kmsg"
	fromEvents    = "nvml"
)

// readXIDs takes in what the kernel's log has new. It comes before every call into the
// driver, so that a GPU that cannot be reached is not asked. Where the log cannot be
// read, the driver's events take its place: one of them is the source, never both.
func (r *reader) readXIDs(now time.Time) {
	if r.log == nil && r.source != fromEvents {
		log, err := openKernelLog(r.env.Path("dev/kmsg"))
		if err != nil {
			r.env.Logger.Warn("could not read the kernel log; XIDs are read from the driver's events", "err", err)
			r.source = fromEvents
		} else {
			r.log, r.source = log, fromKernelLog
			r.boot = bootTime(r.env.Proc("stat"), now)
			r.recall()
		}
	}
	if r.source == fromEvents {
		r.readEvents(now)
		return
	}
	if err := r.log.drain(r.record); err != nil {
		r.env.Logger.Warn("could not continue reading the kernel log; it is read again from the beginning", "err", err)
	}
	r.remember()
}

// record takes in one message of the kernel.
func (r *reader) record(m record) {
	at := r.boot + float64(m.micros)/1e6
	if key, code, detail, ok := parseXID(m.text); ok {
		r.xid(key, code, detail, at)
		return
	}
	if key, ok := fallenOff(m.text); ok {
		r.blockForGood(key, at)
		return
	}
	if driverLoaded(m.text) {
		for key, b := range r.blocked {
			if b.reason == unreachableGPU {
				delete(r.blocked, key)
				r.changed = true
			}
		}
		clear(r.faults)
		r.drop()
	}
}

func (r *reader) xid(key string, code int, detail string, at float64) {
	x := r.xids[key]
	if x == nil {
		if len(r.xids) >= maxGPUs {
			return
		}
		x = &xids{}
		r.xids[key] = x
	}
	r.changed = true
	x.add(code, classOf(code, detail), at)
	if slices.Contains(unreachable, code) {
		r.blockForGood(key, at)
	}
}

func (r *reader) blockForGood(key string, at float64) {
	if r.blocked[key].reason == unreachableGPU {
		return
	}
	r.changed = true
	r.blocked[key] = block{reason: unreachableGPU, since: unixTime(at)}
	r.env.Logger.Warn("a GPU is unreachable; its metrics are absent until the driver is reloaded", "gpu", key)
}

// readEvents asks the driver for the XIDs since it was last asked.
func (r *reader) readEvents(now time.Time) {
	if r.helper == nil {
		return
	}
	a, err := r.ask(r.o.CallWait, "events")
	if err != nil {
		return
	}
	for _, x := range a.XIDs {
		if key, ok := busKey(x.BusID); ok {
			r.xid(key, x.Code, "", float64(now.UnixNano())/1e9)
		}
	}
}

// bootTime reads when the machine started, in Unix time; now where it cannot be read.
func bootTime(stat string, now time.Time) float64 {
	f, err := os.Open(stat)
	if err == nil {
		defer f.Close()
		lines := bufio.NewScanner(io.LimitReader(f, 1<<22))
		lines.Buffer(nil, 1<<20) // the line of interrupts is long
		for lines.Scan() {
			text, found := strings.CutPrefix(lines.Text(), "btime ")
			if at, err := strconv.ParseFloat(strings.TrimSpace(text), 64); found && err == nil {
				return at
			}
		}
	}
	return float64(now.UnixNano()) / 1e9
}
