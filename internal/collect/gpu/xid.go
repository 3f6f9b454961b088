package gpu

import (
	"slices"
	"strconv"
	"strings"
)

// class says who has to do something about an XID.
type class int

const (
	classApplication class = iota // the program that ran on the GPU failed; the GPU is well
	classWarn                     // the hardware reports something that is worth a look
	classPage                     // the GPU or the node needs a reset, a reboot or a repair
)

var classNames = []string{"application", "warn", "page"}

// Codes after which the driver cannot reach the GPU: a call into it would hang.
var unreachable = []int{79, 119, 120}

// Codes by class, by the immediate action of NVIDIA's catalogue: restart the program
// is application; reset the GPU, restart the machine and the workflows for memory and
// links are page; all others, unknown ones among them, are warn.
var (
	applicationCodes = []int{8, 11, 13, 31, 32, 37, 39, 40, 41, 43, 44, 45, 60, 66, 67, 68, 69, 70, 71, 72, 75, 76, 77, 80, 82, 83, 84,
		86, 88, 89, 96, 97, 98, 99, 100, 101, 102, 103, 104, 105, 126, 127, 128, 129, 130, 131, 132, 133, 134, 135, 139, 141}
	pageCodes = []int{46, 48, 54, 62, 64, 74, 79, 95, 109, 110, 119, 120, 136, 140, 143, 151, 155, 156, 158, 167, 169, 171, 172}
)

// classOf returns the class of an XID. text is what the kernel log says after the code.
func classOf(code int, text string) class {
	switch {
	case code >= 144 && code <= 150: // NVLink of Blackwell: the line says how bad it is
		if slices.Contains(strings.Fields(text), "Fatal") {
			return classPage
		}
		return classWarn
	case code == 154: // the recovery action changed; to 0x0 is that nothing is needed any more
		if _, to, ok := strings.Cut(text, " to 0x"); ok && !strings.HasPrefix(to, "0 ") {
			return classPage
		}
		return classWarn
	case slices.Contains(applicationCodes, code):
		return classApplication
	case slices.Contains(pageCodes, code):
		return classPage
	}
	return classWarn
}

// parseXID reads the driver's line "NVRM: Xid (PCI:0000:05:00): 79, …".
func parseXID(text string) (key string, code int, detail string, ok bool) {
	rest, found := strings.CutPrefix(text, "NVRM: Xid (")
	if !found {
		return "", 0, "", false
	}
	address, rest, found := strings.Cut(rest, "): ")
	if !found {
		return "", 0, "", false
	}
	key, ok = busKey(strings.TrimPrefix(address, "PCI:"))
	digits, detail, _ := strings.Cut(rest, ",")
	code, err := strconv.Atoi(digits)
	return key, code, detail, ok && err == nil && code > 0 && code < 10000
}

// fallenOff reads the driver's line about a GPU that it can no longer reach, which
// may come without an XID.
func fallenOff(text string) (key string, ok bool) {
	rest, found := strings.CutPrefix(text, "NVRM: GPU ")
	if !found {
		return "", false
	}
	address, rest, _ := strings.Cut(rest, ": ")
	if !strings.HasPrefix(rest, "GPU has fallen off the bus") {
		return "", false
	}
	return busKey(address)
}

// driverLoaded reports whether the line is the first of a driver that is being loaded.
func driverLoaded(text string) bool { return strings.HasPrefix(text, "NVRM: loading NVIDIA UNIX") }

// busKey makes one form of a GPU's bus address: 0000:9b:00, without the function.
func busKey(address string) (string, bool) {
	parts := strings.Split(address, ":")
	if len(parts) != 3 {
		return "", false
	}
	slot, _, _ := strings.Cut(parts[2], ".")
	domain, err1 := strconv.ParseUint(parts[0], 16, 32)
	bus, err2 := strconv.ParseUint(parts[1], 16, 8)
	dev, err3 := strconv.ParseUint(slot, 16, 8)
	if err1 != nil || err2 != nil || err3 != nil {
		return "", false
	}
	hex := func(v uint64, width int) string {
		s := strconv.FormatUint(v, 16)
		return strings.Repeat("0", max(0, width-len(s))) + s
	}
	return hex(domain, 4) + ":" + hex(bus, 2) + ":" + hex(dev, 2), true
}

// xids counts the XIDs of one GPU.
type xids struct {
	counts [3]uint64
	last   map[int]float64 // by code: when, in Unix time
	newest int
}

// maxCodes bounds the codes that are remembered with their time; the oldest goes first.
const maxCodes = 16

func (x *xids) add(code int, c class, at float64) {
	x.counts[c]++
	if x.last == nil {
		x.last = map[int]float64{}
	}
	if _, seen := x.last[code]; !seen && len(x.last) >= maxCodes {
		oldest := code
		for other, when := range x.last {
			if oldest == code || when < x.last[oldest] {
				oldest = other
			}
		}
		delete(x.last, oldest)
	}
	x.last[code] = at
	x.newest = code
}
