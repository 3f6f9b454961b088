package gpu

import (
	"errors"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/parascope/parascope/internal/collect/gpu/wire"
	"github.com/parascope/parascope/internal/collect/page"
)

// States of the way to the driver. Those that are failures are counted by name.
const (
	ok        = "ok"
	noDevice  = "no_device"  // there is no /dev/nvidiactl: no driver, or no GPU
	noHelper  = "no_helper"  // parascope-nvml cannot be started
	noLibrary = "no_library" // libnvidia-ml.so.1 cannot be loaded
	mismatch  = "mismatch"   // library and kernel module are of different versions
	hang      = "hang"       // a call did not return
	crash     = "crash"      // the GPU helper process exited
	driver    = "driver"     // the driver answered with another error
)

var failureNames = []string{noHelper, noLibrary, mismatch, hang, crash, driver}

// state is the way to the driver, and since when.
type state struct {
	name  string
	since time.Time
}

// block is why a GPU is not asked, and until when; a zero time is until the driver is
// loaded again.
type block struct {
	reason       string
	since, until time.Time
	wait         time.Duration
}

func (b block) holds(now time.Time) bool {
	return b.reason != "" && (b.until.IsZero() || now.Before(b.until))
}

// fault is what the driver says of a GPU instead of values.
type fault struct {
	reason string
	since  time.Time
}

// reading is what one GPU answered.
type reading struct {
	gpu    *gpu
	values map[string]wire.Value
	parts  []map[string]wire.Value // of its MIG devices, in their order
}

// answered reports whether the GPU gave any value.
func (rd reading) answered() bool {
	for _, v := range rd.values {
		if v.Return == wire.Success {
			return true
		}
	}
	return false
}

type reader struct {
	o       Options
	env     page.Env
	fields  []field
	starter starter
	done    chan struct{}

	mu       sync.Mutex // guards all below: windows end while pages are read
	helper   *process
	count    int    // of devices, by NVML
	version  string // of the driver
	nvml     string
	state    state
	failures map[string]uint64
	retryAt  time.Time
	backoff  time.Duration
	listed   time.Time // when all devices were last identified
	seen     map[int]bool

	known   map[string]*gpu // last good identity, by key
	keys    map[int]string  // by NVML's index
	blocked map[string]block
	faults  map[string]fault
	current []reading
	cut     bool // the last reading ended before every GPU was asked
	unread  map[string]int
	proc    []gpu

	log     *kernelLog
	boot    float64 // Unix time
	source  string  // of XIDs
	xids    map[string]*xids
	changed bool // xids, or which GPUs are unreachable, since they were last kept
	windows map[string]window
	links   map[string]link // with all fields
	paused  time.Time       // profiling, until then
	dmon    *dmon
	dmonAt  time.Time // before it, dcgmi is not started again
	dmonWhy string    // why it does not run
	reason  string    // why there are no windows
}

// Close ends the helper and what else runs.
func (r *reader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.done != nil {
		close(r.done)
	}
	var errs []error
	if r.helper != nil {
		errs = append(errs, r.helper.close())
		r.helper = nil
	}
	if r.log != nil {
		errs = append(errs, r.log.close())
		r.log = nil
	}
	if r.dmon != nil {
		r.dmon.stop()
		r.dmon = nil
	}
	return errors.Join(errs...)
}

// Read reads every GPU that may be asked and writes the page.
func (r *reader) Read(p *page.Page) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.env.Now()
	r.unread = map[string]int{}
	r.proc = procGPUs(r.env.Proc("driver/nvidia/gpus"))
	r.readXIDs(now)
	r.visit(now)
	r.write(p, now)
	return nil
}

// maxRestarts is how often a reading starts the helper again, to read the GPUs after
// one that made a call hang or crash.
const maxRestarts = 2

// visit asks every GPU that may be asked.
func (r *reader) visit(now time.Time) {
	r.current, r.cut = r.current[:0], false
	end := time.Now().Add(r.o.ReadWait)
	if !r.ensure(now, r.o.CallWait) {
		return
	}
	if now.Sub(r.listed) >= time.Minute || now.Before(r.listed) {
		r.listed, r.seen = now, map[int]bool{}
	}
	restarts, count := 0, r.count
	for i := 0; i < min(r.count, maxGPUs); i++ {
		key := r.keyAt(i)
		if r.isBlocked(key, now) {
			continue
		}
		wait := r.callWait(end)
		if wait <= 0 {
			r.unread[hang] += len(r.fields)
			r.cut = true
			continue
		}
		err := r.visitOne(i, now, wait)
		if err == nil {
			continue
		}
		if r.state.name == mismatch || r.state.name == driver {
			return
		}
		if !r.blame(r.keyAt(i), err, now) {
			i-- // it is asked again
		}
		if restarts++; restarts > maxRestarts || !r.ensure(now, r.callWait(end)) {
			r.cut = true
			return
		}
		if r.count != count { // the numbers of the GPUs that were read are others' now
			r.current, r.unread, count, i = r.current[:0], map[string]int{}, r.count, -1
		}
	}
}

// callWait is how long the next call may take. It is the same for each: none begins
// after end, and none is cut off for the time that those before it took.
func (r *reader) callWait(end time.Time) time.Duration {
	if time.Now().Before(end) {
		return r.o.CallWait
	}
	return 0
}

// visitOne identifies the GPU at an index if need be and reads its values. An error
// says that the helper is gone.
func (r *reader) visitOne(index int, now time.Time, wait time.Duration) error {
	if !r.seen[index] {
		a, err := r.ask(wait, "gpu "+strconv.Itoa(index))
		if err != nil {
			return err
		}
		if !r.identified(index, a, now) {
			return nil
		}
	}
	g := r.known[r.keys[index]]
	if r.isBlocked(g.key, now) {
		return nil
	}
	rd := reading{gpu: g}
	var err error
	if rd.values, err = r.values(wait, strconv.Itoa(index), r.items(g.MIG, false), now); err != nil {
		return err
	}
	for _, part := range g.Instances {
		values, err := r.values(wait, strconv.Itoa(index)+"."+strconv.Itoa(part.Index), r.items(g.MIG, true), now)
		if err != nil {
			return err
		}
		rd.parts = append(rd.parts, values)
	}
	r.note(g, rd.values, now)
	r.current = append(r.current, rd)
	return nil
}

// identified takes the answer that identifies a device, and reports whether it can be read.
func (r *reader) identified(index int, a wire.Answer, now time.Time) bool {
	if a.Return != wire.Success {
		r.fault(r.keyAt(index), reasonOf(a.Return), now)
		r.unread[reasonOf(a.Return)] += len(r.fields)
		return false
	}
	key, valid := busKey(a.GPU.BusID)
	if !valid {
		key = a.GPU.UUID
	}
	g := &gpu{GPU: a.GPU, key: key}
	g.Index = index
	g.name(r.o.Hostname)
	r.known[key], r.keys[index], r.seen[index] = g, key, true
	return true
}

// items are what the helper is asked for a GPU or, with part, for one of its MIG devices.
func (r *reader) items(mig, part bool) []string {
	var items []string
	for _, f := range r.fields {
		if f.item != "" && f.item != linkRate && (mig && f.instance) == part {
			items = append(items, f.item)
		}
	}
	return items
}

// values reads the items of a device.
func (r *reader) values(wait time.Duration, selector string, items []string, now time.Time) (map[string]wire.Value, error) {
	a, err := r.ask(wait, "read "+selector+" "+strings.Join(items, " "))
	if err != nil {
		return nil, err
	}
	values := make(map[string]wire.Value, len(a.Values))
	for _, v := range a.Values {
		switch v.Return {
		case wire.Mismatch:
			return nil, r.fail(mismatch, now)
		case uninitialized, notLoaded:
			return nil, r.fail(driver, now)
		}
		values[v.Item] = v
	}
	return values, nil
}

const (
	uninitialized = 1
	notLoaded     = 9
)

// note keeps what a GPU's return codes say about all of it.
func (r *reader) note(g *gpu, values map[string]wire.Value, now time.Time) {
	for _, v := range values {
		if v.Return == wire.GPULost || v.Return == wire.ResetRequired {
			r.fault(g.key, reasonOf(v.Return), now)
			return
		}
	}
	delete(r.faults, g.key)
	delete(r.blocked, g.key) // a block that has ended
}

func (r *reader) fault(key, reason string, now time.Time) {
	if r.faults[key].reason != reason {
		r.faults[key] = fault{reason, now}
	}
}

// keyAt is the address of the device at an index: as NVML said when it was last
// identified, or by the order of the kernel module's list.
func (r *reader) keyAt(index int) string {
	if key, known := r.keys[index]; known {
		return key
	}
	if len(r.proc) == r.count && index < len(r.proc) {
		return r.proc[index].key
	}
	return "index " + strconv.Itoa(index)
}

// isBlocked reports whether a GPU must not be asked, and counts what is not read.
func (r *reader) isBlocked(key string, now time.Time) bool {
	b := r.blocked[key]
	if !b.holds(now) {
		return false
	}
	r.unread[b.reason] += len(r.fields)
	return true
}

// blame blocks the GPU that the failed request was for, and reports whether it did:
// where the helper had ended before, the GPU had no part in it.
func (r *reader) blame(key string, err error, now time.Time) bool {
	if errors.Is(err, errEndedIdle) {
		return false
	}
	r.block(key, failureOf(err), now)
	return true
}

// block keeps a GPU from being asked for a time that doubles each time.
func (r *reader) block(key, reason string, now time.Time) {
	b := r.blocked[key]
	wait := min(max(2*b.wait, time.Minute), time.Hour)
	since := now
	if b.reason == reason && now.Sub(b.until) < wait {
		since = b.since
	}
	r.blocked[key] = block{reason, since, now.Add(wait), wait}
	r.unread[reason] += len(r.fields)
	r.env.Logger.Warn("a GPU is temporarily not measured: a driver call hung or crashed the GPU helper",
		"gpu", key, "reason", reason, "for", wait)
}

// unreachableGPU is the reason of a block after an XID.
const unreachableGPU = "xid"

// everyone is every GPU that is known in whichever way, in NVML's order.
func (r *reader) everyone() []*gpu {
	all := map[string]*gpu{}
	for i := range r.proc {
		all[r.proc[i].key] = &r.proc[i]
	}
	for key, g := range r.known {
		all[key] = g
	}
	for key := range r.xids {
		if all[key] == nil {
			all[key] = &gpu{GPU: wire.GPU{Index: -1, Minor: -1, BusID: longAddress(key)}, key: key}
		}
	}
	for index := range r.count {
		if key := r.keyAt(index); all[key] == nil {
			all[key] = &gpu{GPU: wire.GPU{Index: index, Minor: -1}, key: key}
		}
	}
	list := make([]*gpu, 0, len(all))
	for _, g := range all {
		if g.labels == nil {
			g.name(r.o.Hostname)
		}
		list = append(list, g)
	}
	slices.SortFunc(list, func(a, b *gpu) int { return strings.Compare(longAddress(a.key), longAddress(b.key)) })
	return list[:min(len(list), maxGPUs)]
}

// hasDevice reports whether there is a driver to ask.
func (r *reader) hasDevice() bool {
	_, err := os.Stat(r.env.Path("dev/nvidiactl"))
	return err == nil
}
