// Package template writes one CloudFormation template for the infrastructure stack and a cluster.
// ParallelCluster's own custom resource creates the cluster (cloudformation/custom_resource of
// github.com/aws/aws-parallelcluster).
package template

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/parascope/parascope/internal/cluster"
	"github.com/parascope/parascope/internal/cluster/document"
	"github.com/parascope/parascope/internal/hint"
)

// Cluster is what the template adds to the infrastructure stack's template.
type Cluster struct {
	Name          string
	Version       string // of ParallelCluster
	File          string // name of the configuration, for errors
	Configuration []byte // attached with Source
}

// Values that stand for resources of the stack in a configuration. Text replaces them.
const (
	publicSubnet  = "subnet-of-the-stack-public"
	privateSubnet = "subnet-of-the-stack-private"
)

var references = strings.NewReplacer(
	publicSubnet, "!If [CreateVPC, !Ref NetworkPublicSubnet, !Ref ExistingPublicSubnet]",
	privateSubnet, "!If [CreateVPC, !Ref NetworkPrivateSubnet, !Ref ExistingPrivateSubnet]",
)

// Source is what a configuration in the template takes from the stack, which need not exist.
func Source(stackName, region, bucket string) cluster.Source {
	return cluster.Source{
		Stack: stackName, Region: region, Bucket: bucket, Script: cluster.ScriptURL(bucket, stackName),
		HeadPolicies: []string{cluster.Reference("RemoteWritePolicy"), cluster.Reference("NodePolicy")},
		NodePolicies: []string{cluster.Reference("NodePolicy")},
		PublicSubnet: publicSubnet, PrivateSubnet: privateSubnet,
	}
}

// rule keeps a stack without Prometheus from having a cluster that sends to it.
const rule = `
  ClusterNeedsPrometheus:
    Assertions:
      - Assert: !Not [!Equals [!Ref MonitoringType, none]]
        AssertDescription: The cluster of this template sends its metrics to Prometheus. Choose MonitoringType amp+amg or amp-only.
`

// resources come before the configuration. DependsOn may not name resources that another condition creates.
const (
	resources = `
  # The cluster. ParallelCluster's own CloudFormation provider creates, updates and deletes it.
  ClusterProvider:
    Type: AWS::CloudFormation::Stack
    Condition: Prometheus
    Properties:
      TemplateURL: !Sub 'https://${AWS::Region}-aws-parallelcluster.s3.${AWS::Region}.${AWS::URLSuffix}/parallelcluster/%s/templates/custom_resource/cluster.yaml'
      Parameters:
        AdditionalIamPolicies: !Ref NodePolicy # the provider checks that the install script exists
  Cluster:
    Type: Custom::PclusterCluster
    Condition: Prometheus
    Metadata: # these references order the operations: nodes need the routes until the cluster is deleted
      Routes: !If [CreateVPC, [!Ref PublicRoute, !Ref PublicRouteTableAssociation, !Ref PrivateRoute, !Ref PrivateRouteTableAssociation], []]
    Properties:
      ServiceToken: !GetAtt ClusterProvider.Outputs.ServiceToken
      ClusterName: %q
      ClusterConfiguration:
`
	outputs = `  ClusterMessages:
    Condition: Prometheus
    Description: What ParallelCluster said about the cluster's configuration.
    Value: !GetAtt Cluster.validationMessages
`
	indent = "        "
)

// Text is the stack's template with the cluster in it. It fails, with exit code BadInput, for a
// configuration that CloudFormation does not read as ParallelCluster does.
func Text(stackTemplate string, c Cluster) (text string, err error) {
	if err := Check(c.File, c.Configuration); err != nil {
		return "", err
	}
	configuration := references.Replace(bare(string(c.Configuration)))
	// A value that keeps the line breaks at the end of the file (|+) would take the empty line that follows.
	for _, body := range []string{strings.TrimRight(configuration, "\n") + "\n", strings.TrimSuffix(configuration, "\n")} {
		text = stackTemplate
		for _, add := range []struct{ before, what string }{
			{"\nConditions:\n", strings.TrimPrefix(rule, "\n")},
			{"\nOutputs:\n", fmt.Sprintf(resources, c.Version, c.Name) + shift(body)},
		} {
			head, tail, ok := strings.Cut(text, add.before)
			if !ok {
				return "", fmt.Errorf("the stack's template has no section%q", add.before)
			}
			text = head + add.what + add.before + tail
		}
		text = strings.TrimSuffix(text, "\n") + "\n" + outputs
		if err = verify(text, configuration); err == nil {
			return text, nil
		}
	}
	return "", hint.New(hint.BadInput, fmt.Errorf("%s cannot be written into a template: %w", c.File, err), "write the value in another style")
}

// shift indents a configuration. Lines of block scalars move with their keys.
func shift(configuration string) string {
	var b strings.Builder
	for line := range strings.Lines(configuration) {
		if strings.TrimSpace(line) != "" {
			b.WriteString(indent)
		}
		b.WriteString(line)
	}
	return b.String()
}

const byteOrderMark = "\ufeff"

// bare is a configuration without the marks that YAML allows around a document.
func bare(configuration string) string {
	configuration = strings.ReplaceAll(strings.TrimPrefix(configuration, byteOrderMark), "\r\n", "\n")
	if rest, ok := strings.CutSuffix(strings.TrimRight(configuration, "\n"), "\n..."); ok {
		configuration = rest + "\n"
	} else if !strings.HasSuffix(configuration, "\n") {
		configuration += "\n"
	}
	if first, rest, _ := strings.Cut(configuration, "\n"); strings.TrimRight(first, " ") == "---" {
		return rest
	}
	return configuration
}

// filled reports whether a line has more than a comment.
func filled(line string) bool {
	line = strings.Trim(line, " \r")
	return line != "" && line[0] != '#'
}

// Check refuses a configuration that CloudFormation does not take in a template. Lines are counted in the file.
func Check(file string, text []byte) error {
	lines := strings.Split(strings.TrimRight(strings.TrimPrefix(string(text), byteOrderMark), "\r\n"), "\n")
	for i, line := range lines {
		if mark := strings.TrimRight(line, " \r"); i == 0 && mark == "---" || i == len(lines)-1 && mark == "..." {
			continue
		}
		switch {
		case strings.HasPrefix(line, "%"):
			return document.Wrong(file, i+1, "has a directive, which CloudFormation does not read", fmt.Sprintf("remove line %d", i+1))
		case strings.HasPrefix(line, "---") && !slices.ContainsFunc(lines[:i], filled):
			return document.Wrong(file, i+1, "has a document marker behind comments, which a template cannot have",
				fmt.Sprintf("remove line %d", i+1))
		case strings.HasPrefix(line, "---"), strings.HasPrefix(line, "..."):
			return document.Wrong(file, i+1, "has a document marker, behind which another YAML document begins",
				fmt.Sprintf("give a file with one document: remove line %d and what belongs to the other document", i+1))
		}
		if strings.Contains(line[:len(line)-len(strings.TrimLeft(line, " \t"))], "\t") {
			return hint.New(hint.BadInput, fmt.Errorf("%s: line %d is indented with a tab", file, i+1), "indent with spaces")
		}
	}
	d, err := document.Parse(file, text)
	if err != nil {
		return err
	}
	if document.Get(d.Root, "Resources") != nil {
		return hint.New(hint.BadInput, fmt.Errorf("%s is a CloudFormation template already", file),
			"'parascope cluster attach --config FILE' adds the monitoring to the cluster of a template")
	}
	var aliased func(n *yaml.Node) *yaml.Node
	aliased = func(n *yaml.Node) *yaml.Node {
		if n.Kind == yaml.AliasNode || n.Anchor != "" {
			return n
		}
		for _, c := range n.Content {
			if found := aliased(c); found != nil {
				return found
			}
		}
		return nil
	}
	if n := aliased(d.Root); n != nil {
		return hint.New(hint.BadInput, fmt.Errorf("%s: line %d has a YAML anchor or alias, which CloudFormation does not read", file, n.Line),
			"write the values in full")
	}
	return nil
}

// verify compares the configuration in the template with the one that it was made of.
func verify(text, configuration string) error {
	var all struct {
		Resources map[string]struct {
			Properties map[string]any `yaml:"Properties"`
		} `yaml:"Resources"`
	}
	var want any
	err := errors.Join(yaml.Unmarshal([]byte(text), &all), yaml.Unmarshal([]byte(configuration), &want))
	if err == nil && !reflect.DeepEqual(all.Resources["Cluster"].Properties["ClusterConfiguration"], want) {
		err = errors.New("a value would change")
	}
	return err
}
