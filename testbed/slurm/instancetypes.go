package slurm

// Type is what Slurm is told of an instance type.
type Type struct {
	CPUs, MemoryMiB int
	GPUs            int
	GPU             string // as ParallelCluster names it in gres.conf
}

// TypeOf is an instance type's, as EC2 lists it; one that is not in the table has 4
// processors and 8 GiB.
func TypeOf(name string) Type {
	t, known := map[string]Type{
		"t3.micro": {CPUs: 2, MemoryMiB: 1024}, "t3.small": {CPUs: 2, MemoryMiB: 2048}, "t3.medium": {CPUs: 2, MemoryMiB: 4096},
		"c5.large": {CPUs: 2, MemoryMiB: 4096}, "c5.xlarge": {CPUs: 4, MemoryMiB: 8192}, "c5.2xlarge": {CPUs: 8, MemoryMiB: 16384},
		"c5n.18xlarge": {CPUs: 72, MemoryMiB: 196608}, "m5.xlarge": {CPUs: 4, MemoryMiB: 16384}, "hpc8a.96xlarge": {CPUs: 192, MemoryMiB: 786432},
		"g5.xlarge":        {CPUs: 4, MemoryMiB: 16384, GPUs: 1, GPU: "a10g"},
		"g6e.16xlarge":     {CPUs: 64, MemoryMiB: 524288, GPUs: 1, GPU: "l40s"},
		"p4d.24xlarge":     {CPUs: 96, MemoryMiB: 1179648, GPUs: 8, GPU: "a100"},
		"p5.48xlarge":      {CPUs: 192, MemoryMiB: 2097152, GPUs: 8, GPU: "h100"},
		"p5en.48xlarge":    {CPUs: 192, MemoryMiB: 2097152, GPUs: 8, GPU: "h200"},
		"p6-b200.48xlarge": {CPUs: 192, MemoryMiB: 2097152, GPUs: 8, GPU: "b200"},
	}[name]
	if !known {
		return Type{CPUs: 4, MemoryMiB: 8192}
	}
	return t
}
