package cluster

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/parascope/parascope/internal/cluster/document"
	"github.com/parascope/parascope/internal/cluster/environment"
	"github.com/parascope/parascope/internal/cluster/limits"
	"github.com/parascope/parascope/internal/cluster/lookup"
	"github.com/parascope/parascope/internal/cluster/words"
	"github.com/parascope/parascope/internal/hint"
)

// Plan is what attach or detach does to a configuration, and what that means for the
// cluster. It is values: a command prints it.
type Plan struct {
	Cluster lookup.Cluster `json:"cluster"`
	File    string         `json:"file"`
	Part    Part           `json:"part"`
	Changes []Change       `json:"changes"`
	// Notes say what ParallelCluster does when it takes the changes.
	Notes []string `json:"notes"`
	// ByHand is what a person has to do beside them.
	ByHand []string `json:"byHand"`
	// Next are command lines, in their order.
	Next []string `json:"next"`
	// Text is the patched configuration.
	Text []byte `json:"-"`
	// Pending is a plan without changes that Next follows all the same: the policies are there, the scripts are not.
	Pending bool `json:"-"`

	roles    int    // that ParallelCluster makes for the nodes; -1: somewhere else
	policies string // the commands that give these roles the policies
	types    []instanceType
}

// Request is what a person asks of attach.
type Request struct {
	File    string // its name, in errors
	Result  string // name of the file that is written, in commands; "": File
	Text    []byte
	Cluster lookup.Cluster
	Part    Part // "": All for a cluster that does not exist, else Policies
	Drain   bool // write QueueUpdateStrategy: DRAIN where a running cluster's queues need a strategy
	// Again are the flags that the next call of the command needs: " --region eu-west-1".
	Again string
	// ForTemplate is a configuration that is going to stand in a template.
	ForTemplate bool
	// Deployed is what a running cluster has; nil where that is not known.
	Deployed *lookup.Deployed
}

// PlanAttach decides which hooks each kind of node gets, and patches the configuration.
func PlanAttach(r Request, s Source) (Plan, error) {
	p := Plan{Cluster: r.Cluster, File: r.File, Part: r.part(All, Policies), Notes: []string{}, ByHand: []string{}, Next: []string{}}
	if lookup.OlderThan(r.Cluster.Version, 3, 6) {
		return p, hint.New(hint.BadInput, fmt.Errorf("cluster %s has ParallelCluster %s; a Sequence of scripts requires 3.6", r.Cluster.Name,
			r.Cluster.Version),
			"create the cluster again with a newer version")
	}
	want := Want{Script: s.Script, HeadPolicies: s.HeadPolicies, NodePolicies: s.NodePolicies, Part: p.Part, Deployed: r.Deployed,
		Drain: r.Drain && r.Cluster.Exists,
		Hooks: map[Kind]string{Head: OnNodeConfigured, Login: OnNodeConfigured, Queue: OnNodeConfigured}}
	if r.Cluster.Exists {
		want.Hooks[Head], want.Hooks[Login] = OnNodeUpdated, OnNodeUpdated
	}
	if lookup.OlderThan(r.Cluster.Version, 3, 11) {
		want.Hooks[Login] = ""
		p.Notes = append(p.Notes, "login nodes do not get the script: CustomActions of login pools require ParallelCluster 3.11, but "+
			"the cluster has "+r.Cluster.Version)
	}
	patched, err := Attach(r.File, r.Text, want)
	if err != nil {
		return p, err
	}
	if err := r.hasPolicies(want); err != nil {
		return p, err
	}
	if err := r.fits(patched); err != nil {
		return p, err
	}
	if p.Notes, err = r.limits(p.Notes, patched.of, s.Region); err != nil {
		return p, err
	}
	p.take(patched)
	if r.Cluster.Exists {
		p.explainUpdate(patched, s.Script)
	} else if r.Cluster.Version == "" {
		p.Notes = append(p.Notes, "a Sequence of scripts requires ParallelCluster 3.6, and scripts of login pools require 3.11 "+
			"('pcluster version' prints the installed version)")
	}
	p.next(r, s.Region, patched, "attach")
	if r.Cluster.Exists && p.Part == Policies && len(p.Changes) == 0 {
		want.Part = Scripts
		scripts, err := Attach(r.File, r.Text, want)
		if p.Pending = len(scripts.Changes) > 0; err != nil || !p.Pending {
			p.Next = []string{}
			return p, err
		}
	}
	return p, nil
}

// hasPolicies refuses scripts alone for a cluster that is created without the policies to read them.
func (r Request) hasPolicies(w Want) error {
	if r.Cluster.Exists || w.Part != Scripts {
		return nil
	}
	w.Part = Policies
	patched, err := Attach(r.File, r.Text, w)
	if err != nil || len(patched.Changes) == 0 {
		return err
	}
	return hint.New(hint.BadInput, fmt.Errorf("%s does not have all policies: %s, %s; nodes of a new cluster could not download the script",
		r.File, patched.Changes[0].Path, patched.Changes[0].What), "'"+r.command("attach", All)+"' writes policies and scripts")
}

// PlanDetach takes out of a configuration what attach added.
func PlanDetach(r Request, region string) (Plan, error) {
	p := Plan{Cluster: r.Cluster, File: r.File, Part: r.part(All, Scripts), Notes: []string{}, ByHand: []string{}, Next: []string{}}
	patched, err := Detach(r.File, r.Text, Without{Running: r.Cluster.Exists, Part: p.Part})
	if err != nil {
		return p, err
	}
	if err := r.fits(patched); err != nil {
		return p, err
	}
	if n := document.Get(patched.of.cluster, "Region"); n != nil && n.ShortTag() == "!!str" && n.Value != "" {
		if err := limits.CompareRegion(r.File, n, region); err != nil {
			return p, err
		}
	}
	p.take(patched)
	if r.Cluster.Exists {
		p.explainUpdate(patched, "")
		if p.Part == Scripts {
			p.Notes = append(p.Notes, "policies are kept in this update, because nodes that start before the update ends still read the script",
				"the update stops the head; detaching the policies afterwards ends the cluster's alert HeadSilent")
		}
	}
	p.next(r, region, patched, "detach")
	return p, nil
}

// part is the part of this run.
func (r Request) part(fresh, running Part) Part {
	switch {
	case r.Part != "":
		return r.Part
	case r.Cluster.Exists:
		return running
	}
	return fresh
}

// limits are notes about what ParallelCluster may refuse, behind these; what it refuses is an error.
func (r Request) limits(notes []string, d *configuration, region string) ([]string, error) {
	about, err := limits.Region(d.cluster, r.File, region, r.ForTemplate || d.isTemplate())
	if err != nil {
		return nil, err
	}
	os, err := limits.OS(d.cluster, r.File, r.Cluster)
	if err != nil {
		return nil, err
	}
	for _, note := range append(limits.Counts(d.cluster), about, os) {
		if note != "" {
			notes = append(notes, note)
		}
	}
	return notes, nil
}

// fits refuses a file that is not where the cluster's configuration comes from.
func (r Request) fits(patched Patched) error {
	switch {
	case r.Cluster.CustomResource && !patched.Template:
		return hint.New(hint.BadInput, fmt.Errorf("cluster %s was created by a CloudFormation template, and the next update of its "+
			"stack would undo a change of %s", r.Cluster.Name, r.File),
			"give --config the CloudFormation template; parascope patches the cluster's configuration in the template")
	case r.Cluster.Exists && !r.Cluster.CustomResource && patched.Template:
		return hint.New(hint.BadInput, fmt.Errorf("cluster %s was created by pcluster, not by the template %s", r.Cluster.Name, r.File),
			"give --config the cluster's own configuration: 'pcluster describe-cluster' shows its URL")
	}
	return nil
}

func (p *Plan) take(patched Patched) {
	p.Text, p.ByHand, p.roles = patched.Text, append(p.ByHand, patched.ByHand...), patched.Roles
	p.Notes, p.types = append(p.Notes, patched.Notes...), patched.types
	p.Changes = append([]Change{}, patched.Changes...)
	for i := range p.Changes {
		if !p.Cluster.Exists { // nothing is asked of one that is made
			p.Changes[i].Policy, p.Changes[i].Unseen = "", false
		}
	}
}

// explainUpdate says what an update of a cluster with these changes asks and does.
func (p *Plan) explainUpdate(patched Patched, script string) {
	has := func(is func(Change) bool) bool { return slices.ContainsFunc(p.Changes, is) }
	of := func(u UpdatePolicy) bool { return has(func(c Change) bool { return c.Policy == u }) }
	if strings.HasSuffix(p.Cluster.Status, "_IN_PROGRESS") {
		p.ByHand = append(p.ByHand, fmt.Sprintf("wait until the cluster's operation ends: cluster %s is %s", p.Cluster.Name, p.Cluster.Status))
	}
	if of(QueueStrategy) {
		p.explainQueues(patched.Strategy)
	}
	for _, c := range p.Changes {
		if c.Policy == PoolStop {
			pool := strings.TrimSuffix(c.Path, "/Iam/AdditionalIamPolicies")
			p.ByHand = append(p.ByHand, fmt.Sprintf("%s: ParallelCluster changes the policies of a login pool only while the pool has no "+
				"nodes: update the cluster with Count: 0 first, then with these changes and the current Count", pool))
		}
	}
	if script != "" && has(func(c Change) bool { return c.kind == Login && strings.HasSuffix(c.Path, OnNodeUpdated) }) {
		p.Notes = append(p.Notes, "login nodes that start after the update do not run OnNodeUpdated, and are not monitored until the "+
			"next update; "+
			"ParallelCluster refuses to add OnNodeConfigured to an existing pool")
	}
	if script != "" && p.Part != Policies {
		p.Notes = append(p.Notes, "nodes download "+script+" themselves: a node without read permission fails, "+
			"and an update whose script fails is rolled back")
	}
	p.explainSequences(patched.Template)
}

// explainSequences says where ParallelCluster does not notice the changes.
func (p *Plan) explainSequences(template bool) {
	const not = " does not compare the entries of a Sequence (as of version 3.12)"
	who := "pcluster update-cluster"
	if template {
		who = "ParallelCluster"
	}
	all := len(p.Changes) > 0 && !slices.ContainsFunc(p.Changes, func(c Change) bool { return !c.Unseen })
	switch {
	case all && template:
		p.ByHand = append(p.ByHand, who+not+", and the deployment would succeed without an update of the cluster: change another setting "+
			"of the cluster in the same deployment")
	case all:
		p.ByHand = append(p.ByHand, who+not+" and would report 'No changes found': add --force-update true")
	case slices.ContainsFunc(p.Changes, func(c Change) bool { return c.Unseen && c.Policy == QueueStrategy }):
		p.Notes = append(p.Notes, who+not+": running nodes continue without the new script until they are replaced")
	}
}

// explainQueues says what becomes of compute nodes.
func (p *Plan) explainQueues(strategy string) {
	const back = "replacing a node releases its EC2 capacity, which may then be unavailable: check Capacity Blocks, reservations " +
		"and Spot capacity first"
	switch strategy {
	case "DRAIN":
		p.Notes = append(p.Notes, "QueueUpdateStrategy DRAIN: jobs run to completion, then their nodes are replaced; "+back)
	case "TERMINATE":
		p.ByHand = append(p.ByHand, "QueueUpdateStrategy is TERMINATE: this update would end running jobs; set QueueUpdateStrategy to "+
			"DRAIN for this update")
	default:
		p.ByHand = append(p.ByHand, "without QueueUpdateStrategy: DRAIN ParallelCluster takes the queues' scripts "+
			"only when the compute fleet is stopped "+
			"(pcluster update-compute-fleet --status STOP_REQUESTED), which ends running jobs; "+back)
	}
}

// next are the commands that make the changes real.
func (p *Plan) next(r Request, region string, patched Patched, verb string) {
	name := cmpName(r.Cluster.Name)
	file := words.Word(cmp.Or(r.Result, r.File))
	written := r
	written.File = cmp.Or(r.Result, r.File)
	update := func(file string) string {
		if patched.Template {
			return DeployCommand(file, cmp.Or(patched.Stack, "STACK-OF-THE-TEMPLATE"), region, patched.Bucket, len(patched.Text))
		}
		return fmt.Sprintf("pcluster update-cluster --cluster-name %s --cluster-configuration %s --region %s", name, words.Word(file), region)
	}
	p.policies = fmt.Sprintf("'%s', then '%s'", r.command(verb, Policies), update(r.File))
	switch {
	case patched.Template, r.Cluster.Exists:
		p.Next = append(p.Next, update(cmp.Or(r.Result, r.File)))
	case verb == "attach":
		if r.Cluster.Name != "" {
			p.Next = append(p.Next, "source "+environment.FileName(name))
		}
		p.Next = append(p.Next, fmt.Sprintf("pcluster create-cluster --cluster-name %s --cluster-configuration %s --region %s", name,
			file, region))
		return
	default:
		return
	}
	if !r.Cluster.Exists {
		return
	}
	switch {
	case verb == "attach" && p.Part == Policies:
		p.Next = append(p.Next, written.command(verb, Scripts))
	case verb == "detach" && p.Part == Scripts:
		p.Next = append(p.Next, written.command(verb, Policies))
	}
}

// command changes the file.
func (r Request) command(verb string, part Part) string {
	return fmt.Sprintf("parascope cluster %s --config %s --cluster %s%s --part %s --write", verb, words.Word(r.File),
		cmpName(r.Cluster.Name), r.Again, part)
}

// ParsePart reads a part; "" leaves it to the plan.
func ParsePart(s string) (Part, error) {
	switch p := Part(s); p {
	case "", All, Policies, Scripts:
		return p, nil
	}
	return "", hint.New(hint.Usage, fmt.Errorf("unknown value %q of --part", s), "give --part policies, scripts or all")
}

// cmpName is a cluster's name in a command, or a word that stands for it.
func cmpName(name string) string {
	if name == "" {
		return "NAME"
	}
	return name
}
