package headside

import (
	"context"
	"encoding/json"

	"github.com/parascope/parascope/internal/doctor"
	"github.com/parascope/parascope/internal/doctor/bundle"
	"github.com/parascope/parascope/internal/headnode"
)

// Bundle collects what support asks for first. What cannot be had is in its file's Err.
func (e *Env) Bundle(ctx context.Context, d doctor.Document) []bundle.File {
	results, err := json.MarshalIndent(d, "", "  ")
	files := []bundle.File{{Name: "doctor.json", About: "the results of all checks", Text: string(results), Err: err}}
	for _, f := range []struct{ name, about, path string }{
		{"prometheus.yml", "the head's configuration", e.configFile()},
		{"prometheus.service", "the head's unit", e.path(headnode.UnitFile)},
		{"cfnconfig", "ParallelCluster's description of the node", e.path("etc/parallelcluster/cfnconfig")},
	} {
		text, err := headnode.ReadFile(f.path)
		files = append(files, bundle.File{Name: f.name, About: f.about, Text: string(text), Err: err, Configures: true})
	}
	for _, f := range []struct{ name, about, path string }{
		{"delivery.json", "the delivery status of all samples", "/api/v1/delivery"},
		{"targets.json", "the head's targets", "/api/v1/targets"},
		{"head.metrics", "the head's own metrics", "/metrics"},
		{"slurm.metrics", "the head's metrics of Slurm, with names of users and jobs", "/slurm/metrics"},
	} {
		text, err := e.page(ctx, f.path)
		files = append(files, bundle.File{Name: f.name, About: f.about, Text: string(text), Err: err})
	}
	for _, f := range []struct{ name, about, unit string }{
		{"prometheus.log", "the last 2,000 lines of the head's log", "prometheus"},
		{"parascope-node.log", "the last 2,000 lines of the exporter's log", "parascope-node"},
		{"parascope-install.log", "the last 2,000 lines of the installation's log", "parascope-install"},
	} {
		var text []byte
		journalctl, err := e.LookPath("journalctl")
		if err == nil {
			text, err = run(ctx, journalctl, "--no-pager", "-n", "2000", "-u", f.unit)
		}
		files = append(files, bundle.File{Name: f.name, About: f.about, Text: string(text), Err: err})
	}
	return files
}
