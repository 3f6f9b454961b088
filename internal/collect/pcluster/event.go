// Package pcluster turns what ParallelCluster's programs write on the head node into
// metrics: launches that failed, nodes that did not start, health checks, the state of
// the compute fleet and the heartbeat of clustermgtd.
package pcluster

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/parascope/parascope/internal/slurm"
)

// event is a line of ParallelCluster's *.events files. Fields that are not read are ignored:
// versions add some.
type event struct {
	Type    string `json:"event-type"`
	Level   string `json:"level"`
	Compute struct {
		Name     string `json:"name"`
		Queue    string `json:"queue-name"`
		Resource string `json:"compute-resource"`
	} `json:"compute"`
	Detail struct {
		FailureType     string             `json:"failure-type"`
		HealthCheckType string             `json:"health-check-type"` // older versions of nodes-failing-health-check-count
		Count           float64            `json:"count"`
		Nodes           []named            `json:"nodes"`
		ErrorDetails    map[string]details `json:"error-details"`
		HealthCheck     string             `json:"health-check-name"`
		Result          *float64           `json:"health-check-result"`
		Action          string             `json:"action"`
		Stage           string             `json:"stage"`
		Failures        []struct {
			Cookbook string `json:"cookbook-name"`
			Recipe   string `json:"recipe-name"`
		} `json:"failures"`
	} `json:"detail"`
}

type named struct {
	Name string `json:"name"`
}

type details struct {
	Count float64 `json:"count"`
	Nodes []named `json:"nodes"`
}

// count is an increment of one counter.
type count struct {
	family string // a key of Families
	labels [4]string
	by     float64
}

const (
	maxCount    = 1e6 // of nodes in one event; more is not believed
	maxFailures = 20  // of recipes in one event
)

// readEvent returns what an event counts; nothing for events that are not counted.
func readEvent(line []byte) ([]count, error) {
	var e event
	if err := json.Unmarshal(line, &e); err != nil {
		return nil, fmt.Errorf("the line is not a JSON object: %w", err)
	}
	if e.Type == "" {
		return nil, fmt.Errorf("the line has no event-type")
	}
	d := &e.Detail
	switch e.Type {
	case "node-launch-failure-count":
		var all []count
		for code, x := range d.ErrorDetails {
			all = append(all, byResource(launchFailures, x.Nodes, x.Count, d.FailureType, code)...)
		}
		if len(all) == 0 {
			all = byResource(launchFailures, d.Nodes, d.Count, d.FailureType, "")
		}
		return all, nil
	case "protected-mode-error-count":
		return byResource(bootstrapFailures, d.Nodes, d.Count, d.FailureType), nil
	case "nodes-failing-health-check-count":
		check := d.FailureType
		if check == "" {
			check = d.HealthCheckType
		}
		return byResource(healthFailures, d.Nodes, d.Count, check), nil
	case "invalid-backing-instance-count":
		return byResource(lostInstances, d.Nodes, d.Count), nil
	case "node-not-responding-down-count":
		return byResource(notResponding, d.Nodes, d.Count), nil
	case "compute-node-health-check":
		result := "ok"
		if d.Result == nil || *d.Result != 0 {
			result = "failed"
		}
		return e.ofItsNode(nodeChecks, d.HealthCheck, result), nil
	case "compute-node-health-check-exception":
		return e.ofItsNode(nodeChecks, d.HealthCheck, "error"), nil
	case "chef-recipe-exception":
		var all []count
		for _, f := range d.Failures {
			all = append(all, e.ofItsNode(recipeFailures, f.Cookbook, f.Recipe)...)
			if len(all) == maxFailures {
				break
			}
		}
		return all, nil
	case "custom-action-error":
		return e.ofItsNode(actionFailures, d.Action, d.Stage), nil
	}
	return nil, nil
}

// ofItsNode counts the event for the node that wrote it, which names its queue and compute resource.
func (e *event) ofItsNode(family string, labels ...string) []count {
	c := count{family: family, labels: [4]string{e.Compute.Queue, e.Compute.Resource}, by: 1}
	if e.Compute.Queue == "" {
		c.labels[0], c.labels[1] = slurm.SplitNodeName(strings.TrimSpace(e.Compute.Name))
	}
	copy(c.labels[2:], labels)
	return []count{c}
}

// byResource counts nodes by queue and compute resource, which go before the other labels.
// An event that names fewer nodes than it counts has the rest without a queue.
func byResource(family string, nodes []named, total float64, labels ...string) []count {
	if total < 0 || total > maxCount || total != total {
		return nil
	}
	var all []count
	add := func(queue, resource string, by float64) {
		c := count{family: family, by: by}
		c.labels[0], c.labels[1] = queue, resource
		copy(c.labels[2:], labels)
		all = append(all, c)
	}
	left := total
	for _, n := range nodes {
		if left < 1 {
			break
		}
		left--
		queue, resource := slurm.SplitNodeName(strings.TrimSpace(n.Name))
		add(queue, resource, 1)
	}
	if left > 0 {
		add("", "", left)
	}
	return all
}
