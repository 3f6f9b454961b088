package cluster

import (
	"strings"
	"testing"

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
		"the stack's template":    {withStack, nodePolicy, 3, 0},
		"--node-policy":           {withStack, site, 1, 2},
		"policies of other names": {strings.ReplaceAll(withStack, "RemoteWritePolicy:", "Other:"), nodePolicy, 0, 3},
		"another resource":        {strings.Replace(withStack, "AWS::IAM::ManagedPolicy", "AWS::IAM::Role", 1), nodePolicy, 0, 3},
		"no stack":                {strings.ReplaceAll(withStack, "ClusterNodePolicyArn", "Other"), nodePolicy, 0, 3},
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
	if n := strings.Count(string(got.Text), `{"Policy": {"Ref": "`); n != 3 || strings.Contains(string(got.Text), "!") {
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
