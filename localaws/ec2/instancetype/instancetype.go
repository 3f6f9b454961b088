// Package instancetype is EC2's list of instance types, as far as the local cloud has it.
package instancetype

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/parascope/parascope/localaws/ec2/query"
)

// families are the families with sizes in proportion: GiB of memory for each vCPU.
var families = map[string]int{
	"c5": 2, "c6a": 2, "c6i": 2, "c7a": 2, "c7g": 2, "c7i": 2, "m5": 4, "m6a": 4, "m6i": 4, "m7a": 4, "m7g": 4, "m7i": 4,
	"r5": 8, "r6a": 8, "r6i": 8, "r7a": 8, "r7g": 8, "r7i": 8,
}

var sizes = map[string]int{ // vCPUs
	"large": 2, "xlarge": 4, "2xlarge": 8, "4xlarge": 16, "8xlarge": 32, "12xlarge": 48, "16xlarge": 64, "24xlarge": 96,
}

// machine has the numbers of DescribeInstanceTypes (EC2 user guide, instance type specifications).
type machine struct {
	vcpus, gib      int
	efa, cards      int // EFA interfaces, network cards
	gpus            int
	gpu             string
	gpuMiB          int
	hyperthreadless bool
}

// others are types that are described one by one.
var others = map[string]machine{
	"t3.micro": {vcpus: 2, gib: 1}, "t3.small": {vcpus: 2, gib: 2}, "t3.medium": {vcpus: 2, gib: 4}, "t3.large": {vcpus: 2, gib: 8},
	"t3.xlarge": {vcpus: 4, gib: 16}, "t3.2xlarge": {vcpus: 8, gib: 32},
	"c5n.18xlarge":   {vcpus: 72, gib: 192, efa: 1},
	"hpc6a.48xlarge": {vcpus: 96, gib: 384, efa: 1, hyperthreadless: true},
	"hpc7a.96xlarge": {vcpus: 192, gib: 768, efa: 2, cards: 2, hyperthreadless: true},
	"g4dn.xlarge":    {vcpus: 4, gib: 16, gpus: 1, gpu: "T4", gpuMiB: 16384},
	"g4dn.12xlarge":  {vcpus: 48, gib: 192, efa: 1, gpus: 4, gpu: "T4", gpuMiB: 16384},
	"g5.xlarge":      {vcpus: 4, gib: 16, gpus: 1, gpu: "A10G", gpuMiB: 24576},
	"g5.48xlarge":    {vcpus: 192, gib: 768, efa: 1, gpus: 8, gpu: "A10G", gpuMiB: 24576},
	"g6.xlarge":      {vcpus: 4, gib: 16, gpus: 1, gpu: "L4", gpuMiB: 22888},
	"g6.48xlarge":    {vcpus: 192, gib: 768, efa: 1, gpus: 8, gpu: "L4", gpuMiB: 22888},
	"p4d.24xlarge":   {vcpus: 96, gib: 1152, efa: 4, cards: 4, gpus: 8, gpu: "A100", gpuMiB: 40960},
	"p5.48xlarge":    {vcpus: 192, gib: 2048, efa: 32, cards: 32, gpus: 8, gpu: "H100", gpuMiB: 81920},
	"p5en.48xlarge":  {vcpus: 192, gib: 2048, efa: 16, cards: 16, gpus: 8, gpu: "H200", gpuMiB: 144384},
}

// find is a type's numbers.
func find(name string) (machine, bool) {
	if m, ok := others[name]; ok {
		return m, true
	}
	family, size, _ := strings.Cut(name, ".")
	ratio, vcpus := families[family], sizes[size]
	return machine{vcpus: vcpus, gib: ratio * vcpus}, ratio > 0 && vcpus > 0
}

type item struct {
	Name     string   `xml:"instanceType"`
	Current  bool     `xml:"currentGeneration"`
	Usage    []string `xml:"supportedUsageClasses>item"`
	VCPUs    int      `xml:"vCpuInfo>defaultVCpus"`
	Cores    int      `xml:"vCpuInfo>defaultCores"`
	MemoryMB int      `xml:"memoryInfo>sizeInMiB"`
	EFA      bool     `xml:"networkInfo>efaSupported"`
	Cards    int      `xml:"networkInfo>maximumNetworkCards"`
	MaxEFA   *int     `xml:"networkInfo>efaInfo>maximumEfaInterfaces"`
	GPUs     *gpus    `xml:"gpuInfo"`
}

type gpus struct {
	Items []gpu `xml:"gpus>item"`
}

type gpu struct {
	Name   string `xml:"name"`
	Maker  string `xml:"manufacturer"`
	Count  int    `xml:"count"`
	Memory int    `xml:"memoryInfo>sizeInMiB"`
}

func (m machine) item(name string) item {
	threads := 2
	if m.hyperthreadless {
		threads = 1
	}
	i := item{Name: name, Current: true, Usage: []string{"on-demand", "spot"}, VCPUs: m.vcpus, Cores: m.vcpus / threads,
		MemoryMB: m.gib * 1024, EFA: m.efa > 0, Cards: max(1, m.cards)}
	if m.efa > 0 {
		i.MaxEFA = &m.efa
	}
	if m.gpus > 0 {
		i.GPUs = &gpus{[]gpu{{Name: m.gpu, Maker: "NVIDIA", Count: m.gpus, Memory: m.gpuMiB}}}
	}
	return i
}

// Describe answers DescribeInstanceTypes. A name that is no type is an error, as in EC2.
func Describe(form url.Values) (any, error) {
	attributes := func(name string, m machine) query.Attributes {
		return query.Attributes{"instance-type": {name}, "network-info.efa-supported": {strconv.FormatBool(m.efa > 0)}}
	}
	filters, err := query.ParseFilters(form, attributes("", machine{}))
	if err != nil {
		return nil, err
	}
	names := query.List(form, "InstanceType")
	var missing []string
	for _, name := range names {
		if _, ok := find(name); !ok {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		return nil, query.Failure("InvalidInstanceType", "The following supplied instance types do not exist: ["+strings.Join(missing, ", ")+"]")
	}
	if len(names) == 0 {
		names = all()
	}
	var answer struct {
		Types []item `xml:"instanceTypeSet>item"`
	}
	for _, name := range names {
		if m, _ := find(name); filters.Match(attributes(name, m)) {
			answer.Types = append(answer.Types, m.item(name))
		}
	}
	return answer, nil
}

func all() []string {
	names := slices.Collect(maps.Keys(others))
	for family := range families {
		for size := range sizes {
			names = append(names, family+"."+size)
		}
	}
	slices.Sort(names)
	return names
}
