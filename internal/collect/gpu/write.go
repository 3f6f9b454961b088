package gpu

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/parascope/parascope/internal/collect/gpu/wire"
	"github.com/parascope/parascope/internal/collect/page"
)

// with returns the GPU's labels and more.
func with(more ...string) []string { return append(labels[:len(labels):len(labels)], more...) }

// What the page says about GPUs beside dcgm-exporter's metrics.
var (
	xidTotal = &page.Family{
		Name: "parascope_gpu_xid_errors_total", Type: page.Counter, Unit: "1", Labels: with("class"),
		Source: "/dev/kmsg, or the driver's events",
		Help: "Number of XID errors of a GPU, by class: application (the program failed), warn (should be checked), " +
			"page (needs a reset, a reboot or a repair).",
	}
	xidLast = &page.Family{
		Name: "parascope_gpu_xid_last_timestamp_seconds", Type: page.Gauge, Unit: "Unix time in seconds", Labels: with("xid"),
		Source: "/dev/kmsg, or the driver's events", Help: "Time at which the GPU last reported the XID.", Where: "GPUs that reported an XID",
	}
	xidSource = &page.Family{
		Name: "parascope_gpu_xid_source", Type: page.Gauge, Unit: "1", Labels: []string{"source"}, Source: "the program",
		Help: "Always 1; the label gives the source of the XIDs: kmsg (the kernel log) or nvml (the driver's events).",
	}
	logLost = &page.Family{
		Name: "parascope_gpu_kernel_log_lost_records_total", Type: page.Counter, Unit: "1", Source: "/dev/kmsg",
		Help: "Kernel log records that were overwritten before they were read; XIDs may have been lost with them.",
	}
	unreadable = &page.Family{
		Name: "parascope_gpu_unreadable_seconds", Type: page.Gauge, Unit: "seconds", Labels: with("reason"), Source: "the program",
		Help: "Time since the GPU became unreadable, by reason: gpu_lost, reset_required, xid (79, 119 or 120), hang, crash, unlisted, " +
			"or the state of the driver.",
		Where: "GPUs that cannot be read",
	}
	unreadValues = &page.Family{
		Name: "parascope_gpu_unread_values", Type: page.Gauge, Unit: "1", Labels: []string{"reason"}, Source: "the program",
		Help: "Number of GPU values that could not be read in this scrape, by field and reason.",
	}
	stateAge = &page.Family{
		Name: "parascope_gpu_driver_state_age_seconds", Type: page.Gauge, Unit: "seconds", Labels: []string{"state"}, Source: "the program",
		Help: "Time since the GPU driver entered its current state: ok, no_device, no_helper, no_library, mismatch, hang, " +
			"crash or driver.",
	}
	driverFailures = &page.Family{
		Name: "parascope_gpu_driver_failures_total", Type: page.Counter, Unit: "1", Labels: []string{"reason"}, Source: "the program",
		Help: "Failures of calls to the GPU driver.",
	}
	present = &page.Family{
		Name: "parascope_gpu_devices", Type: page.Gauge, Unit: "1", Source: "libnvidia-ml.so.1", Help: "Number of GPUs whose metrics " +
			"were collected in this scrape.",
	}
	expectedGPUs = &page.Family{
		Name: "parascope_gpu_devices_expected", Type: page.Gauge, Unit: "1", Source: "/sys/devices/virtual/dmi/id/product_name",
		Help: "Number of GPUs that the instance type has.", Where: "instance types with NVIDIA GPUs",
	}
	profiling = &page.Family{
		Name: "parascope_gpu_profiling", Type: page.Gauge, Unit: "1", Labels: []string{"source", "reason"}, Source: "the program",
		Help: "Always 1; the labels give the source of the DCGM_FI_PROF_* metrics (gpm, dcgmi or none), and the reason if the source is none.",
	}
	driverInfo = &page.Family{
		Name: "parascope_gpu_driver_info", Type: page.Gauge, Unit: "1", Labels: []string{"driver_version", "nvml_version"},
		Source: "libnvidia-ml.so.1", Help: "Always 1; the labels give the versions of the loaded GPU driver and of NVML.",
	}
	xidErrors = &page.Family{
		Name: "DCGM_FI_DEV_XID_ERRORS", Type: page.Gauge, Unit: "1", Labels: labels, Source: "/dev/kmsg, or the driver's events",
		Help: "The last XID since boot; 0 if no XID occurred.", Where: "GPUs, with --gpu.fields=full", Needs: page.NeedsFlag,
	}
)

// families are all that the collector may write, for --explain and the documentation.
func families(full bool) []*page.Family {
	var all []*page.Family
	for _, f := range fieldsOf(full) {
		all = append(all, f.family)
	}
	if full {
		all = append(all, xidErrors)
	}
	return append(all, xidTotal, xidLast, unreadable, present, expectedGPUs, stateAge, driverFailures, unreadValues, profiling,
		driverInfo, xidSource, logLost)
}

func (r *reader) write(p *page.Page, now time.Time) {
	slices.SortFunc(r.current, func(a, b reading) int { return a.gpu.Index - b.gpu.Index })
	anyMIG := slices.ContainsFunc(r.current, func(rd reading) bool { return rd.gpu.MIG })
	for i := range r.fields {
		r.writeField(p, &r.fields[i], anyMIG, now)
	}
	everyone := r.everyone()
	r.writeXIDs(p, everyone)
	r.writeUnreadable(p, everyone, now)
	n := 0
	for _, rd := range r.current {
		if rd.answered() {
			n++
		}
	}
	p.Sample(present, float64(n))
	if text, err := readSmall(r.env.Sys("devices/virtual/dmi/id/product_name")); err == nil {
		if n, known := DevicesOf(strings.TrimSpace(string(text))); known {
			p.Sample(expectedGPUs, float64(n))
		}
	}
	p.Sample(stateAge, max(0, now.Sub(r.state.since).Seconds()), r.state.name)
	for _, name := range failureNames {
		p.Sample(driverFailures, float64(r.failures[name]), name)
	}
	reasons := make([]string, 0, len(r.unread))
	for reason := range r.unread {
		reasons = append(reasons, reason)
	}
	slices.Sort(reasons)
	for _, reason := range reasons {
		p.Sample(unreadValues, float64(r.unread[reason]), reason)
	}
	if len(everyone) > 0 {
		source, reason := r.profilingState(now)
		p.Sample(profiling, 1, source, reason)
	}
	if r.version != "" && r.state.name == ok {
		p.Sample(driverInfo, 1, r.version, r.nvml)
	}
	p.Sample(xidSource, 1, r.source)
	if r.log != nil {
		p.Sample(logLost, float64(r.log.lost))
	}
}

// writeField writes one field of every GPU.
func (r *reader) writeField(p *page.Page, f *field, anyMIG bool, now time.Time) {
	for _, rd := range r.current {
		index := strconv.Itoa(rd.gpu.Index)
		if rd.gpu.MIG && f.instance {
			for i, part := range rd.gpu.Instances {
				if value, ok := r.valueOf(f, rd.parts[i], index+"."+strconv.Itoa(part.GI), now); ok {
					p.Sample(f.migFamily, value, append(rd.gpu.labels[:len(labels):len(labels)], part.Profile, strconv.Itoa(part.GI))...)
				}
			}
			continue
		}
		value, ok := r.valueOf(f, rd.values, index, now)
		switch {
		case !ok:
		case anyMIG && f.instance: // an empty label is not a label
			p.Sample(f.migFamily, value, append(rd.gpu.labels[:len(labels):len(labels)], "", "")...)
		default:
			p.Sample(f.family, value, rd.gpu.labels...)
		}
	}
}

// valueOf returns a field's value in its unit, or counts why there is none.
func (r *reader) valueOf(f *field, values map[string]wire.Value, selector string, now time.Time) (float64, bool) {
	v, read := values[f.item]
	times, per := f.times, f.per
	if f.gpm != 0 {
		w, current := r.windowOf(selector, now)
		if !current {
			r.unread["no_window"]++
			return 0, false
		}
		v, read = w.values[strconv.Itoa(f.gpm)]
		if w.converted {
			times, per = 1, 1
		}
	}
	if f.item == linkRate {
		if v, read = r.linkValue(selector, now); !read {
			r.unread["no_window"]++
			return 0, false
		}
	}
	switch {
	case !read:
		r.unread["other"]++
	case v.Return != wire.Success:
		r.unread[reasonOf(v.Return)]++
	default:
		value := v.Number * times / per
		if math.IsNaN(value) || value < f.min || value > f.max {
			r.unread["out_of_range"]++
			return 0, false
		}
		return value, true
	}
	return 0, false
}

func (r *reader) writeXIDs(p *page.Page, everyone []*gpu) {
	if r.o.Full {
		for _, g := range everyone {
			newest := 0
			if x := r.xids[g.key]; x != nil {
				newest = x.newest
			}
			p.Sample(xidErrors, float64(newest), g.labels...)
		}
	}
	for _, g := range everyone {
		var counts [3]uint64
		if x := r.xids[g.key]; x != nil {
			counts = x.counts
		}
		for c, name := range classNames {
			p.Sample(xidTotal, float64(counts[c]), append(g.labels[:len(labels):len(labels)], name)...)
		}
	}
	for _, g := range everyone {
		x := r.xids[g.key]
		if x == nil {
			continue
		}
		codes := make([]int, 0, len(x.last))
		for code := range x.last {
			codes = append(codes, code)
		}
		slices.Sort(codes)
		for _, code := range codes {
			p.Sample(xidLast, x.last[code], append(g.labels[:len(labels):len(labels)], strconv.Itoa(code))...)
		}
	}
}

// writeUnreadable says of each GPU that is not on this page why, and for how long.
func (r *reader) writeUnreadable(p *page.Page, everyone []*gpu, now time.Time) {
	for _, g := range everyone {
		if reason, since, is := r.whyUnreadable(g.key, now); is {
			p.Sample(unreadable, max(0, now.Sub(since).Seconds()), append(g.labels[:len(labels):len(labels)], reason)...)
		}
	}
}

func (r *reader) whyUnreadable(key string, now time.Time) (reason string, since time.Time, is bool) {
	if b := r.blocked[key]; b.holds(now) {
		return b.reason, b.since, true
	}
	read := slices.ContainsFunc(r.current, func(rd reading) bool { return rd.gpu.key == key })
	f, faulty := r.faults[key]
	switch {
	case !read && r.state.name != ok:
		return r.state.name, r.state.since, true
	case !read && !faulty && r.cut:
		return hang, now, true
	case !read && !faulty:
		r.fault(key, "unlisted", now) // until it is read again
		return "unlisted", now, true
	}
	return f.reason, f.since, faulty
}

// profilingState says where profiling values come from, or why there are none.
func (r *reader) profilingState(now time.Time) (source, reason string) {
	for _, rd := range r.current {
		if !rd.gpu.GPM {
			continue
		}
		if r.reason == "" && len(r.windows) == 0 {
			return "none", waiting
		}
		if r.reason != "" {
			return "none", r.reason
		}
		return "gpm", ""
	}
	switch {
	case r.reason != "":
		return "none", r.reason
	case r.dmon != nil && len(r.windows) > 0:
		return "dcgmi", ""
	case r.dmon != nil:
		return "none", waiting
	}
	return "none", notSupported
}
