// Package source describes the dashboards that ship, in Go. It is linked into no
// program: its test writes the JSON files of package dashboard (make gen).
package source

import (
	"encoding/json"
	"fmt"

	grafana "github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// schemaVersion is the newest schema that Grafana 10.4 knows; newer ones migrate it.
const schemaVersion = 39

// Files returns the content of each dashboard file, by its name without ".json".
func Files() (map[string][]byte, error) {
	files := map[string][]byte{}
	for name, builder := range map[string]*grafana.DashboardBuilder{
		"cluster-overview":    clusterOverview(),
		"nodes":               nodes(),
		"node":                node(),
		"gpus":                gpus(),
		"gpu-node":            gpuNode(),
		"job":                 job(),
		"slurm":               slurm(),
		"availability":        availability(),
		"users":               users(),
		"network":             network(),
		"storage":             storage(),
		"aws-parallelcluster": awsParallelCluster(),
		"pipeline":            pipeline(),
	} {
		d, err := builder.Build()
		if err != nil {
			return nil, fmt.Errorf("could not build dashboard %s: %w", name, err)
		}
		d.SchemaVersion = schemaVersion
		enumerate(d.Panels)
		b, err := json.MarshalIndent(d, "", "\t")
		if err != nil {
			return nil, fmt.Errorf("could not encode dashboard %s: %w", name, err)
		}
		files[name] = append(b, '\n')
	}
	return files, nil
}

// enumerate gives every panel and row an id, which links and exports refer to.
func enumerate(panels []grafana.PanelOrRowPanel) {
	for i := range panels {
		id := uint32(i + 1)
		if panels[i].Panel != nil {
			panels[i].Panel.Id = &id
		} else {
			panels[i].RowPanel.Id = id
		}
	}
}
