package iam_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"go.yaml.in/yaml/v3"

	"github.com/parascope/parascope"
	"github.com/parascope/parascope/internal/stack"
)

// document is a policy, as far as statements can be told apart.
type document struct {
	Version   string
	Statement []map[string]any
}

func parse(t *testing.T, text string) document {
	t.Helper()
	if decoded, err := url.PathUnescape(text); err == nil { // IAM's answers are URL encoded
		text = decoded
	}
	var d document
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return d
}

func (d document) String() string {
	b, err := json.Marshal(d)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// actions are those of a statement.
func actions(statement map[string]any) []string {
	if one, ok := statement["Action"].(string); ok {
		return []string{one}
	}
	var all []string
	for _, a := range statement["Action"].([]any) {
		all = append(all, a.(string))
	}
	return all
}

// without puts in a statement's place one that allows nothing of use: neither kind
// of policy can be empty.
func (d document) without(sid string, trust bool) document {
	d.Statement = slices.Clone(d.Statement)
	for i, s := range d.Statement {
		if s["Sid"] != sid {
			continue
		}
		d.Statement[i] = map[string]any{"Sid": "Nothing", "Effect": "Allow", "Action": "sts:GetCallerIdentity", "Resource": "*"}
		if trust {
			d.Statement[i] = map[string]any{"Sid": "Nobody", "Effect": "Allow", "Action": "sts:AssumeRole",
				"Principal": map[string]any{"Service": "ec2.amazonaws.com"}}
		}
	}
	return d
}

// policy is one of the stack's, as it is in force.
type policy struct {
	logicalID string // of its resource in the template
	document  document
	trust     bool
	set       func(document) error // put another one into force
	restore   func() error
}

// policies reads all that the stack's roles and managed policies say.
func policies(t *testing.T, operator aws.Config, resources []stack.Resource) []policy {
	t.Helper()
	client := iam.NewFromConfig(operator)
	var all []policy
	for _, r := range resources {
		switch r.Type {
		case "AWS::IAM::Role":
			all = append(all, rolePolicies(t, client, r)...)
		case "AWS::IAM::ManagedPolicy":
			all = append(all, managedPolicy(t, client, r))
		}
	}
	return all
}

func rolePolicies(t *testing.T, client *iam.Client, r stack.Resource) []policy {
	t.Helper()
	role, err := client.GetRole(t.Context(), &iam.GetRoleInput{RoleName: &r.PhysicalID})
	if err != nil {
		t.Fatal(err)
	}
	trusts := func(d document) error {
		_, err := client.UpdateAssumeRolePolicy(t.Context(),
			&iam.UpdateAssumeRolePolicyInput{RoleName: &r.PhysicalID, PolicyDocument: aws.String(d.String())})
		return err
	}
	trust := parse(t, *role.Role.AssumeRolePolicyDocument)
	all := []policy{{logicalID: r.LogicalID, document: trust, trust: true, set: trusts, restore: func() error { return trusts(trust) }}}
	names, err := client.ListRolePolicies(t.Context(), &iam.ListRolePoliciesInput{RoleName: &r.PhysicalID})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names.PolicyNames {
		out, err := client.GetRolePolicy(t.Context(), &iam.GetRolePolicyInput{RoleName: &r.PhysicalID, PolicyName: &name})
		if err != nil {
			t.Fatal(err)
		}
		set := func(d document) error {
			_, err := client.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: &r.PhysicalID, PolicyName: &name,
				PolicyDocument: aws.String(d.String())})
			return err
		}
		d := parse(t, *out.PolicyDocument)
		all = append(all, policy{logicalID: r.LogicalID, document: d, set: set, restore: func() error { return set(d) }})
	}
	return all
}

func managedPolicy(t *testing.T, client *iam.Client, r stack.Resource) policy {
	t.Helper()
	out, err := client.GetPolicyVersion(t.Context(), &iam.GetPolicyVersionInput{PolicyArn: &r.PhysicalID, VersionId: aws.String("v1")})
	if err != nil {
		t.Fatal(err)
	}
	var other *types.PolicyVersion
	return policy{
		logicalID: r.LogicalID, document: parse(t, *out.PolicyVersion.Document),
		set: func(d document) error {
			made, err := client.CreatePolicyVersion(t.Context(),
				&iam.CreatePolicyVersionInput{PolicyArn: &r.PhysicalID, PolicyDocument: aws.String(d.String()), SetAsDefault: true})
			if err == nil {
				other = made.PolicyVersion
			}
			return err
		},
		restore: func() error {
			if _, err := client.SetDefaultPolicyVersion(t.Context(), &iam.SetDefaultPolicyVersionInput{PolicyArn: &r.PhysicalID,
				VersionId: aws.String("v1")}); err != nil {
				return err
			}
			_, err := client.DeletePolicyVersion(t.Context(), &iam.DeletePolicyVersionInput{PolicyArn: &r.PhysicalID, VersionId: other.VersionId})
			return err
		},
	}
}

// templateStatements are the statements of the template's roles and managed policies, "RESOURCE SID".
// The test of alerts, in internal/alerts, shows what the topic's policy is for.
// One without an Sid cannot be spoken of, and is an error.
func templateStatements(t *testing.T) []string {
	t.Helper()
	var template struct {
		Resources map[string]yaml.Node `yaml:"Resources"`
	}
	if err := yaml.Unmarshal([]byte(parascope.Template), &template); err != nil {
		t.Fatal(err)
	}
	var all []string
	var walk func(resource string, n *yaml.Node)
	walk = func(resource string, n *yaml.Node) {
		if n.Kind == yaml.MappingNode {
			fields := map[string]string{}
			for i := 0; i+1 < len(n.Content); i += 2 {
				fields[n.Content[i].Value] = n.Content[i+1].Value
			}
			if _, ok := fields["Effect"]; ok && fields["Sid"] == "" {
				t.Errorf("line %d of the template: a statement of %s has no Sid", n.Line, resource)
			} else if ok {
				all = append(all, resource+" "+fields["Sid"])
			}
		}
		for _, inner := range n.Content {
			walk(resource, inner)
		}
	}
	delete(template.Resources, "AlertTopicPolicy")
	for _, name := range slices.Sorted(maps.Keys(template.Resources)) {
		n := template.Resources[name]
		walk(name, &n)
	}
	return all
}

// unexercised is a line of unexercised.txt: what AWS needs, and nothing here can show.
type unexercised struct{ policy, what, source string }

func readUnexercised(t *testing.T, text string) []unexercised {
	t.Helper()
	var all []unexercised
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Fields(line)
		if len(f) < 3 {
			t.Fatalf("unexercised.txt: %q has no source: POLICY SID-OR-ACTION SOURCE", line)
		}
		all = append(all, unexercised{f[0], f[1], strings.Join(f[2:], " ")})
	}
	return all
}

func (u unexercised) String() string { return fmt.Sprintf("%s %s", u.policy, u.what) }
