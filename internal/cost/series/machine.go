// Package series says how many series a machine and a cluster have, family by family. The
// families are the collectors' own; how many series one of them has follows from its labels
// and from what the machine has.
package series

import "strings"

// Level is one of the three assumptions of an estimate.
type Level int

// The levels: what there is at least, what there usually is, and what there may be.
const (
	Low Level = iota
	Expected
	High
)

// Levels are all, ascending.
func Levels() []Level { return []Level{Low, Expected, High} }

// String is the level's name.
func (l Level) String() string { return [...]string{"low", "expected", "high"}[l] }

// pick is the value of a level.
func pick[T any](l Level, low, expected, high T) T { return [...]T{low, expected, high}[l] }

// Machine is what of a node makes series. The zero Machine is one without cards and
// disks.
type Machine struct {
	GPUs          int
	Profiles      bool // the GPUs have GPM: Hopper and newer
	NVLink        bool
	EFA           bool
	Nitro4        bool // the EFA devices count what is sent again
	InstanceStore bool
	Metal         bool
	Volumes       int // of EBS
	NFSMounts     int
	NFSServers    int
	LustreMounts  int
}

// generation is what the instance types of a family share.
type generation struct {
	family                           string
	profiles, nvlink, nitro4, noDisk bool
}

// generations are the families with NVIDIA GPUs, newest first: NVLink by
// https://docs.aws.amazon.com/ec2/latest/instancetypes/ac.html, GPM from Hopper on by
// docs/gpu.md.
var generations = []generation{
	{family: "p6e-gb200", profiles: true, nvlink: true, nitro4: true},
	{family: "p6-b300", profiles: true, nvlink: true, nitro4: true},
	{family: "p6-b200", profiles: true, nvlink: true, nitro4: true},
	{family: "p5en", profiles: true, nvlink: true, nitro4: true},
	{family: "p5e", profiles: true, nvlink: true, nitro4: true},
	{family: "p5", profiles: true, nvlink: true, nitro4: true},
	{family: "p4de", nvlink: true},
	{family: "p4d", nvlink: true},
	{family: "p3dn", nvlink: true},
	{family: "p3", nvlink: true, noDisk: true},
	{family: "g7e", profiles: true, nitro4: true},
	{family: "g6e", nitro4: true},
	{family: "g6", nitro4: true},
	{family: "gr6", nitro4: true},
	{family: "g5g", noDisk: true},
	{family: "g5"},
	{family: "g4dn"},
}

// MachineOf is a compute node of an instance type, with the number of GPUs that it has, one
// volume of EBS and the three file systems that ParallelCluster's nodes mount from the head
// node.
func MachineOf(instanceType string, gpus int, efa bool) Machine {
	family, size, _ := strings.Cut(instanceType, ".")
	m := Machine{GPUs: gpus, EFA: efa, Volumes: 1, NFSMounts: 3, NFSServers: 1, Metal: strings.HasPrefix(size, "metal")}
	m.InstanceStore = hasDisks(family)
	for _, g := range generations {
		if g.family == family {
			m.Profiles, m.NVLink, m.Nitro4 = g.profiles, g.nvlink && gpus > 1, g.nitro4
			m.InstanceStore = !g.noDisk
			return m
		}
	}
	m.Nitro4 = strings.ContainsAny(family, "6789")
	return m
}

// hasDisks reports whether a family's name says that its instances have disks: a d behind the
// generation, or a family of storage.
func hasDisks(family string) bool {
	digit := strings.IndexAny(family, "0123456789")
	if digit < 0 {
		return false
	}
	switch kind := family[:digit]; kind {
	case "i", "im", "is", "d", "h", "trn":
		return true
	}
	options, _, _ := strings.Cut(family[digit+1:], "-")
	return strings.Contains(options, "d")
}
