package nvml

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/parascope/parascope/internal/collect/gpu/wire"
)

// helper answers the requests of one parascope-node.
type helper struct {
	path     string
	lib      *library
	devices  map[int]uintptr
	parts    map[int]map[int]uintptr // MIG devices by GPU and index
	sampled  map[string]*samples
	events   uintptr // event set; 0 until events are first asked for
	watched  []int   // devices whose events are in the set
	out      *bufio.Writer
	answered int // lines of the current answer
}

// Serve answers requests until in ends, with the library at path.
func Serve(path string, in io.Reader, out io.Writer) error {
	h := &helper{path: path, devices: map[int]uintptr{}, parts: map[int]map[int]uintptr{}, sampled: map[string]*samples{},
		out: bufio.NewWriter(out)}
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		words, err := wire.Split(lines.Text())
		if err != nil {
			return fmt.Errorf("could not parse the request: %w", err)
		}
		h.answered = 0
		fmt.Fprintf(h.out, "end %d\n", h.answer(words[0], words[1:]))
		if err := h.out.Flush(); err != nil {
			return fmt.Errorf("could not write the response: %w", err)
		}
	}
	return lines.Err()
}

func (h *helper) printf(format string, args ...any) {
	if h.answered++; h.answered < wire.MaxLines {
		fmt.Fprintf(h.out, format+"\n", args...)
	}
}

// answer writes the lines of an answer and returns the code that ends it.
func (h *helper) answer(verb string, args []string) int {
	if verb == "init" {
		return h.start()
	}
	if h.lib == nil {
		return 1 // NVML_ERROR_UNINITIALIZED
	}
	switch verb {
	case "forget":
		for _, s := range h.sampled {
			h.lib.free(s)
		}
		clear(h.sampled)
		return wire.Success
	case "events":
		return h.xids()
	}
	if len(args) == 0 {
		return 2 // NVML_ERROR_INVALID_ARGUMENT
	}
	gpu, part := selector(args[0])
	if verb == "gpu" {
		return h.gpu(gpu)
	}
	device := h.devices[gpu]
	if device == 0 {
		return 2
	}
	switch verb {
	case "read":
		if part >= 0 {
			if device = h.parts[gpu][part]; device == 0 {
				return 2
			}
		}
		h.values(h.lib.read(device, args[1:]))
		return wire.Success
	case "gpm":
		return h.gpm(args[0], device, part, args[1:])
	}
	return 2
}

// start loads and initializes the library, and counts the devices.
func (h *helper) start() int {
	if h.lib == nil {
		lib, err := open(h.path)
		if err != nil {
			h.printf("error %s", strconv.Quote(fmt.Sprintf("%.400s", err)))
			return wire.NoLibrary
		}
		h.lib = lib
	}
	if r := h.lib.call("nvmlInit_v2"); r != wire.Success {
		return r
	}
	driver, _ := h.lib.textOf("nvmlSystemGetDriverVersion")
	version, _ := h.lib.textOf("nvmlSystemGetNVMLVersion")
	h.printf("driver %q %q", driver, version)
	count, r := h.lib.uint32Of("nvmlDeviceGetCount_v2")
	h.printf("count %d", int(count))
	return r
}

func (h *helper) gpu(index int) int {
	g, device, r := h.lib.identify(index)
	if r != wire.Success {
		delete(h.devices, index)
		return r
	}
	h.devices[index] = device
	h.printf("gpu %d %q %q %d %q %d %d", index, g.UUID, g.BusID, g.Minor, g.Name, bit(g.MIG), bit(g.GPM))
	if !g.MIG {
		delete(h.parts, index)
		return wire.Success
	}
	instances, handles := h.lib.instances(device)
	h.parts[index] = handles
	for _, i := range instances {
		h.printf("mig %d %d %d %q %q", i.Index, i.GI, i.CI, i.Profile, i.UUID)
	}
	return wire.Success
}

func (h *helper) gpm(key string, device uintptr, gi int, args []string) int {
	var ids []int
	for _, a := range args {
		id, err := strconv.Atoi(a)
		if err != nil {
			return 2
		}
		ids = append(ids, id)
	}
	s := h.sampled[key]
	if s == nil {
		s = &samples{}
		h.sampled[key] = s
	}
	values, first, r := h.lib.profileSince(s, device, gi, ids)
	if first {
		h.printf("first")
	}
	h.values(values)
	return r
}

func (h *helper) values(values []wire.Value) {
	for _, v := range values {
		h.printf("v %s %d %s", v.Item, v.Return, strconv.FormatFloat(v.Number, 'g', -1, 64))
	}
}

// xids reports the XIDs since the request before, of the devices that are known by
// now. It waits for none.
func (h *helper) xids() int {
	l := h.lib
	if h.events == 0 {
		l.clear(8)
		if r := l.call("nvmlEventSetCreate", l.base); r != wire.Success {
			return r
		}
		h.events = l.pointer(0)
	}
	for index, device := range h.devices {
		if !slices.Contains(h.watched, index) {
			h.watched = append(h.watched, index)
			if r := l.call("nvmlDeviceRegisterEvents", device, eventXID, h.events); r != wire.Success {
				return r
			}
		}
	}
	for range 256 {
		l.clear(pciInfoSize + eventDataSize)
		r := l.call("nvmlEventSetWait_v2", h.events, l.base, 0)
		if r == timeout {
			return wire.Success
		}
		if r != wire.Success {
			return r
		}
		device, kind, code := l.pointer(0), l.u64(8), l.u64(16)
		if kind != eventXID {
			continue
		}
		l.clear(pciInfoSize)
		if l.call("nvmlDeviceGetPciInfo_v3", device, l.base) == wire.Success {
			h.printf("xid %q %d", l.text(pciBusID, pciInfoSize-pciBusID), code)
		}
	}
	return wire.Success
}

const (
	eventXID      = 8
	eventDataSize = 32
	timeout       = 10 // NVML_ERROR_TIMEOUT
)

// selector reads GPU or GPU.PART; the part is -1 where there is none.
func selector(text string) (gpu, part int) {
	g, p, has := strings.Cut(text, ".")
	gpu, err := strconv.Atoi(g)
	if err != nil {
		return -1, -1
	}
	if !has {
		return gpu, -1
	}
	if part, err = strconv.Atoi(p); err != nil || part < 0 {
		return -1, -1
	}
	return gpu, part
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}
