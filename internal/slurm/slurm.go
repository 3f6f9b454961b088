// Package slurm reads a Slurm cluster through its command-line tools: nodes, jobs and
// the scheduler, as one snapshot that discovery and metrics share. Each tool has one
// parser, which is held against the recorded output of Slurm 22.05 to 26.05.
//
// The formats are text with explicit separators. JSON changed its shape in nearly
// every release, costs more memory, and scontrol and sdiag of 22.05 do not have it.
package slurm
