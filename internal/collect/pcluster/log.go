package pcluster

import (
	"bytes"
	"regexp"
)

// The logs contain what the events do not: the instance type and zone that EC2 had no capacity for, and the queues that
// protected mode disables.
var (
	noCapacity = []byte("do not have sufficient ")
	// ParallelCluster logs a refused request in two lines. Only the first, with EC2's error message, is counted.
	refusal = regexp.MustCompile(
		`Error in CreateFleet request|An error occurred \(\w+\) when calling the (RunInstances|CreateFleet) operation`)
	capacity = regexp.MustCompile(`do not have sufficient ([a-z0-9.-]{1,40}) capacity(?: in the Availability Zone you requested ` +
		`\(([a-z0-9-]{1,40})\))?`)
	disabled  = []byte("Placing bootstrap failure partitions to INACTIVE: ")
	queueName = regexp.MustCompile(`'([A-Za-z0-9_.-]{1,64})'`)
)

const maxQueues = 100 // of one line

// readLogLine returns what a line of clustermgtd's log or of slurm_resume.log counts; nothing for nearly all lines.
func readLogLine(line []byte) (all []count) {
	if bytes.Contains(line, noCapacity) && refusal.Match(line) {
		if m := capacity.FindSubmatch(line); m != nil {
			all = append(all, count{family: capacityRefusals, labels: [4]string{string(m[1]), string(m[2])}, by: 1})
		}
	}
	if _, queues, found := bytes.Cut(line, disabled); found {
		for _, m := range queueName.FindAllSubmatch(queues, maxQueues) {
			all = append(all, count{family: disabledQueues, labels: [4]string{string(m[1])}, by: 1})
		}
	}
	return all
}
