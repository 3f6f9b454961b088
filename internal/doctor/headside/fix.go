package headside

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/parascope/parascope/internal/doctor"
	"github.com/parascope/parascope/internal/headnode"
)

// Fixes are the repairs for what has failed: all that there are. Units of ours are restarted,
// and no others.
func (e *Env) Fixes(all []doctor.Result) (fixes []doctor.Fix) {
	failed := func(id string) bool {
		return slices.ContainsFunc(all, func(r doctor.Result) bool { return r.ID == id && r.Status == doctor.Failed })
	}
	unit, _ := headnode.ReadFile(e.path(headnode.UnitFile)) // one that cannot be read is not ours
	if id := "head-unit"; failed(id) || failed("head-running") {
		if !failed(id) {
			id = "head-running"
		}
		if headnode.IsOurs(unit) {
			fixes = append(fixes, e.restart(id, "prometheus.service"))
		}
	}
	node, _ := headnode.ReadFile(e.path("etc/systemd/system/parascope-node.service"))
	if failed("node-program") && bytes.Contains(node, []byte("parascope-node")) {
		fixes = append(fixes, e.restart("node-program", "parascope-node.service"))
	}
	return fixes
}

func (e *Env) restart(check, unit string) doctor.Fix {
	do := func(ctx context.Context) error {
		systemctl, err := e.LookPath("systemctl")
		if err != nil {
			return err
		}
		if _, err := run(ctx, systemctl, "restart", unit); err != nil {
			return fmt.Errorf("could not restart %s: %w; 'journalctl -u %s' shows the reason", unit, err, unit)
		}
		return nil
	}
	return doctor.Fix{Check: check, What: "systemctl restart " + unit, Undo: "'systemctl stop " + unit + "'", Do: do}
}
