package cluster

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parascope/parascope/internal/hint"
)

// withStack is a template with the infrastructure stack's policies and outputs, and a cluster.
const withStack = `Resources:
  RemoteWritePolicy: {Type: 'AWS::IAM::ManagedPolicy'}
  NodePolicy: {Type: 'AWS::IAM::ManagedPolicy'}
  Cluster:
    Type: Custom::PclusterCluster
    Properties:
      ClusterConfiguration:
        HeadNode:
          InstanceType: m7i.xlarge
        Scheduling:
          Scheduler: slurm
          SlurmQueues:
            - Name: q
Outputs:
  ClusterNodePolicyArn: {Value: !Ref NodePolicy}
`

// TestOwnPolicies: a reference is written only where the template creates the stack's policies, and only
// for these.
func TestOwnPolicies(t *testing.T) {
	site := "arn:aws:iam::111122223333:policy/site-nodes"
	for name, c := range map[string]struct {
		text, node       string
		references, arns int
	}{
		"the stack's template":     {withStack, nodePolicy, 3, 0},
		"--node-policy":            {withStack, site, 1, 2},
		"a policy of another name": {strings.ReplaceAll(withStack, "RemoteWritePolicy:", "Other:"), nodePolicy, 2, 1},
		"another resource":         {strings.Replace(withStack, "AWS::IAM::ManagedPolicy", "AWS::IAM::Role", 1), nodePolicy, 2, 1},
		"no stack":                 {strings.ReplaceAll(withStack, "ClusterNodePolicyArn", "Other"), nodePolicy, 0, 3},
	} {
		want := newCluster
		want.HeadPolicies, want.NodePolicies = []string{remoteWrite, c.node}, []string{c.node}
		got, err := Attach("t.yaml", []byte(c.text), want)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if n, m := strings.Count(string(got.Text), "Policy: !Ref "), strings.Count(string(got.Text), "Policy: arn:"); n != c.references ||
			m != c.arns {
			t.Errorf("%s: %d references and %d ARNs, want %d and %d:\n%s", name, n, m, c.references, c.arns, got.Text)
		}
		again, err := Attach("t.yaml", got.Text, want)
		if err != nil || len(again.Changes) > 0 {
			t.Errorf("%s: a second run changes %v, %v", name, again.Changes, err)
		}
		back, err := Detach("t.yaml", got.Text, Without{Part: All})
		if err != nil || string(back.Text) != c.text {
			t.Errorf("%s: detached it is\n%s%v", name, back.Text, err)
		}
	}
}

// TestOwnPolicyInJSON: JSON stays JSON, and detach knows the references without marks.
func TestOwnPolicyInJSON(t *testing.T) {
	in := `{"Resources": {"RemoteWritePolicy": {"Type": "AWS::IAM::ManagedPolicy"}, "NodePolicy": {"Type": "AWS::IAM::ManagedPolicy"},
  "Cluster": {"Type": "Custom::PclusterCluster", "Properties": {"ClusterConfiguration": {"HeadNode": {"A": 1},
    "Scheduling": {"Scheduler": "slurm", "SlurmQueues": [{"Name": "q"}]}}}}},
 "Outputs": {"ClusterNodePolicyArn": {"Value": {"Ref": "NodePolicy"}}}}
`
	in = strings.ReplaceAll(in, "\n ", "\n\t") // CloudFormation reads tabs in JSON
	got, err := Attach("t.json", []byte(in), newCluster)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(got.Text), `{"Policy":  {"Ref": "`); n != 3 || strings.Contains(string(got.Text), "!") {
		t.Errorf("%d references:\n%s", n, got.Text)
	}
	back, err := Detach("t.json", got.Text, Without{Part: All})
	if err != nil || string(back.Text) != in {
		t.Errorf("detached it is\n%s%v", back.Text, err)
	}
}

// TestDeployCommand: a large template goes through a bucket.
func TestDeployCommand(t *testing.T) {
	const small = "aws cloudformation deploy --template-file 'a b.yaml' --stack-name s --region us-east-2 " +
		"--capabilities CAPABILITY_NAMED_IAM CAPABILITY_AUTO_EXPAND"
	for size, want := range map[int]string{51200: small, 51201: small + " --s3-bucket b"} {
		if got := DeployCommand("a b.yaml", "s", "us-east-2", "b", size); got != want {
			t.Errorf("%d bytes: %s", size, got)
		}
	}
	large := []byte(withStack + strings.Repeat("# padding\n", 6000))
	plan, err := PlanAttach(Request{File: "t.yaml", Text: large}, testSource)
	if want := "--stack-name pcluster-infra --region us-east-2 --capabilities CAPABILITY_NAMED_IAM CAPABILITY_AUTO_EXPAND " +
		"--s3-bucket parascope-111122223333-us-east-2"; err != nil || len(plan.Next) != 1 || !strings.HasSuffix(plan.Next[0], want) {
		t.Errorf("%v, %v", plan.Next, err)
	}
}

// TestNameInTemplate: a name that is a text is the cluster's.
func TestNameInTemplate(t *testing.T) {
	for in, want := range map[string]string{
		strings.Replace(withStack, "    Properties:\n", "    Properties:\n      ClusterName: hpc\n", 1):          "hpc",
		strings.Replace(withStack, "    Properties:\n", "    Properties:\n      ClusterName: !Ref Cluster\n", 1): "",
		withStack:              "",
		"not: a configuration": "",
	} {
		if got := NameInTemplate("t.yaml", []byte(in)); got != want {
			t.Errorf("the name is %q, want %q, of\n%s", got, want, in)
		}
	}
}

// TestDetachOfAnotherRegion: the record and the deploy command would be of the wrong one.
func TestDetachOfAnotherRegion(t *testing.T) {
	text := strings.Replace(withStack, "        HeadNode:\n", "        Region: eu-west-1\n        HeadNode:\n", 1)
	got, err := Attach("t.yaml", []byte(text), newCluster)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := PlanDetach(Request{File: "t.yaml", Text: got.Text}, "us-east-2"); hint.CodeOf(err) != hint.BadInput ||
		!strings.Contains(err.Error(), "t.yaml is for region eu-west-1, and the stack is in us-east-2") {
		t.Errorf("%v", err)
	}
	if _, err := PlanDetach(Request{File: "t.yaml", Text: got.Text}, "eu-west-1"); err != nil {
		t.Error(err)
	}
}

// TestEditedTemplate: a policy that the template does not create any more is named by its ARN, with a note
// that says so. Without an ARN, before the first deployment, the template is refused.
func TestEditedTemplate(t *testing.T) {
	const node = "  NodePolicy: {Type: 'AWS::IAM::ManagedPolicy'}\n"
	references := newCluster
	references.HeadPolicies, references.NodePolicies = []string{Reference("RemoteWritePolicy"), Reference("NodePolicy")},
		[]string{Reference("NodePolicy")}
	for name, c := range map[string]struct{ text, what string }{
		"removed": {strings.Replace(withStack, node, "", 1), "the template has no resource NodePolicy"},
		"renamed": {strings.Replace(withStack, node, strings.Replace(node, "NodeP", "P", 1), 1), "the template has no resource NodePolicy"},
		"of another type": {strings.Replace(withStack, node, "  NodePolicy: {Type: 'AWS::IAM::Policy'}\n", 1),
			"resource NodePolicy of the template has the type AWS::IAM::Policy, not AWS::IAM::ManagedPolicy"},
	} {
		got, err := Attach("t.yaml", []byte(c.text), newCluster)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want := c.what + ": the configuration names the policy of the deployed stack by its ARN, " + nodePolicy + ". A deployment of this " +
			"template deletes a policy that an earlier one created: restore the resource, and run attach again"
		if len(got.Notes) != 1 || got.Notes[0] != want {
			t.Errorf("%s: the notes are %q, want %q", name, got.Notes, want)
		}
		if n, m := strings.Count(string(got.Text), "Policy: !Ref RemoteWritePolicy"), strings.Count(string(got.Text),
			"Policy: "+nodePolicy); n != 1 || m != 2 {
			t.Errorf("%s: %d references and %d ARNs:\n%s", name, n, m, got.Text)
		}
		// The resource is back: the reference replaces the ARN.
		whole, err := Attach("t.yaml", []byte(strings.Replace(string(got.Text), "  Cluster:\n", node+"  Cluster:\n", 1)), newCluster)
		if name == "removed" && (err != nil || strings.Count(string(whole.Text), "Policy: !Ref NodePolicy  # parascope\n") != 2 ||
			strings.Contains(string(whole.Text), nodePolicy) || len(whole.Notes) != 0) {
			t.Errorf("%s: %v, %v\n%s", name, err, whole.Notes, whole.Text)
		}
		_, err = Attach("t.yaml", []byte(c.text), references)
		if err == nil || !strings.Contains(err.Error(), c.what+", and its ARN is not known before the stack is deployed") ||
			!strings.Contains(hint.Next(err), "restore the resource") || hint.CodeOf(err) != hint.BadInput {
			t.Errorf("%s, before the first deployment: %v; %s", name, err, hint.Next(err))
		}
	}
}

// TestEditedAfterAttach: a reference to a resource that is gone is replaced with the same note; one that a
// person wrote is named.
func TestEditedAfterAttach(t *testing.T) {
	attached, err := Attach("t.yaml", []byte(withStack), newCluster)
	if err != nil {
		t.Fatal(err)
	}
	edited := strings.Replace(string(attached.Text), "  NodePolicy: {Type: 'AWS::IAM::ManagedPolicy'}\n", "", 1)
	got, err := Attach("t.yaml", []byte(edited), newCluster)
	if err != nil || strings.Count(string(got.Text), "Policy: "+nodePolicy) != 2 || len(got.Changes) != 2 || len(got.Notes) != 1 ||
		!strings.HasPrefix(got.Notes[0], "the template has no resource NodePolicy: ") {
		t.Errorf("%v, %v, %q:\n%s", err, got.Changes, got.Notes, got.Text)
	}
	mine := strings.ReplaceAll(edited, "!Ref NodePolicy  # parascope", "!Ref NodePolicy # mine")
	got, err = Attach("t.yaml", []byte(mine), newCluster)
	if err != nil || string(got.Text) != mine || len(got.ByHand) != 2 || got.ByHand[0] != "HeadNode refers to NodePolicy, which the template "+
		"does not create: restore the resource, or write "+nodePolicy {
		t.Errorf("%v, %q:\n%s", err, got.ByHand, got.Text)
	}
}

// TestOtherFormsOfAPolicy: what names a policy in another form, and was written by attach, is replaced.
func TestOtherFormsOfAPolicy(t *testing.T) {
	bare := "HeadNode:\n  InstanceType: m7i.xlarge\nScheduling:\n  Scheduler: slurm\n  SlurmQueues:\n    - Name: q\n"
	json := `{"HeadNode": {"A": 1}, "Scheduling": {"Scheduler": "slurm", "SlurmQueues": [{"Name": "q"}]}}` + "\n"
	references, replaced := newCluster, newCluster
	references.HeadPolicies, references.NodePolicies = []string{Reference("RemoteWritePolicy"), Reference("NodePolicy")},
		[]string{Reference("NodePolicy")}
	replaced.HeadPolicies, replaced.NodePolicies = []string{remoteWrite + "2", nodePolicy + "2"}, []string{nodePolicy + "2"}
	for name, text := range map[string]string{"block": bare, "template": withStack, "JSON": json,
		"flow items": strings.Replace(bare, "  InstanceType",
			"  Iam: {AdditionalIamPolicies: [{Policy: arn:aws:iam::aws:policy/P}]}\n  InstanceType", 1)} {
		forms := map[string]Want{"ARNs": newCluster, "references": references, "ARNs of replaced policies": replaced}
		for from, before := range forms {
			for to, after := range forms {
				old, err := Attach("c.yaml", []byte(text), before)
				if err != nil {
					t.Fatal(err)
				}
				want, err := Attach("c.yaml", []byte(text), after)
				if err != nil {
					t.Fatal(err)
				}
				got, err := Attach("c.yaml", old.Text, after)
				if err != nil {
					t.Errorf("%s, %s to %s: %v", name, from, to, err)
					continue
				}
				if diff := cmp.Diff(string(want.Text), string(got.Text)); diff != "" {
					t.Errorf("%s, %s to %s: %s", name, from, to, diff)
				}
				if changes := len(got.Changes); (changes != 3) == (from != to && name != "template") {
					t.Errorf("%s, %s to %s: %d changes", name, from, to, changes)
				}
			}
		}
	}
	// A reference stands beside the ARN that it should have replaced.
	attached, err := Attach("t.yaml", []byte(withStack), newCluster)
	if err != nil {
		t.Fatal(err)
	}
	double := regexp.MustCompile(`(?m)^( +- Policy: )!Ref NodePolicy(.*\n)`).ReplaceAllString(string(attached.Text), "${1}"+nodePolicy+"${2}${0}")
	got, err := Attach("t.yaml", []byte(double), newCluster)
	if diff := cmp.Diff(string(attached.Text), string(got.Text)); err != nil || diff != "" {
		t.Errorf("%v: %s", err, diff)
	}
	// What a person wrote is left.
	mine := strings.Replace(string(attached.Text), "!Ref NodePolicy  # parascope", nodePolicy+" # mine", 1)
	got, err = Attach("t.yaml", []byte(mine), newCluster)
	if err != nil || string(got.Text) != mine || len(got.ByHand) != 1 || !strings.Contains(got.ByHand[0],
		"names NodePolicy by its ARN, which a deployment may replace: write !Ref NodePolicy") {
		t.Errorf("%v, %q:\n%s", err, got.ByHand, got.Text)
	}
}
