//go:build linux

package main

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// named is a metric that dashboards of others read (grafana.com's 4323, SckyzO's), and how Slurm's own
// commands tell its value: lines of "LABELS VALUE", or of a value. They are other commands and
// formats than the head's.
type named struct{ name, labels, command string }

// asked are the commands, each run once, into files that the rows read.
const asked = `set -e; export LC_ALL=C; mkdir -p /tmp/names; cd /tmp/names
sinfo -h -N -O 'NodeHost:|,StateLong:|,CPUsState:|,AllocMem:|,Memory:|,Gres:|,GresUsed:|' | sort -u >nodes
squeue -h -r -t PD -o '%a|%u' >pending; squeue -h -t R -o '%a|%u|%C|%b|%W' >running; sdiag >sdiag
`

// perNode prints of each node that is not powered down what an awk program makes of name, state,
// CPUs as allocated/idle/other/total, allocated memory, memory, GRES and used GRES.
func perNode(program string) string {
	return `awk -F'|' '
{split($3, cpu, "/"); split($6, has, /[:(]/); split($7, used, /[:(]/); off = $2 ~ /[~#%*]|drain|down|maint|reserved|fail/}
` + program + `' nodes`
}

// scheduler prints a line of a section of sdiag's.
func scheduler(section, line string) string {
	return `awk -F':\t* *' '/^[A-Z].*statistics|^Backfilling/ {s = $1} {sub(/^[\t ]+/, "")} ` +
		`s ~ /^` + section + `/ && $1 == "` + line + `" {print $2}' sdiag`
}

// per prints how many lines there are of each kind, or sums of what follows the kind.
const (
	eachLine = ` | sort | uniq -c | awk '{print $2, $1}'`
	sumOf    = ` | awk '{n[$1] += $2} END {for (k in n) print k, n[k]}'`
	gpusOf   = ` | awk '{split($2, g, ":"); if (g[2] == "gpu") n[$1] += g[length(g)]} END {for (k in n) print k, n[k]}'`
)

var theirNames = []named{
	{"slurm_cpus_alloc", "", perNode(`{n += cpu[1]} END {print n + 0}`)},
	{"slurm_cpus_idle", "", perNode(`!off {n += cpu[2]} END {print n + 0}`)},
	{"slurm_cpus_other", "", perNode(`off {n += cpu[2] + cpu[3]} END {print n + 0}`)},
	{"slurm_cpus_total", "", `sinfo -h -o %C | cut -d/ -f4`},
	{"slurm_gpus_alloc", "", perNode(`{n += used[3]} END {print n + 0}`)},
	{"slurm_gpus_idle", "", perNode(`!off {n += has[3] - used[3]} END {print n + 0}`)},
	{"slurm_gpus_other", "", perNode(`off {n += has[3] - used[3]} END {print n + 0}`)},
	{"slurm_gpus_total", "", perNode(`{n += has[3]} END {print n + 0}`)},
	{"slurm_gpus_utilization", "", perNode(`{a += used[3]; n += has[3]} END {printf "%.17g\n", a / n}`)},
	{"slurm_node_cpu_alloc", "node", perNode(`$2 !~ /~/ {print $1, cpu[1]}`)},
	{"slurm_node_cpu_total", "node", perNode(`$2 !~ /~/ {print $1, cpu[4]}`)},
	{"slurm_node_mem_alloc", "node", perNode(`$2 !~ /~/ {print $1, $4}`)},
	{"slurm_node_mem_total", "node", perNode(`$2 !~ /~/ {print $1, $5}`)},
	{"slurm_node_gres_total", "node,gres,type", perNode(`$2 !~ /~/ && has[1] == "gpu" {print $1 "," has[1] "," has[2], has[3]}`)},
	{"slurm_node_gres_used", "node,gres,type", perNode(`$2 !~ /~/ && has[1] == "gpu" {print $1 "," used[1] "," used[2], used[3]}`)},
	{"slurm_account_jobs_pending", "account", `cut -d"|" -f1 pending` + eachLine},
	{"slurm_account_jobs_running", "account", `cut -d"|" -f1 running` + eachLine},
	{"slurm_account_cpus_running", "account", `awk -F"|" '{print $1, $3}' running` + sumOf},
	{"slurm_account_gpus_running", "account", `awk -F"|" '{print $1, $4}' running` + gpusOf},
	{"slurm_user_jobs_pending", "user", `cut -d"|" -f2 pending` + eachLine},
	{"slurm_user_jobs_running", "user", `cut -d"|" -f2 running` + eachLine},
	{"slurm_user_cpus_running", "user", `awk -F"|" '{print $2, $3}' running` + sumOf},
	{"slurm_user_gpus_running", "user", `awk -F"|" '{print $2, $4}' running` + gpusOf},
	{"slurm_scheduler_queue_size", "", scheduler("", "Agent queue size")},
	{"slurm_scheduler_dbd_queue_size", "", scheduler("", "DBD Agent queue size")},
	{"slurm_scheduler_last_cycle", "", scheduler("Main", "Last cycle")},
	{"slurm_scheduler_mean_cycle", "", scheduler("Main", "Mean cycle")},
	{"slurm_scheduler_cycle_per_minute", "", scheduler("Main", "Cycles per minute")},
	{"slurm_scheduler_backfill_last_cycle", "", scheduler("Backfilling", "Last cycle")},
	{"slurm_scheduler_backfill_mean_cycle", "", scheduler("Backfilling", "Mean cycle")},
	{"slurm_scheduler_backfill_depth_mean", "", scheduler("Backfilling", "Depth Mean")},
	{"slurm_scheduler_backfilled_jobs_since_start_total", "", scheduler("Backfilling", "Total backfilled jobs (since last slurm start)")},
	{"slurm_scheduler_backfilled_jobs_since_cycle_total", "",
		scheduler("Backfilling", "Total backfilled jobs (since last stats cycle start)")},
	{"slurm_scheduler_backfilled_heterogeneous_total", "", scheduler("Backfilling", "Total backfilled heterogeneous job components")},
	{"slurm_scheduler_jobs_submitted", "", scheduler("", "Jobs submitted")},
	{"slurm_scheduler_jobs_started", "", scheduler("", "Jobs started")},
	{"slurm_scheduler_jobs_completed", "", scheduler("", "Jobs completed")},
	{"slurm_scheduler_jobs_canceled", "", scheduler("", "Jobs canceled")},
	{"slurm_scheduler_jobs_failed", "", scheduler("", "Jobs failed")},
	// Of requests those for jobs: looking makes more of the others.
	{"slurm_rpc_stats", "operation", requests("count")},
	{"slurm_rpc_stats_total_time", "operation", requests("total_time")},
	{"slurm_rpc_stats_avg_time", "operation", requests("ave_time")},
	{"slurm_license_total", "license", `scontrol show config | sed -n 's/^Licenses .*= \([a-z]*\):\([0-9]*\)/\1 \2/p'`},
	{"slurm_license_used", "license", `cut -d"|" -f5 running | sed -n 's/:/ /p'` + sumOf},
}

func requests(field string) string {
	return `awk '$1 ~ /^REQUEST_(SUBMIT_BATCH_JOB|CANCEL_JOB|KILL_JOB|UPDATE_JOB)$/ {for (i = 2; i <= NF; i++) if (sub(/^` + field +
		`:/, "", $i)) print $1, $i}' sdiag`
}

// theirsOtherwise are names that these dashboards read and that the head does not serve.
var theirsOtherwise = map[string]string{
	"slurm_nodes_err":                  "Slurm has no state of that name: slurm_nodes_fail and slurm_nodes_down",
	"slurm_nodes_total":                "the sum of slurm_nodes_*, each node in one state",
	"slurm_queue_pending_dependency":   `slurm_queue_pending_reason{reason="dependency"}`,
	"slurm_partition_cpus_allocated":   `slurm_partition_cpus{state="alloc"}, and so with idle, other and total`,
	"slurm_partition_gpus_allocated":   `slurm_partition_gres{gres="gpu",state="alloc"}, by type`,
	"slurm_partition_jobs_pending":     `slurm_partition_jobs{state="pending"}`,
	"slurm_partition_jobs_running":     `slurm_partition_jobs{state="running"}`,
	"slurm_jobs_running":               "slurm_queue_running; Slurm's own metrics have these names with other labels",
	"slurm_user_rpc_stats":             "a series for each user and request",
	"slurm_user_fairshare_norm_usage":  "slurm_user_fairshare is what it comes to",
	"slurm_reservation_node_count":     "slurm_reservation_nodes",
	"slurm_reservation_nodes_alloc":    "sinfo does not tell it for each reservation",
	"slurm_exporter_collector_success": "slurm_command_success, by command",
}

// names: on a cluster that works each name has the value that Slurm's own commands give.
func names(t *testing.T, b *testBed) {
	b = b.in(t)
	gpu := b.submit("-p", "gpu", "--gres", "gpu:2", "--mem", "1000", "-L", "matlab:2", "--wrap", "sleep 3000")
	cpu := b.submit("-p", "queue1", "--array", "1-3%1", "--wrap", "sleep 3000")
	held := b.submit("-p", "queue1", "--hold", "--wrap", "true")
	b.ended("RUNNING", gpu, cpu+"_1")
	script := asked
	for _, row := range theirNames {
		script += "echo '" + row.name + "'; " + row.command + " | sed 's/^/ /'\n"
	}
	all := comparison{"names of other exporters", func() map[string]float64 {
		values, name := map[string]float64{}, ""
		for line := range strings.Lines(b.on("head", "sh", "-c", script)) {
			fields := strings.Fields(line)
			if !strings.HasPrefix(line, " ") {
				name = strings.TrimSpace(line)
				continue
			}
			v, err := strconv.ParseFloat(fields[len(fields)-1], 64)
			if err != nil {
				t.Fatalf("%s: %q", name, line)
			}
			labels := strings.ReplaceAll(strings.Join(fields[:len(fields)-1], " "), "(null)", "")
			values[strings.TrimSpace(name+" "+labels)] += v
		}
		return values
	}, func(n numbers) map[string]float64 {
		values := map[string]float64{}
		for _, row := range theirNames {
			for sample, v := range n {
				if row.labels == "" && sample == row.name {
					values[row.name] = v
				} else if row.labels != "" && strings.HasPrefix(sample, row.name+"{") {
					var labels []string
					for l := range strings.SplitSeq(row.labels, ",") {
						labels = append(labels, label(sample, l))
					}
					if row.name == "slurm_rpc_stats_avg_time" {
						v = math.Trunc(v) // sdiag prints whole microseconds
					}
					if row.labels != "operation" || strings.Contains(requests(""), strings.TrimPrefix(labels[0], "REQUEST_")) {
						values[strings.TrimSpace(row.name+" "+strings.Join(labels, ","))] = v
					}
				}
			}
		}
		return values
	}}
	b.agree(all, b.nodes(), b.jobs())
	want := all.ask()
	for _, must := range []string{"slurm_cpus_alloc", "slurm_gpus_alloc", "slurm_user_gpus_running root", "slurm_account_jobs_running",
		"slurm_license_used matlab", "slurm_rpc_stats REQUEST_SUBMIT_BATCH_JOB", "slurm_scheduler_mean_cycle"} {
		if want[must] <= 0 {
			t.Errorf("%s is %v by Slurm's commands: it proves nothing (%v)", must, want[must], want)
		}
	}
	page := b.page()
	if n := page["slurm_scheduler_threads"]; n < 1 { // it is another number at each look: no value to compare with
		t.Errorf("slurmctld has %v threads", n)
	}
	for _, name := range slices.Sorted(maps.Keys(theirsOtherwise)) {
		for sample := range page {
			if got, _, _ := strings.Cut(sample, "{"); got == name {
				t.Errorf("%s is there, and this table says that it is not: %s", name, theirsOtherwise[name])
			}
		}
	}
	b.cancelArray(cpu)
	b.on("head", "scancel", gpu, held)
}

// difference is what two sets of numbers do not share.
func difference(got, want map[string]float64) string {
	var all []string
	for key := range maps.Keys(want) {
		if got[key] != want[key] {
			all = append(all, fmt.Sprintf("%s: %v, Slurm says %v", key, got[key], want[key]))
		}
	}
	for key := range maps.Keys(got) {
		if _, is := want[key]; !is {
			all = append(all, fmt.Sprintf("%s: %v, Slurm has none", key, got[key]))
		}
	}
	slices.Sort(all)
	return strings.Join(all, "\n")
}
