// Package rules holds the alerts and recording rules that run in an AMP workspace, as
// values: one file for each group, in a literal list. Names and labels of metrics are those
// of docs/metrics.md, docs/metrics-slurm.md and docs/delivery.md.
package rules

import (
	"bytes"
	"fmt"
	"time"

	"go.yaml.in/yaml/v3"
)

// Severity is the label severity of an alert, by which it is routed.
type Severity string

// Severities.
const (
	Page Severity = "page" // somebody has to act now
	Warn Severity = "warn" // somebody has to look, within a day
)

// pages is where an alert's page is; its name follows, and .md.
const pages = "https://github.com/parascope/parascope/blob/main/docs/alerts/"

// Alert is an alerting rule. Its page is docs/alerts/NAME.md.
type Alert struct {
	Name     string
	Severity Severity
	For      time.Duration // how long the expression must have results
	Expr     string        // PromQL; its results have the label cluster
	PerNode  bool          // results have the label node: above many nodes of a cluster one alert stands for all
	Summary  string        // what is wrong, with the labels that matter and the value: a template of Prometheus
}

// Record is a recording rule.
type Record struct {
	Name string
	Expr string
}

// Group is a rule group, which is evaluated as a whole, in order.
type Group struct {
	Name    string
	Every   time.Duration
	Records []Record // before the alerts
	Alerts  []Alert
}

// Groups are all groups.
func Groups() []Group {
	return []Group{node, limits, efa, gpu, gpuIdle, slurm, parallelCluster, pipeline, head}
}

// every is the interval of a group whose metrics are scraped each 30 or 60 s.
const every = time.Minute

// newCounts is what counters of a job counted in 15 minutes, by labels. It sees those that
// began to exist while the job was scraped, too: they have no series before their first event.
func newCounts(job, metric, by string) string {
	return `sum by (` + by + `) (
  increase(` + metric + `[15m]) != 0
  or (` + metric + ` unless ` + metric + ` offset 15m) and on (cluster) (up{job="` + job + `"} offset 15m == 1)
) > 0`
}

// file is a rule file as Prometheus reads it.
type file struct {
	Groups []fileGroup `yaml:"groups"`
}

type fileGroup struct {
	Name     string     `yaml:"name"`
	Interval string     `yaml:"interval"`
	Rules    []fileRule `yaml:"rules"`
}

type fileRule struct {
	Record      string            `yaml:"record,omitempty"`
	Alert       string            `yaml:"alert,omitempty"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for,omitempty"`
	Labels      map[string]string `yaml:"labels,omitempty"`
	Annotations map[string]string `yaml:"annotations,omitempty"`
}

// nodesOf is the expression and the summary of an alert of nodes: many nodes of a cluster
// with it have one alert, without the label node, whose value is their number.
func nodesOf(a Alert) (expr, summary string) {
	if !a.PerNode {
		return a.Expr, a.Summary
	}
	nodes := "count by (cluster) (group by (cluster, node) (\n" + a.Expr + "\n)) > " + many
	return "(\n" + a.Expr + "\n) unless on (cluster) " + nodes + "\nor " + nodes,
		`{{ if $labels.node }}` + a.Summary + `{{ else }}{{ $value }} nodes of cluster {{ $labels.cluster }} have this alert.{{ end }}`
}

// File is the text of a rule file with the groups: what a rule groups namespace of AMP holds
// and what Prometheus reads.
func File(groups []Group) ([]byte, error) {
	var f file
	for _, g := range groups {
		out := fileGroup{Name: g.Name, Interval: seconds(g.Every)}
		for _, r := range g.Records {
			out.Rules = append(out.Rules, fileRule{Record: r.Name, Expr: r.Expr})
		}
		for _, a := range g.Alerts {
			expr, summary := nodesOf(a)
			rule := fileRule{
				Alert: a.Name, Expr: expr, Labels: map[string]string{"severity": string(a.Severity)},
				Annotations: map[string]string{"summary": summary, "runbook_url": pages + a.Name + ".md"},
			}
			if a.For > 0 {
				rule.For = seconds(a.For)
			}
			out.Rules = append(out.Rules, rule)
		}
		f.Groups = append(f.Groups, out)
	}
	var b bytes.Buffer
	b.WriteString("# Written by parascope, which overwrites this namespace: put your own rules into another namespace.\n")
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(f); err != nil {
		return nil, fmt.Errorf("could not write the rule file: %w", err)
	}
	return b.Bytes(), e.Close()
}

func seconds(d time.Duration) string { return fmt.Sprintf("%ds", int(d.Seconds())) }
