package headside

import (
	"context"
	"io"
	"net/http"
	"strings"

	"github.com/parascope/parascope/internal/doctor"
)

// checkNodeProgram asks the exporter of this node, where it is ParallelCluster's.
func checkNodeProgram(ctx context.Context, e *Env) Finding {
	if e.facts.Cluster == "" {
		return doctor.Skip("this machine is not a ParallelCluster node")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+e.NodeAddress+"/metrics", nil)
	if err != nil {
		return doctor.Unasked(err)
	}
	resp, err := e.HTTP.Do(req)
	if err != nil {
		return doctor.Fault("no program answers on "+e.NodeAddress+": "+err.Error(),
			"'sudo systemctl restart parascope-node', or 'sudo parascope-head doctor --fix'")
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxPage))
	if err != nil || resp.StatusCode != http.StatusOK {
		return doctor.Fault(e.NodeAddress+" answers "+resp.Status, "'journalctl -u parascope-node'")
	}
	for line := range strings.Lines(string(text)) {
		if reason, failed := strings.CutPrefix(line, `parascope_install_failure{reason="`); failed {
			reason, _, _ = strings.Cut(reason, `"`)
			return doctor.Fault("the installation on this node fails: "+reason, "'journalctl -u parascope-install'")
		}
	}
	return doctor.Good("")
}
