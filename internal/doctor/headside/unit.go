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
		return doctor.Skip("systemd is not running on this machine")
	}
	systemctl, err := e.LookPath("systemctl")
	if err != nil {
		return doctor.Skip("systemctl was not found")
	}
	out, _ := run(ctx, systemctl, "is-active", "prometheus.service") // it exits with 3 where the unit is not active
	state := strings.TrimSpace(string(out))
	if state != "active" {
		if _, err := os.Stat(e.path(headnode.UnitFile)); err != nil {
			return doctor.Fault("there is no "+e.path(headnode.UnitFile),
				"'sudo parascope-head setup' writes it; on clusters attached with 'parascope cluster attach' this is automatic")
		}
		return doctor.Fault(fmt.Sprintf("prometheus.service is %s", state),
			"'sudo systemctl restart prometheus', or 'sudo parascope-head doctor --fix'; 'journalctl -u prometheus' says why")
	}
	return doctor.Good("active")
}
