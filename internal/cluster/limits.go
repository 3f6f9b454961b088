package cluster

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"go.yaml.in/yaml/v3"

	"github.com/parascope/parascope/internal/awserr"
	"github.com/parascope/parascope/internal/cluster/document"
	"github.com/parascope/parascope/internal/cluster/lookup"
	"github.com/parascope/parascope/internal/cluster/newcluster"
	"github.com/parascope/parascope/internal/cluster/words"
)

// What ParallelCluster does not take, apart from the monitoring. Values that it certainly refuses are errors,
// others are notes.

// isFunction reports whether a value is one of CloudFormation's functions.
func isFunction(n *yaml.Node) bool {
	if n.Kind == yaml.MappingNode {
		return len(n.Content) == 2 && (n.Content[0].Value == "Ref" || strings.HasPrefix(n.Content[0].Value, "Fn::"))
	}
	return strings.HasPrefix(n.Tag, "!") && !strings.HasPrefix(n.Tag, "!!")
}

// ownRegion are the functions that are the region of the template's stack.
var ownRegion = []string{"!Ref AWS::Region", "!Sub ${AWS::Region}"}

var (
	regionPattern      = regexp.MustCompile(`^[a-z]{2,}(-[a-z]+)+-[0-9]+$`)
	placeholderPattern = regexp.MustCompile(`\$\{[^}]*\}|\$\w+|\{\{.*\}\}|^<.*>$`)
)

// checkRegion refuses a Region that is not the stack's, and notes one that cannot be evaluated here.
func (d *configuration) checkRegion(file, region string, inTemplate bool) (note string, err error) {
	n := document.Get(d.cluster, "Region")
	if n == nil {
		return "", nil
	}
	next := "write Region: " + region + ", or remove the line"
	refuse := func(what, next string) (string, error) { return "", document.Wrong(file, n.Line, what, next) }
	switch {
	case isFunction(n) && !inTemplate:
		return refuse("has a function of CloudFormation as Region, which ParallelCluster reads only in templates", next)
	case isFunction(n) && (slices.Contains(ownRegion, n.Tag+" "+n.Value) || document.Get(n, "Ref") != nil &&
		document.Get(n, "Ref").Value == "AWS::Region"):
		return "", nil
	case isFunction(n):
		return fmt.Sprintf("line %d: Region is an expression that cannot be evaluated here: the stack and the install script are in %s, and "+
			"ParallelCluster refuses another region", n.Line, region), nil
	case n.Kind != yaml.ScalarNode || n.ShortTag() != "!!str" && n.ShortTag() != "!!null":
		return refuse("has a Region that is not a text, which ParallelCluster refuses", next)
	case n.Value == "", n.ShortTag() == "!!null":
		return refuse("has an empty Region", next)
	}
	return "", d.compareRegion(file, n, region)
}

// compareRegion is about a Region that is a text.
func (d *configuration) compareRegion(file string, n *yaml.Node, region string) error {
	text, lower := words.Printable(n.Value), strings.ToLower(n.Value)
	switch {
	case n.Value == region:
		return nil
	case placeholderPattern.MatchString(n.Value):
		return document.Wrong(file, n.Line, "has the placeholder "+text+" as Region", "replace the placeholders first, for example with "+
			"'envsubst < "+words.Word(file)+" > NEW-FILE', and give the new file")
	case lower != n.Value && regionPattern.MatchString(lower):
		return document.Wrong(file, n.Line, "has the Region "+text+"; names of regions are in lower case", "write Region: "+lower)
	case !regionPattern.MatchString(n.Value):
		return document.Wrong(file, n.Line, "has the Region "+text+", which is not the name of a region", "write Region: "+region+
			", or remove the line")
	}
	return document.Wrong(file, 0, "is for region "+text+", and the stack is in "+region, "give --region "+words.Word(n.Value)+
		", or remove Region from the file")
}

// checkOS refuses an operating system that the version does not have, and notes what other versions refuse.
func (d *configuration) checkOS(file string, of lookup.Cluster) (note string, err error) {
	n := document.Get(d.cluster, "Image", "Os")
	if n == nil || isFunction(n) || n.Kind != yaml.ScalarNode {
		return "", nil
	}
	note, refused := newcluster.OS(n.Value).Refused(of.Version)
	if refused {
		return "", document.Wrong(file, n.Line, fmt.Sprintf("has the Os %q: %s", words.Printable(n.Value), note),
			"give an OS such as alinux2023, or another version of ParallelCluster")
	}
	if note == newcluster.NeedsAMI && (of.Exists || document.Get(d.cluster, "Image", "CustomAmi") != nil ||
		document.Get(d.cluster, "HeadNode", "Image", "CustomAmi") != nil) {
		return "", nil
	}
	if note != "" {
		note = fmt.Sprintf("line %d: Os %s: %s", n.Line, words.Printable(n.Value), note)
	}
	return note, nil
}

// countNotes are about more queues and compute resources than a cluster may have. Versions before 3.6, which
// took fewer, have no Sequence of scripts.
func (d *configuration) countNotes() (notes []string) {
	queues := document.Get(d.cluster, "Scheduling", "SlurmQueues")
	if queues == nil || queues.Kind != yaml.SequenceNode {
		return nil
	}
	resources := 0
	for _, q := range queues.Content {
		if l := document.Get(document.Follow(q), "ComputeResources"); l != nil && l.Kind == yaml.SequenceNode {
			resources += len(l.Content)
		}
	}
	for _, c := range []struct {
		what string
		n    int
	}{{"queues", len(queues.Content)}, {"compute resources", resources}} {
		if c.n > newcluster.MaxQueues {
			notes = append(notes, fmt.Sprintf("the configuration has %d %s: ParallelCluster refuses more than %d", c.n, c.what,
				newcluster.MaxQueues))
		}
	}
	return notes
}

// instanceType is one that a configuration names.
type instanceType struct {
	path, name string
	line       int
}

// instanceTypes are those of head node, login pools and queues.
func (d *configuration) instanceTypes(all []place) (types []instanceType) {
	add := func(path string, n *yaml.Node) {
		if n != nil && n.Kind == yaml.ScalarNode && n.ShortTag() == "!!str" {
			types = append(types, instanceType{path, n.Value, n.Line})
		}
	}
	for _, at := range all {
		add(at.path, document.Get(at.node, "InstanceType"))
		resources := document.Get(at.node, "ComputeResources")
		if resources == nil || resources.Kind != yaml.SequenceNode {
			continue
		}
		for _, r := range resources.Content {
			add(at.path, document.Get(r, "InstanceType"))
			if instances := document.Get(r, "Instances"); instances != nil && instances.Kind == yaml.SequenceNode {
				for _, i := range instances.Content {
					add(at.path, document.Get(i, "InstanceType"))
				}
			}
		}
	}
	return types
}

// CheckTypes asks EC2 whether the region has the configuration's instance types.
func (p Plan) CheckTypes(ctx context.Context, cfg aws.Config) (notes []string, err error) {
	var names []string
	for _, t := range p.types {
		names = append(names, t.name)
	}
	known, err := newcluster.Types(ctx, cfg, names)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return []string{fmt.Sprintf("not checked: whether %s has the instance types: %s", cfg.Region, awserr.Brief(err))}, nil
	}
	for _, t := range p.types {
		if _, ok := known[t.name]; !ok {
			notes = append(notes, fmt.Sprintf("line %d: %s: %s has no instance type %s, and ParallelCluster refuses it", t.line, t.path, cfg.Region,
				words.Printable(t.name)))
		}
	}
	return notes, nil
}
