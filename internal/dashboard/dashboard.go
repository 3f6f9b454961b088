// Package dashboard holds the dashboards that ship, as Grafana's dashboard JSON.
// Package source describes them in Go; the files in json are generated from it
// (make gen), so that what ships needs no dashboard library.
package dashboard

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
)

// Dashboard is one that ships.
type Dashboard struct {
	UID   string
	Title string
	JSON  []byte // with Placeholder as data source
}

// Placeholder is the uid that stands for the Prometheus data source in the files.
const Placeholder = "prometheus-of-the-workspace"

// CloudWatchPlaceholder stands for the uid of the CloudWatch data source.
const CloudWatchPlaceholder = "cloudwatch-of-the-workspace"

//go:embed json/*.json
var files embed.FS

// All are the dashboards that ship, in the order of a menu.
func All() []Dashboard {
	return []Dashboard{
		read("cluster-overview", "Cluster overview"),
		read("nodes", "Nodes"),
		read("node", "Node"),
		read("gpus", "GPUs"),
		read("gpu-node", "GPU node"),
		read("job", "Job"),
		read("slurm", "Slurm"),
		read("availability", "Availability"),
		read("users", "Users and accounts"),
		read("network", "Network"),
		read("storage", "Storage"),
		read("aws-parallelcluster", "AWS and ParallelCluster"),
		read("pipeline", "Pipeline"),
	}
}

// read returns the dashboard of a file; a test sees to it that each is there.
func read(name, title string) Dashboard {
	content, err := files.ReadFile("json/" + name + ".json")
	if err != nil {
		panic(err) // the file was built in, or the test failed
	}
	return Dashboard{UID: "parascope-" + name, Title: title, JSON: content}
}

// For returns the dashboard's model with the data source of this plugin id and
// uid in the placeholder's place.
func (d Dashboard) For(plugin, uid string) (json.RawMessage, error) {
	var model any
	decoder := json.NewDecoder(bytes.NewReader(d.JSON))
	decoder.UseNumber()
	if err := decoder.Decode(&model); err != nil {
		return nil, fmt.Errorf("read dashboard %s: %w", d.UID, err)
	}
	replace(model, plugin, uid)
	out, err := json.Marshal(model)
	if err != nil {
		return nil, fmt.Errorf("write dashboard %s: %w", d.UID, err)
	}
	return out, nil
}

// replace walks a model and fills in the data source references.
func replace(node any, plugin, uid string) {
	switch node := node.(type) {
	case map[string]any:
		if node["uid"] == Placeholder {
			node["type"], node["uid"] = plugin, uid
		}
		for _, child := range node {
			replace(child, plugin, uid)
		}
	case []any:
		for _, child := range node {
			replace(child, plugin, uid)
		}
	}
}
