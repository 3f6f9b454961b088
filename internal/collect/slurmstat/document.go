package slurmstat

import (
	"fmt"
	"slices"
	"strings"

	"github.com/parascope/parascope/internal/collect/page"
)

// Families are all families of the page, in its order.
func Families() []*page.Family {
	var scheduler []*page.Family
	for _, f := range schedulerFamilies {
		scheduler = append(scheduler, f.family)
	}
	return slices.Concat(
		[]*page.Family{
			snapshotTime, snapshotAge, targetsAge, snapshotInterval, controllerInfo, controllerUp, controllerTime, commandSuccess, commandSeconds,
		},
		nodeFamilies, []*page.Family{
			cpusAlloc, cpusIdle, cpusOther, cpusTotal, gpusAlloc, gpusIdle, gpusOther, gpusTotal, gpusUse,
			partitionNodes, partitionCPUs, partitionMemory, partitionGRES,
			nodeStatus, nodeCPUAlloc, nodeCPUTotal, nodeMemAlloc, nodeMemTotal, nodeGRESUsed, nodeGRES, nodeLastBusy, nodeDrain, nodeDrainSince,
			nodeSeconds,
		},
		jobFamilies, []*page.Family{
			partitionJobs, pendingReason, pendingOldest, pendingMedian,
			accountPending, accountRunning, accountCPUs, accountGPUs, userPending, userRunning, userCPUs, userGPUs, userFairShare,
			jobsStarted, jobsFinished, jobsRequeued, jobsMissed, waitSeconds, runSeconds,
			nodeJob, gpuJob, jobInfo, jobSize, jobTime, holdersLeftOut, gpuJobsUnknown,
		},
		scheduler, []*page.Family{
			statisticsSince, rpcCount, rpcTime, rpcMean,
			reservationInfo, reservationNodes, reservationCores, reservationStart, reservationEnd,
			licenseTotal, licenseUsed, licenseFree, licenseReserved, namesLeftOut,
		},
	)
}

// Markdown describes the families as a table, for docs/metrics-slurm.md.
func Markdown() string {
	var b strings.Builder
	b.WriteString("| metric | type | labels | source | meaning |\n|---|---|---|---|---|\n")
	for _, f := range Families() {
		fmt.Fprintf(&b, "| `%s` | %s | %s | `%s` | %s |\n", f.Name, f.Type, strings.Join(f.Labels, ", "), f.Source, f.Help)
	}
	return b.String()
}
