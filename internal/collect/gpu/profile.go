package gpu

import (
	"bytes"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/parascope/parascope/internal/collect/gpu/wire"
)

// window is a span of the program's clock that has ended, with the mean of each metric
// in it, in GPM's units: percent and MiB a second.
type window struct {
	end       time.Time
	values    map[string]wire.Value // by GPM's number of the metric
	converted bool                  // the values are in dcgm-exporter's units already
}

// Reasons why there are no profiling values.
const (
	waiting      = "waiting" // for the end of the first window
	pausedReason = "paused"  // by parascope-node gpu pause
	notSupported = "no_gpm"  // and there is no dcgmi either
	noHostengine = "no_hostengine"
)

// tick ends a window and begins the next one. It runs each 15 s on the program's own
// clock and not when a page is read, so that a second client changes nothing.
func (r *reader) tick() {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.env.Now()
	r.readXIDs(now)
	if !r.hasDevice() || r.count == 0 {
		return // the first page finds the devices
	}
	if r.isPaused(now) {
		r.pauseProfiling()
		return
	}
	r.reason = ""
	end := time.Now().Add(r.o.ReadWait)
	withGPM := false
	for _, key := range slices.Sorted(maps.Keys(r.known)) {
		g := r.known[key]
		withGPM = withGPM || g.GPM
		wait := r.callWait(end)
		if r.helper == nil || wait <= 0 || !r.seen[g.Index] || r.keys[g.Index] != key || r.blocked[key].holds(now) {
			continue // a GPU that NVML no longer lists may have the number that is another's now
		}
		if r.o.Full {
			r.readLinks(g, wait, now)
		}
		if g.GPM {
			r.sample(g, wait, now)
		}
	}
	if !withGPM && len(r.known) > 0 {
		r.watchDCGM(now)
	}
}

// sample ends the window of a GPU, or of each of its GPU instances.
func (r *reader) sample(g *gpu, wait time.Duration, now time.Time) {
	var ids strings.Builder
	for _, f := range r.fields {
		if f.gpm != 0 {
			ids.WriteString(" " + strconv.Itoa(f.gpm))
		}
	}
	selectors := []string{strconv.Itoa(g.Index)}
	if g.MIG {
		selectors = selectors[:0]
		for _, part := range g.Instances {
			selectors = append(selectors, strconv.Itoa(g.Index)+"."+strconv.Itoa(part.GI))
		}
	}
	for _, s := range selectors {
		a, err := r.ask(wait, "gpm "+s+ids.String())
		if err != nil {
			r.blame(g.key, err, now)
			return
		}
		if a.Return != wire.Success || a.First {
			delete(r.windows, s)
			continue
		}
		w := window{end: now, values: map[string]wire.Value{}}
		for _, v := range a.Values {
			w.values[v.Item] = v
		}
		r.windows[s] = w
	}
}

// link is what a GPU's NVLinks carried, at the end of a window, and their rate in it.
type link struct {
	kibibytes float64
	end       time.Time
	rate      float64 // KiB a second; NaN where the window before has no end
}

// readLinks ends the window of a GPU's NVLinks.
func (r *reader) readLinks(g *gpu, wait time.Duration, now time.Time) {
	selector := strconv.Itoa(g.Index)
	a, err := r.ask(wait, "read "+selector+" "+linkItems())
	if err != nil {
		r.blame(g.key, err, now)
		return
	}
	next := link{end: now, rate: math.NaN()}
	for _, v := range a.Values {
		if v.Return != wire.Success {
			delete(r.links, selector)
			return
		}
		next.kibibytes += v.Number
	}
	if before, known := r.links[selector]; known && now.After(before.end) && next.kibibytes >= before.kibibytes {
		next.rate = (next.kibibytes - before.kibibytes) / now.Sub(before.end).Seconds()
	}
	r.links[selector] = next
}

// linkValue is the rate of the last window as a value.
func (r *reader) linkValue(selector string, now time.Time) (wire.Value, bool) {
	l, known := r.links[selector]
	age := now.Sub(l.end)
	return wire.Value{Number: l.rate}, known && !math.IsNaN(l.rate) && age >= 0 && age < 2*r.o.Window
}

// windowOf returns the last window of a GPU or GPU instance, unless it ended so long
// ago that a newer one is missing.
func (r *reader) windowOf(selector string, now time.Time) (window, bool) {
	w, known := r.windows[selector]
	age := now.Sub(w.end)
	return w, known && age >= 0 && age < 2*r.o.Window
}

func (r *reader) pauseProfiling() {
	r.reason = pausedReason
	clear(r.windows)
	if r.helper != nil {
		r.ask(r.o.CallWait, "forget") // a failure is counted there
	}
	if r.dmon != nil {
		r.dmon.stop()
		r.dmon = nil
	}
}

// isPaused reads until when profiling is paused.
func (r *reader) isPaused(now time.Time) bool {
	r.paused = pausedUntil(r.o.PauseFile)
	return now.Before(r.paused) && r.paused.Sub(now) <= MaxPause
}

// pausedUntil reads the pause file; the zero time where there is none.
func pausedUntil(path string) time.Time {
	text, err := readSmall(path)
	if err != nil {
		return time.Time{}
	}
	until, err := time.Parse(time.RFC3339, string(bytes.TrimSpace(text)))
	if err != nil {
		return time.Time{}
	}
	return until
}
