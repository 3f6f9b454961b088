package headside

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/parascope/parascope/internal/doctor"
	"github.com/parascope/parascope/internal/headnode"
)

// checkUnit asks systemd for prometheus.service, where there is a systemd.
func checkUnit(ctx context.Context, e *Env) Finding {
	if _, err := os.Stat(e.path("run/systemd/system")); err != nil {
		return doctor.Skip("systemd does not run here")
	}
	systemctl, err := e.LookPath("systemctl")
	if err != nil {
		return doctor.Skip("there is no systemctl")
	}
	out, _ := run(ctx, systemctl, "is-active", "prometheus.service") // it exits with 3 where the unit is not active
	state := strings.TrimSpace(string(out))
	if state != "active" {
		if _, err := os.Stat(e.path(headnode.UnitFile)); err != nil {
			return doctor.Fault("there is no "+e.path(headnode.UnitFile),
				"'sudo parascope-head setup' writes it; 'parascope cluster attach' has nodes do it by themselves")
		}
		return doctor.Fault(fmt.Sprintf("prometheus.service is %s", state),
			"'sudo systemctl restart prometheus', or 'sudo parascope-head doctor --fix'; 'journalctl -u prometheus' says why")
	}
	return doctor.Good("active")
}
