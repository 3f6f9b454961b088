// Package gpu measures a node's NVIDIA GPUs, under dcgm-exporter's names, labels and
// units. It asks the driver through a helper process (cmd/parascope-nvml), so that a
// call that hangs or crashes costs a page some of its values and never the page.
package gpu

import (
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/parascope/parascope/internal/collect/page"
)

// Options configure the collector. DefaultOptions has the values to begin with.
type Options struct {
	Full       bool          // all fields instead of the default set
	Helper     string        // path of parascope-nvml; empty for the one beside this program or in PATH
	Library    string        // what the helper loads
	Hostname   string        // label Hostname: the node's name
	CallWait   time.Duration // for one answer of the helper
	ReadWait   time.Duration // in which the calls of one reading begin
	Window     time.Duration // over which profiling values are means
	PauseFile  string        // holds the time until which profiling is paused
	StateFile  string        // keeps the counts of XIDs until the next boot
	DCGMI      string        // the command dcgmi; empty for the one in PATH
	Hostengine bool          // start nv-hostengine where profiling needs it
}

// DefaultOptions are for a node of a cluster.
func DefaultOptions() Options {
	hostname, err := os.Hostname()
	if err != nil {
		hostname = ""
	}
	return Options{
		Library: "libnvidia-ml.so.1", Hostname: hostname, CallWait: 2 * time.Second, ReadWait: 4 * time.Second,
		Window: 15 * time.Second, PauseFile: "/run/parascope/gpu-paused-until", StateFile: "/run/parascope/gpu-xids.json",
	}
}

// Collectors is the literal list of this package's collectors.
func Collectors(o Options) []page.Collector {
	return []page.Collector{{
		Name:     "gpu",
		Families: families(o.Full),
		Sources: []string{"libnvidia-ml.so.1, called by the helper parascope-nvml", "/dev/kmsg", "/proc/driver/nvidia/gpus/*/information",
			"/sys/devices/virtual/dmi/id/product_name", "dcgmi dmon, if the GPUs do not support GPM"},
		Privilege: "CAP_SYSLOG for /dev/kmsg; without CAP_SYSLOG, XIDs are read from the driver's events since the start",
		Deadline:  o.ReadWait + o.CallWait + time.Second, // the last call may begin at the end of ReadWait
		Open:      func(env page.Env) (page.Reader, error) { return open(o, env) },
	}}
}

func open(o Options, env page.Env) (*reader, error) {
	r := newReader(o, env)
	r.done = make(chan struct{})
	ticker := time.NewTicker(o.Window)
	go func() {
		defer ticker.Stop()
		for {
			select {
			case <-r.done:
				return
			case <-ticker.C:
				r.tick()
			}
		}
	}()
	return r, nil
}

func newReader(o Options, env page.Env) *reader {
	return &reader{
		o: o, env: env, fields: fieldsOf(o.Full), starter: starter{library: o.Library, stuck: new(atomic.Int32)},
		state: state{name: noDevice, since: env.Now()}, failures: map[string]uint64{},
		known: map[string]*gpu{}, keys: map[int]string{}, blocked: map[string]block{}, faults: map[string]fault{},
		xids: map[string]*xids{}, windows: map[string]window{}, links: map[string]link{},
	}
}

// helperPath finds parascope-nvml.
func helperPath(given string) (string, error) {
	if given != "" {
		return given, nil
	}
	if self, err := os.Executable(); err == nil {
		beside := filepath.Join(filepath.Dir(self), "parascope-nvml")
		if info, err := os.Stat(beside); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return beside, nil
		}
	}
	return exec.LookPath("parascope-nvml")
}
