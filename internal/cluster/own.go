package cluster

import (
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/parascope/parascope/internal/cluster/document"
	"github.com/parascope/parascope/internal/cluster/words"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/stack"
)

// A template that contains the infrastructure stack creates the stack's policies itself. The cluster
// in it refers to them, and holds no ARNs: these are known only after the first deployment.

// policyNames are the logical ids of the template's policies for a cluster's nodes.
// CloudFormation puts the stack's name in front and random letters behind.
var policyNames = []string{"RemoteWritePolicy", "NodePolicy"}

// refTag begins a reference in YAML; in JSON the function is a mapping with the key Ref.
const refTag = "!Ref"

// Reference stands for a policy of the same template in Source and Want, in place of an ARN.
func Reference(logicalID string) string { return refTag + " " + logicalID }

// referenced is the logical id in a Reference.
func referenced(policy string) (id string, ok bool) { return strings.CutPrefix(policy, refTag+" ") }

// ContainsStack reports whether a file is a template with the infrastructure stack and a cluster in it.
func ContainsStack(name string, text []byte) bool {
	d, err := parse(name, text)
	return err == nil && d.containsStack()
}

// NameInTemplate is the name of a template's cluster; "" where the file does not say it.
func NameInTemplate(file string, text []byte) string {
	d, err := parse(file, text)
	if err != nil {
		return ""
	}
	return d.name
}

func (d *configuration) isTemplate() bool { return d.cluster != d.Root }

// containsStack goes by the stack's outputs: a person may have changed its resources.
func (d *configuration) containsStack() bool {
	return d.isTemplate() && (document.Get(d.Root, "Outputs", "ClusterNodePolicyArn") != nil ||
		document.Get(d.Root, "Outputs", "AMPRemoteWritePolicyArn") != nil)
}

const managedPolicy = "AWS::IAM::ManagedPolicy"

// creates reports whether a template has this policy as a resource.
func (d *configuration) creates(id string) bool {
	kind := document.Get(d.Root, "Resources", id, "Type")
	return kind != nil && kind.Value == managedPolicy
}

// idOf is a policy's logical id in the stack; "" for one that is not the stack's.
func idOf(policy, stackName string) (id string, isReference bool) {
	if id, ok := referenced(policy); ok {
		return id, true
	}
	for _, id := range policyNames {
		if strings.Contains(policy, ":policy/") && strings.HasPrefix(path.Base(policy), stackName+"-"+id+"-") {
			return id, false
		}
	}
	return "", false
}

// own is how a configuration names a policy: by a reference where the template creates it. The note is for
// the ARN of a policy that the stack's template does not create any more.
func (d *configuration) own(policy, stackName string) (form, note string, err error) {
	id, isReference := idOf(policy, stackName)
	switch {
	case id == "" || !d.isTemplate() || !isReference && !d.containsStack():
		return policy, "", nil
	case d.creates(id):
		return Reference(id), "", nil
	}
	why := "the template has no resource " + id
	if r := document.Get(d.Root, "Resources", id); r != nil {
		kind := "none"
		if t := document.Get(r, "Type"); t != nil {
			kind = words.Printable(t.Value)
		}
		why = fmt.Sprintf("resource %s of the template has the type %s, not %s", id, kind, managedPolicy)
	}
	if isReference {
		return "", "", hint.New(hint.BadInput, errors.New(why+", and its ARN is not known before the stack is deployed"),
			"restore the resource "+id+" of type "+managedPolicy+": 'parascope cluster template' writes a template with it")
	}
	return policy, fmt.Sprintf("%s: the configuration names the policy of the deployed stack by its ARN, %s. A deployment of this "+
		"template deletes a policy that an earlier one created: restore the resource, and run attach again", why, policy), nil
}

// inFlow is a policy between brackets, where it may be JSON.
func inFlow(policy string) string {
	if id, ok := referenced(policy); ok {
		return fmt.Sprintf(`{"Ref": %q}`, id)
	}
	return strconv.Quote(policy)
}

// policyValue is a policy as plain has it.
func policyValue(policy string) *value {
	if id, ok := referenced(policy); ok {
		return &value{tag: refTag, text: id}
	}
	return text(policy)
}

// readPolicy is a policy in a configuration: its ARN, or a Reference.
func readPolicy(n *yaml.Node) string {
	if ref := document.Get(n, "Ref"); ref != nil {
		return Reference(ref.Value)
	}
	if n.Tag == refTag {
		return Reference(n.Value)
	}
	return n.Value
}

// ours reports whether a policy is one for nodes: of these stacks, or of the template's own.
func (d *configuration) ours(policy string, stacks map[string]bool) bool {
	id, ok := referenced(policy)
	for _, p := range policyNames {
		if ok && id == p && d.containsStack() {
			return true
		}
		if _, name, isARN := strings.Cut(policy, ":policy/"); isARN {
			if stack, _, has := strings.Cut(path.Base(name), "-"+p+"-"); has && stacks[stack] {
				return true
			}
		}
	}
	return false
}

// knowScript notes whose script the configuration has: the deployment of a template needs it.
func (p *patch) knowScript(url, stackName string) {
	if p.Bucket = strings.Split(strings.TrimPrefix(url, "s3://"), "/")[0]; strings.Contains(p.Bucket, "$") {
		p.Bucket = "BUCKET-OF-THE-STACK"
	}
	if p.containsStack() {
		p.Stack = stackName
	}
}

// DeployCommand is the command that deploys a template with a cluster in it, of this many bytes.
func DeployCommand(file, stackName, region, bucket string, size int) string {
	c := fmt.Sprintf("aws cloudformation deploy --template-file %s --stack-name %s --region %s "+
		"--capabilities CAPABILITY_NAMED_IAM CAPABILITY_AUTO_EXPAND", words.Word(file), stackName, region)
	if size > stack.MaxTemplate {
		c += " --s3-bucket " + bucket
	}
	return c
}
