package slurm

import (
	"context"
	"os"
	"time"
)

// FollowGrowth calls grown when one of the files has become longer or was replaced. It
// looks every second, until ctx ends. ParallelCluster's programs write to
// slurm_resume.log and slurm_suspend.log when nodes are about to come or go.
func FollowGrowth(ctx context.Context, grown func(), files ...string) {
	seen := make([]os.FileInfo, len(files))
	for i, name := range files {
		seen[i], _ = os.Stat(name) // nil until it exists
	}
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		for i, name := range files {
			now, err := os.Stat(name)
			if err != nil {
				continue
			}
			if seen[i] == nil || !os.SameFile(seen[i], now) || now.Size() > seen[i].Size() {
				grown()
			}
			seen[i] = now
		}
	}
}
