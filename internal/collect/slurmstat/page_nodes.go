package slurmstat

import (
	"cmp"
	"maps"
	"slices"

	"github.com/parascope/parascope/internal/collect/page"
	"github.com/parascope/parascope/internal/slurm"
)

// amount is how much there is of something, and what it does. What is free is idle on
// nodes that take jobs, and other elsewhere.
type amount struct{ alloc, idle, other float64 }

func (a *amount) add(used, total float64, takesJobs bool) {
	a.alloc += used
	if takesJobs {
		a.idle += total - used
	} else {
		a.other += total - used
	}
}

func (a *amount) write(p *page.Page, f *page.Family, labels ...string) {
	for _, v := range []struct {
		state string
		value float64
	}{{"allocated", a.alloc}, {"idle", a.idle}, {"other", a.other}, {"total", a.alloc + a.idle + a.other}} {
		p.Sample(f, v.value, append(slices.Clone(labels), v.state)...)
	}
}

// resource is a generic resource by name and type.
type resource struct{ name, kind string }

// partition is what a partition's nodes have.
type partition struct {
	states       map[string]float64
	cpus, memory amount
	gres         map[resource]*amount
}

// writeNodes writes what a snapshot's nodes are and do.
func writeNodes(p *page.Page, nodes []slurm.Node) {
	states := map[string]float64{}
	var cpus, gpus amount
	partitions := map[string]*partition{}
	for i := range nodes {
		n := &nodes[i]
		state := ClassifyNode(n)
		states[state]++
		takes := runs(state)
		cpus.add(float64(n.CPUsAllocated), float64(n.CPUs), takes)
		gres := gresOf(n)
		for r, g := range gres {
			if r.name == "gpu" {
				gpus.add(g.used, g.total, takes)
			}
		}
		for _, name := range n.Partitions {
			part := partitions[name]
			if part == nil {
				part = &partition{states: map[string]float64{}, gres: map[resource]*amount{}}
				partitions[name] = part
			}
			part.states[state]++
			part.cpus.add(float64(n.CPUsAllocated), float64(n.CPUs), takes)
			part.memory.add(float64(n.AllocMemoryMB)*(1<<20), float64(n.MemoryMB)*(1<<20), takes)
			for r, g := range gres {
				if part.gres[r] == nil {
					part.gres[r] = &amount{}
				}
				part.gres[r].add(g.used, g.total, takes)
			}
		}
	}
	for i, state := range NodeStates {
		p.Sample(nodeFamilies[i], states[state])
	}
	writeAmount(p, cpus, cpusAlloc, cpusIdle, cpusOther, cpusTotal)
	writeAmount(p, gpus, gpusAlloc, gpusIdle, gpusOther, gpusTotal)
	if total := gpus.alloc + gpus.idle + gpus.other; total > 0 {
		p.Sample(gpusUse, gpus.alloc/total)
	}
	writePartitions(p, partitions)
	writeEachNode(p, nodes)
}

func writeAmount(p *page.Page, a amount, alloc, idle, other, total *page.Family) {
	p.Sample(alloc, a.alloc)
	p.Sample(idle, a.idle)
	p.Sample(other, a.other)
	p.Sample(total, a.alloc+a.idle+a.other)
}

func writePartitions(p *page.Page, partitions map[string]*partition) {
	names := slices.Sorted(maps.Keys(partitions))
	for _, name := range names {
		for _, state := range NodeStates {
			if n := partitions[name].states[state]; n > 0 || state == NodeIdle {
				p.Sample(partitionNodes, n, name, state)
			}
		}
	}
	for _, name := range names {
		partitions[name].cpus.write(p, partitionCPUs, name)
	}
	for _, name := range names {
		partitions[name].memory.write(p, partitionMemory, name)
	}
	for _, name := range names {
		for _, r := range sortResources(partitions[name].gres) {
			partitions[name].gres[r].write(p, partitionGRES, name, r.name, r.kind)
		}
	}
}

// writeEachNode writes the series of each node that is not powered down.
func writeEachNode(p *page.Page, all []slurm.Node) {
	var nodes []*slurm.Node
	states := map[*slurm.Node]string{}
	for i := range all {
		n := &all[i]
		if state := ClassifyNode(n); state != NodePoweredDown && !n.Has("powered_down") {
			states[n] = state
			nodes = append(nodes, n)
		}
	}
	slices.SortFunc(nodes, func(a, b *slurm.Node) int { return cmp.Compare(a.Name, b.Name) })
	each := func(f *page.Family, value func(n *slurm.Node) (float64, bool)) {
		for _, n := range nodes {
			if v, ok := value(n); ok {
				p.Sample(f, v, n.Name)
			}
		}
	}
	for _, n := range nodes {
		p.Sample(nodeStatus, 1, n.Name, states[n])
	}
	each(nodeCPUAlloc, func(n *slurm.Node) (float64, bool) { return float64(n.CPUsAllocated), true })
	each(nodeCPUTotal, func(n *slurm.Node) (float64, bool) { return float64(n.CPUs), true })
	each(nodeMemAlloc, func(n *slurm.Node) (float64, bool) { return float64(n.AllocMemoryMB), true })
	each(nodeMemTotal, func(n *slurm.Node) (float64, bool) { return float64(n.MemoryMB), true })
	for _, n := range nodes {
		gres := gresOf(n)
		for _, r := range sortResources(gres) {
			p.Sample(nodeGRESUsed, gres[r].used, n.Name, r.name, r.kind)
		}
	}
	for _, n := range nodes {
		gres := gresOf(n)
		for _, r := range sortResources(gres) {
			p.Sample(nodeGRES, gres[r].total, n.Name, r.name, r.kind)
		}
	}
	each(nodeLastBusy, func(n *slurm.Node) (float64, bool) { return float64(n.LastBusy.Unix()), !n.LastBusy.IsZero() })
	for i := range all { // of powered-down nodes too: they wait for the operator
		if n := &all[i]; n.Reason != "" {
			p.Sample(nodeDrain, 1, n.Name, n.Reason, n.ReasonUser)
		}
	}
	for i := range all {
		if n := &all[i]; n.Reason != "" && !n.ReasonTime.IsZero() {
			p.Sample(nodeDrainSince, float64(n.ReasonTime.Unix()), n.Name)
		}
	}
}

// usage is what a node has of a resource and how much of it is allocated.
type usage struct{ used, total float64 }

// gresOf returns a node's generic resources. What is allocated without a type, as in TRES
// without types, is put down to the node's types of that name in their order.
func gresOf(n *slurm.Node) map[resource]usage {
	all := map[resource]usage{}
	for _, g := range n.GRES {
		r := resource{g.Name, g.Type}
		all[r] = usage{all[r].used, all[r].total + float64(g.Count)}
	}
	for _, g := range n.GRESUsed {
		left := float64(g.Count)
		for _, r := range sortResources(all) {
			if r.name != g.Name || g.Type != "" && r.kind != g.Type {
				continue
			}
			u := all[r]
			take := min(left, u.total-u.used)
			all[r] = usage{u.used + take, u.total}
			left -= take
		}
	}
	return all
}

func sortResources[V any](m map[resource]V) []resource {
	return slices.SortedFunc(maps.Keys(m), func(a, b resource) int {
		return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.kind, b.kind))
	})
}
