// Package slurmstat makes metrics of snapshots of a Slurm cluster: its nodes, partitions, jobs
// and scheduler, and who has which node and GPU. Names are those that the known dashboards
// read.
package slurmstat
