// Package status says what there is of a cluster: its nodes by state, which of them are scraped
// and since when, and why the others are not. What is measured comes from the cluster's own
// series in Amazon Managed Service for Prometheus, what runs from EC2.
package status

import (
	"cmp"
	"context"
	"fmt"
	"sort"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/parascope/parascope/internal/amp"
	"github.com/parascope/parascope/internal/cluster/lookup"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/stack"
)

// Window is how far back Look asks since when a node is scraped, and Step how exactly.
const (
	Window = 6 * time.Hour
	Step   = time.Minute
)

// booting is how long an instance may take until its slurmd registers: ParallelCluster's own limit.
const booting = 30 * time.Minute

// Status is what there is of a cluster. What could not be asked is in Unknown, with the reason,
// and is neither good nor bad.
type Status struct {
	Cluster    lookup.Cluster    `json:"cluster"`
	LastSample *time.Time        `json:"lastSample,omitempty"` // the newest of the last hour; nil: there is none
	States     map[string]int    `json:"states"`               // Slurm's nodes by state, at the last snapshot
	Slurm      string            `json:"slurm,omitempty"`      // why States may be old or missing
	Nodes      []Node            `json:"nodes"`                // that have an instance, those that are not scraped first
	Unknown    map[string]string `json:"unknown,omitempty"`
	Next       []string          `json:"next"` // commands
}

// Node is a node that has an instance, or an instance of which no node is known.
type Node struct {
	Name      string     `json:"name,omitempty"` // Slurm's, or the host's; "": it has told nobody
	Type      string     `json:"type"`           // head, compute or login
	Queue     string     `json:"queue,omitempty"`
	State     string     `json:"state,omitempty"` // Slurm's; of head and login nodes EC2's
	Instance  string     `json:"instance,omitempty"`
	Address   string     `json:"address,omitempty"`
	Launched  *time.Time `json:"launched,omitempty"`
	Scraped   bool       `json:"scraped"`
	Since     *time.Time `json:"since,omitempty"`     // without a gap, to the minute
	Longer    bool       `json:"longer,omitempty"`    // Since is where the window begins
	Why       string     `json:"why,omitempty"`       // it is not scraped
	GPUs      bool       `json:"gpus,omitempty"`      // its GPUs are scraped
	Installed string     `json:"installed,omitempty"` // version of what the install script installed, and what is wrong with it
}

// Options are what Look asks about.
type Options struct {
	Stack string // the infrastructure stack, whose workspace has the cluster's series
	Up    string // the command that creates it, for errors
	Now   func() time.Time
}

// Look asks about a cluster that exists. A stack without a workspace is an error with exit
// code NotFound.
func Look(ctx context.Context, cfg aws.Config, c lookup.Cluster, o Options) (Status, error) {
	s := Status{Cluster: c, States: map[string]int{}, Nodes: []Node{}, Unknown: map[string]string{}}
	state, err := stack.New(cfg, o.Stack).Describe(ctx)
	if err != nil {
		return s, err
	}
	endpoint := state.Outputs["AMPPrometheusEndpoint"]
	if endpoint == "" && state.Exists() {
		return s, hint.New(hint.NotFound, fmt.Errorf("stack %s in %s has no Prometheus workspace to query", o.Stack, cfg.Region),
			"deploy it: '"+o.Up+" --parameter MonitoringType=amp-only', or amp+amg with Grafana")
	}
	if endpoint == "" {
		return s, hint.New(hint.NotFound, fmt.Errorf("there is no stack %s in %s", o.Stack, cfg.Region),
			"'"+o.Up+"' creates the stack; --stack and --region select another one")
	}
	instances, err := askInstances(ctx, cfg, c.Name)
	if err != nil {
		s.Unknown["instances"] = err.Error()
	}
	var m measured
	client, err := amp.NewQueryClient(cfg, endpoint)
	if err == nil {
		m, err = askMeasured(ctx, client, c.Name, o.Now())
	}
	if err != nil {
		s.Unknown["metrics"] = err.Error()
	}
	if ctx.Err() != nil {
		return s, ctx.Err()
	}
	s.fill(instances, m, o.Now())
	s.Next = next(&s, cfg.Region)
	return s, nil
}

// fill puts together what EC2 and the workspace said.
func (s *Status) fill(instances []instance, m measured, now time.Time) {
	s.States, s.Slurm = m.states, m.slurm()
	if !m.last.IsZero() {
		s.LastSample = &m.last
	}
	byInstance := map[string]string{}
	for name, id := range m.instances {
		byInstance[id] = name
	}
	all := map[string]*Node{}
	var nameless []Node
	for _, i := range instances {
		n := Node{Name: cmp.Or(byInstance[i.id], m.nodeOf(i)), Type: i.kind, Queue: i.queue, Instance: i.id,
			Address: i.address, Launched: &i.launched}
		if n.Type != "compute" {
			n.State = i.state
		}
		if n.Name == "" {
			n.Why = why(nil, &i, s.Unknown, m, now)
			nameless = append(nameless, n)
			continue
		}
		all[n.Name] = &n
	}
	for _, name := range m.names() {
		n := all[name]
		if n == nil {
			if m.up[name].value == 0 && m.state[name] == "" {
				continue // a target of the head that is not a node
			}
			n = &Node{Name: name, Type: cmp.Or(m.up[name].kind, "compute"), Queue: m.up[name].queue}
			all[name] = n
		}
		if n.State = cmp.Or(m.state[name], n.State); n.Queue == "" {
			n.Queue = m.up[name].queue
		}
		n.GPUs, n.Installed = m.gpus[name], m.installed[name]
	}
	for _, n := range all {
		if up, is := m.up[n.Name]; is && up.value == 1 {
			n.Scraped, n.Longer = true, up.longer
			n.Since = &up.since
		} else {
			n.Why = why(n, nil, s.Unknown, m, now)
		}
		s.Nodes = append(s.Nodes, *n)
	}
	s.Nodes = append(s.Nodes, nameless...)
	order := map[string]int{"head": 0, "login": 1, "compute": 2}
	sort.Slice(s.Nodes, func(i, j int) bool { // slices.SortFunc of such a large type adds 20 KB to the program
		a, b := &s.Nodes[i], &s.Nodes[j]
		return cmp.Or(cmp.Compare(boolToInt(a.Scraped), boolToInt(b.Scraped)), cmp.Compare(order[a.Type], order[b.Type]),
			strings.Compare(a.Name, b.Name), strings.Compare(a.Instance, b.Instance)) < 0
	})
}

func boolToInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
