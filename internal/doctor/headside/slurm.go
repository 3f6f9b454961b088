package headside

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/parascope/parascope/internal/doctor"
)

const noSlurm = "the head does not export Slurm metrics, because it did not find scontrol"

// valueOf is the value of a metric without labels on a page.
func valueOf(page []byte, metric string) (float64, bool) {
	for line := range strings.Lines(string(page)) {
		if rest, ok := strings.CutPrefix(line, metric+" "); ok {
			v, err := strconv.ParseFloat(strings.TrimSpace(rest), 64)
			return v, err == nil
		}
	}
	return 0, false
}

// checkSlurm reads the head's page of Slurm.
func checkSlurm(ctx context.Context, e *Env) Finding {
	page, err := e.page(ctx, "/slurm/metrics")
	if errors.Is(err, errNoPage) {
		if e.facts.Cluster != "" {
			return doctor.Fault(noSlurm, "run 'ls "+e.SlurmBin+"'; --slurm.bin-dir of the head sets another directory")
		}
		return doctor.Skip(noSlurm)
	}
	if err != nil {
		return doctor.Unasked(err)
	}
	if up, there := valueOf(page, "slurm_controller_up"); !there {
		return doctor.Unsure("the metric slurm_controller_up is missing", "run the command again in a minute")
	} else if up == 0 {
		return doctor.Fault("slurmctld does not answer the head's commands",
			"run '"+e.SlurmBin+"/scontrol ping', 'systemctl status slurmctld', and see /var/log/slurmctld.log")
	}
	if age, there := valueOf(page, "slurm_snapshot_age_seconds"); there && age > 600 {
		return doctor.Fault(fmt.Sprintf("the Slurm data is %s old: a command hangs or fails", time.Duration(age)*time.Second),
			"run 'time "+e.SlurmBin+"/scontrol show nodes', and 'journalctl -u prometheus'")
	}
	return doctor.Good("")
}

// checkClustermgtd reads the heartbeat from the head's page of ParallelCluster.
func checkClustermgtd(ctx context.Context, e *Env) Finding {
	page, err := e.page(ctx, "/parallelcluster/metrics")
	if errors.Is(err, errNoPage) {
		return doctor.Skip(noSlurm)
	}
	if err != nil {
		return doctor.Unasked(err)
	}
	at, there := valueOf(page, "parallelcluster_clustermgtd_heartbeat_timestamp_seconds")
	if !there {
		return doctor.Unsure("the heartbeat could not be read", "run 'ls /opt/slurm/etc/pcluster/.slurm_plugin'")
	}
	age := e.Now().Sub(time.UnixMilli(int64(at * 1000))).Round(time.Second)
	if age > 4*time.Minute {
		return doctor.Fault(fmt.Sprintf("the last heartbeat was %s ago; after 10 minutes compute nodes terminate themselves, which ends "+
			"their jobs", age),
			"check /var/log/parallelcluster/clustermgtd, and run supervisorctl in ParallelCluster's cookbook environment")
	}
	return doctor.Good(fmt.Sprintf("%s ago", age))
}
