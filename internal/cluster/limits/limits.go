// Package limits is what ParallelCluster does not take in a configuration, apart from the monitoring. Values that
// it certainly refuses are errors, others are notes.
package limits

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/parascope/parascope/internal/cluster/document"
	"github.com/parascope/parascope/internal/cluster/lookup"
	"github.com/parascope/parascope/internal/cluster/newcluster"
	"github.com/parascope/parascope/internal/cluster/words"
)

// IsFunction reports whether a value is one of CloudFormation's functions.
func IsFunction(n *yaml.Node) bool {
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

// Region refuses a Region that is not the stack's, and notes one that cannot be evaluated here.
func Region(cluster *yaml.Node, file, region string, inTemplate bool) (note string, err error) {
	n := document.Get(cluster, "Region")
	if n == nil {
		return "", nil
	}
	next := "write Region: " + region + ", or remove the line"
	refuse := func(what, next string) (string, error) { return "", document.Wrong(file, n.Line, what, next) }
	switch {
	case IsFunction(n) && !inTemplate:
		return refuse("has a function of CloudFormation as Region, which ParallelCluster reads only in templates", next)
	case IsFunction(n) && (slices.Contains(ownRegion, n.Tag+" "+n.Value) || document.Get(n, "Ref") != nil &&
		document.Get(n, "Ref").Value == "AWS::Region"):
		return "", nil
	case IsFunction(n):
		return fmt.Sprintf("line %d: Region is an expression that cannot be evaluated here: the stack and the install script are in %s, and "+
			"ParallelCluster refuses another region", n.Line, region), nil
	case n.Kind != yaml.ScalarNode || n.ShortTag() != "!!str" && n.ShortTag() != "!!null":
		return refuse("has a Region that is not a text, which ParallelCluster refuses", next)
	case n.Value == "", n.ShortTag() == "!!null":
		return refuse("has an empty Region", next)
	}
	return "", CompareRegion(file, n, region)
}

// CompareRegion is about a Region that is a text.
func CompareRegion(file string, n *yaml.Node, region string) error {
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

// OS refuses an operating system that the version does not have, and notes what other versions refuse.
func OS(cluster *yaml.Node, file string, of lookup.Cluster) (note string, err error) {
	n := document.Get(cluster, "Image", "Os")
	if n == nil || IsFunction(n) || n.Kind != yaml.ScalarNode {
		return "", nil
	}
	note, refused := newcluster.OS(n.Value).Refused(of.Version)
	if refused {
		return "", document.Wrong(file, n.Line, fmt.Sprintf("has the Os %q: %s", words.Printable(n.Value), note),
			"give an OS such as alinux2023, or another version of ParallelCluster")
	}
	if note == newcluster.NeedsAMI && (of.Exists || document.Get(cluster, "Image", "CustomAmi") != nil ||
		document.Get(cluster, "HeadNode", "Image", "CustomAmi") != nil) {
		return "", nil
	}
	if note != "" {
		note = fmt.Sprintf("line %d: Os %s: %s", n.Line, words.Printable(n.Value), note)
	}
	return note, nil
}

// Counts are notes about more queues and compute resources than a cluster may have. Versions before 3.6, which
// took fewer, have no Sequence of scripts.
func Counts(cluster *yaml.Node) (notes []string) {
	queues := document.Get(cluster, "Scheduling", "SlurmQueues")
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
