package gpu

import (
	"bufio"
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/parascope/parascope/internal/collect/gpu/wire"
)

// gpu is a device that is or was there.
type gpu struct {
	wire.GPU
	key    string
	labels []string
}

// name makes the labels. What is not known is empty.
func (g *gpu) name(hostname string) {
	index, device := "", ""
	if g.Index >= 0 {
		index = strconv.Itoa(g.Index)
	}
	if g.Minor >= 0 {
		device = "nvidia" + strconv.Itoa(g.Minor)
	}
	g.labels = []string{index, g.UUID, g.BusID, device, g.Name, hostname}
}

// procGPUs reads what the kernel module says of each GPU, the ones that NVML has lost
// among them, in the order of their addresses, which is NVML's.
func procGPUs(dir string) []gpu {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	var all []gpu
	for _, e := range entries[:min(len(entries), maxGPUs)] {
		key, ok := busKey(e.Name())
		if !ok {
			continue
		}
		g := gpu{GPU: wire.GPU{Index: -1, Minor: -1, BusID: longAddress(e.Name())}, key: key}
		if text, err := readSmall(filepath.Join(dir, e.Name(), "information")); err == nil {
			g.inform(text)
		}
		all = append(all, g)
	}
	slices.SortFunc(all, func(a, b gpu) int { return strings.Compare(longAddress(a.key), longAddress(b.key)) })
	for i := range all {
		all[i].Index = i
	}
	return all
}

const maxGPUs = 64

// inform reads lines such as "GPU UUID: \t GPU-…".
func (g *gpu) inform(text []byte) {
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ":")
		value = strings.TrimSpace(value)
		switch strings.TrimSpace(name) {
		case "Model":
			g.Name = value
		case "GPU UUID":
			if !strings.Contains(value, "?") { // as long as the GPU was not initialized
				g.UUID = value
			}
		case "Device Minor":
			if minor, err := strconv.Atoi(value); err == nil {
				g.Minor = minor
			}
		}
	}
}

// longAddress writes an address as NVML does: 00000000:9B:00.0.
func longAddress(address string) string {
	domain, rest, _ := strings.Cut(address, ":")
	if !strings.Contains(rest, ".") {
		rest += ".0"
	}
	return strings.Repeat("0", max(0, 8-len(domain))) + strings.ToUpper(domain+":"+rest)
}

// readSmall reads a file of a few lines; what is longer is cut.
func readSmall(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	buf := make([]byte, 4096)
	n, err := f.Read(buf)
	if n > 0 {
		err = nil
	}
	return buf[:n], err
}

// DevicesOf is how many GPUs an instance type has.
func DevicesOf(instanceType string) (int, bool) {
	n, known := gpusOf[instanceType]
	return n, known
}

// gpusOf lists the instance types with NVIDIA GPUs, from
// https://docs.aws.amazon.com/ec2/latest/instancetypes/ac.html.
var gpusOf = map[string]int{
	"p3.2xlarge": 1, "p3.8xlarge": 4, "p3.16xlarge": 8, "p3dn.24xlarge": 8,
	"p4d.24xlarge": 8, "p4de.24xlarge": 8, "p5.4xlarge": 1, "p5.48xlarge": 8, "p5e.48xlarge": 8, "p5en.48xlarge": 8,
	"p6-b200.48xlarge": 8, "p6-b300.48xlarge": 8, "p6e-gb200.36xlarge": 4,
	"g4dn.xlarge": 1, "g4dn.2xlarge": 1, "g4dn.4xlarge": 1, "g4dn.8xlarge": 1, "g4dn.16xlarge": 1, "g4dn.12xlarge": 4, "g4dn.metal": 8,
	"g5.xlarge": 1, "g5.2xlarge": 1, "g5.4xlarge": 1, "g5.8xlarge": 1, "g5.16xlarge": 1,
	"g5.12xlarge": 4, "g5.24xlarge": 4, "g5.48xlarge": 8,
	"g5g.xlarge": 1, "g5g.2xlarge": 1, "g5g.4xlarge": 1, "g5g.8xlarge": 1, "g5g.16xlarge": 2, "g5g.metal": 2,
	"g6.xlarge": 1, "g6.2xlarge": 1, "g6.4xlarge": 1, "g6.8xlarge": 1, "g6.16xlarge": 1,
	"g6.12xlarge": 4, "g6.24xlarge": 4, "g6.48xlarge": 8,
	"gr6.4xlarge": 1, "gr6.8xlarge": 1,
	"g6e.xlarge": 1, "g6e.2xlarge": 1, "g6e.4xlarge": 1, "g6e.8xlarge": 1, "g6e.16xlarge": 1,
	"g6e.12xlarge": 4, "g6e.24xlarge": 4, "g6e.48xlarge": 8,
	"g7e.2xlarge": 1, "g7e.4xlarge": 1, "g7e.8xlarge": 1, "g7e.12xlarge": 2, "g7e.24xlarge": 4, "g7e.48xlarge": 8,
}
