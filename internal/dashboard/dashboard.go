// Package dashboard holds the dashboards that ship, as Grafana's dashboard JSON.
// Package source describes them in Go; the files in json, and in packed the same
// compressed, are generated from it (make gen): what ships needs no dashboard
// library, and carries the compressed files.
package dashboard

import (
	"bytes"
	"compress/gzip"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
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

//go:embed packed/*.json.gz
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
	content, err := unpack("packed/" + name + ".json.gz")
	if err != nil {
		panic(err) // the file was built in, or the test failed
	}
	return Dashboard{UID: "parascope-" + name, Title: title, JSON: content}
}

func unpack(name string) ([]byte, error) {
	packed, err := files.Open(name)
	if err != nil {
		return nil, err
	}
	r, err := gzip.NewReader(packed)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(r)
	return content, errors.Join(err, r.Close(), packed.Close())
}

// Sources are the data sources of a Grafana workspace.
type Sources struct {
	Plugin     string // the id of the plugin that queries Prometheus
	Prometheus string // uid
	CloudWatch string // uid
}

// For returns the dashboard's model with the data sources in the placeholders' places and
// a tag that says what it is.
func (d Dashboard) For(s Sources) (json.RawMessage, error) {
	var model map[string]any
	decoder := json.NewDecoder(bytes.NewReader(d.JSON))
	decoder.UseNumber()
	if err := decoder.Decode(&model); err != nil {
		return nil, fmt.Errorf("could not read dashboard %s: %w", d.UID, err)
	}
	replace(model, s)
	tags, _ := model["tags"].([]any) // a dashboard without tags gets this one
	mark := Mark{Content: contentOf(model), Source: checksum(s.Plugin + "\x00" + s.Prometheus + "\x00" + s.CloudWatch)}
	model["tags"] = append(tags, mark.tag())
	out, err := json.Marshal(model)
	if err != nil {
		return nil, fmt.Errorf("could not write dashboard %s: %w", d.UID, err)
	}
	return out, nil
}

// inputs are what Grafana's own export writes for a data source.
var inputs = regexp.MustCompile(`^\$\{DS_[^}]*\}$`)

// Fill returns a dashboard's model with the data sources in the placeholders' places, and
// in those that Grafana's own export writes for sources of Prometheus and CloudWatch.
func Fill(model map[string]any, s Sources) (json.RawMessage, error) {
	replace(model, s)
	replaceInputs(model, s)
	return json.Marshal(model)
}

func replaceInputs(node any, s Sources) {
	switch node := node.(type) {
	case map[string]any:
		if uid, ok := node["uid"].(string); ok && inputs.MatchString(uid) {
			switch node["type"] {
			case "prometheus", "grafana-amazonprometheus-datasource":
				node["type"], node["uid"] = s.Plugin, s.Prometheus
			case "cloudwatch":
				node["uid"] = s.CloudWatch
			}
		}
		for _, child := range node {
			replaceInputs(child, s)
		}
	case []any:
		for _, child := range node {
			replaceInputs(child, s)
		}
	}
}

// replace walks a model and fills in the data source references.
func replace(node any, s Sources) {
	switch node := node.(type) {
	case map[string]any:
		switch node["uid"] {
		case Placeholder:
			node["type"], node["uid"] = s.Plugin, s.Prometheus
		case CloudWatchPlaceholder:
			node["uid"] = s.CloudWatch
		}
		for _, child := range node {
			replace(child, s)
		}
	case []any:
		for _, child := range node {
			replace(child, s)
		}
	}
}
