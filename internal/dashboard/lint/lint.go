// Package lint finds what is wrong with queries of Grafana dashboards and of rule files
// before somebody looks at an empty panel: metrics and labels that there are none of, and
// formulas that give a wrong number.
package lint

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Kind is what is wrong.
type Kind string

// Kinds of findings.
const (
	Unreadable    Kind = "unreadable"     // the query does not parse
	UnknownMetric Kind = "unknown-metric" // the panel will be empty
	UnknownLabel  Kind = "unknown-label"  // the panel will be empty, or the label too
	RateOfGauge   Kind = "rate-of-gauge"  // the number means nothing
	Division      Kind = "division"       // by what may be 0: the panel shows NaN or +Inf
	CPULabel      Kind = "cpu-label"      // counts CPUs by a label that has one value
	NoCluster     Kind = "no-cluster"     // mixes clusters
	NoUnit        Kind = "no-unit"
	NoDescription Kind = "no-description"
	OldPanel      Kind = "old-panel" // a type that Grafana 12 does not draw
)

// Finding is one thing that is wrong.
type Finding struct {
	Where string `json:"where"` // the panel's title and the query's letter, or the rule's name
	Kind  Kind   `json:"kind"`
	What  string `json:"what"` // and why it matters
	Next  string `json:"next"` // what to write
}

// maxFile bounds the size of a file, in bytes.
const maxFile = 8 << 20

// File finds what is wrong in a dashboard's JSON or in a YAML file of rules. An error says
// why the content is neither.
func File(content []byte, known Catalog) ([]Finding, error) {
	if len(content) > maxFile {
		return nil, fmt.Errorf("the file has more than %d MB", maxFile>>20)
	}
	if text := strings.TrimSpace(string(content)); strings.HasPrefix(text, "{") {
		return dashboardFile(content, known)
	}
	return ruleFile(content, known)
}

// panel is what a finding needs of a panel.
type panel struct {
	Type, Title, Description string
	Targets                  []struct {
		RefID string
		Expr  any
	}
	FieldConfig struct {
		Defaults  struct{ Unit string }
		Overrides []struct{ Properties []struct{ ID string } }
	}
	YAxes  []struct{ Format string } // of the old graph
	Format string                    // of the old single value
	Panels []panel                   // of a collapsed row
}

func dashboardFile(content []byte, known Catalog) ([]Finding, error) {
	var model struct {
		Panels    []panel
		Rows      []struct{ Panels []panel } // before Grafana 5
		Dashboard *struct{ Panels []panel }  // as Grafana's API has it
		Elements  json.RawMessage            // schema v2
	}
	if err := json.Unmarshal(content, &model); err != nil {
		return nil, fmt.Errorf("could not read the dashboard: %w", err)
	}
	panels := model.Panels
	for _, r := range model.Rows {
		panels = append(panels, r.Panels...)
	}
	if model.Dashboard != nil {
		panels = append(panels, model.Dashboard.Panels...)
	}
	if len(panels) == 0 && model.Elements != nil {
		return nil, errors.New("the dashboard has Grafana's schema v2; export it as \"Classic\"")
	}
	if len(panels) == 0 {
		return nil, errors.New("no panels: this is not a dashboard")
	}
	var found []Finding
	for i := range panels {
		found = append(found, panels[i].lint(known)...)
	}
	return found, nil
}

var oldPanels = map[string]string{"graph": "timeseries", "singlestat": "stat", "table-old": "table", "grafana-piechart-panel": "piechart",
	"grafana-worldmap-panel": "geomap", "heatmap-old": "heatmap"}

func (p *panel) lint(known Catalog) (found []Finding) {
	for i := range p.Panels {
		found = append(found, p.Panels[i].lint(known)...)
	}
	if now := oldPanels[p.Type]; now != "" {
		found = append(found, Finding{p.Title, OldPanel, "Grafana 12 does not draw panels of the type " + p.Type, "make it a " + now})
	}
	queries := 0
	for _, t := range p.Targets {
		expr, ok := t.Expr.(string)
		if !ok || strings.TrimSpace(expr) == "" {
			continue // of another data source
		}
		queries++
		found = append(found, Expr(strings.TrimSpace(p.Title+" "+t.RefID), expr, known)...)
	}
	if queries == 0 {
		return found
	}
	if !p.hasUnit() {
		found = append(found, Finding{p.Title, NoUnit, "the panel has no unit", "set the panel's unit"})
	}
	if p.Description == "" {
		found = append(found, Finding{p.Title, NoDescription, "the panel has no description", "write a description"})
	}
	return found
}

func (p *panel) hasUnit() bool {
	for _, o := range p.FieldConfig.Overrides {
		for _, property := range o.Properties {
			if property.ID == "unit" {
				return true
			}
		}
	}
	return p.FieldConfig.Defaults.Unit != "" || p.Format != "" || len(p.YAxes) > 0 && p.YAxes[0].Format != ""
}

func ruleFile(content []byte, known Catalog) ([]Finding, error) {
	var file struct {
		Groups []struct {
			Rules []struct{ Alert, Record, Expr string }
		}
	}
	if err := yaml.Unmarshal(content, &file); err != nil {
		return nil, fmt.Errorf("neither a dashboard's JSON nor a YAML file of rules: %w", err)
	}
	if len(file.Groups) == 0 {
		return nil, errors.New("no groups: the file is neither a dashboard nor a rule file")
	}
	recorded := Catalog{}
	for name, m := range known {
		recorded[name] = m
	}
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			if r.Record != "" {
				recorded[r.Record] = Metric{Type: "recorded"}
			}
		}
	}
	var found []Finding
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			found = append(found, Expr(r.Alert+r.Record, r.Expr, recorded)...)
		}
	}
	return found, nil
}
