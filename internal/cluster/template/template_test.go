package template

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parascope/parascope/internal/artifact"
	"github.com/parascope/parascope/internal/cluster"
	"github.com/parascope/parascope/internal/cluster/lookup"
	"github.com/parascope/parascope/internal/cluster/newcluster"
	"github.com/parascope/parascope/internal/stack"
)

var source = Source("pcluster-infra", "us-east-2", "parascope-111122223333-us-east-2")

// base is the stack's template as 'parascope package' writes it.
func base(t *testing.T) string {
	t.Helper()
	text, err := stack.Template(artifact.Place{Bucket: "parascope-111122223333-us-east-2", Key: "function.zip", Architecture: artifact.ARM64})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// write makes the template of a configuration, and fails the test where that is refused.
func write(t *testing.T, configuration []byte) string {
	t.Helper()
	text, err := Text(base(t), Cluster{Name: "hpc", Version: "3.14.0", File: "cluster-config.yaml",
		Configuration: configuration})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestANewCluster compares what the stack's template gets with a golden file; UPDATE=1 writes that.
func TestANewCluster(t *testing.T) {
	configuration, _, err := cluster.Configuration(newcluster.Cluster{Name: "hpc", OS: "alinux2023", HeadType: "m7i.xlarge", KeyName: "my-key",
		Queues: []newcluster.Queue{{Name: "gpu", InstanceType: "p5.48xlarge", Max: 4, EFA: true}}}, source)
	if err != nil {
		t.Fatal(err)
	}
	stackOnly, text := base(t), write(t, configuration)
	added := strings.Builder{}
	rest := strings.Split(stackOnly, "\n")
	for line := range strings.Lines(text) {
		if len(rest) > 0 && strings.TrimSuffix(line, "\n") == rest[0] {
			rest = rest[1:]
			continue
		}
		added.WriteString(line)
	}
	if left := strings.Join(rest, "\n"); strings.TrimSpace(left) != "" {
		t.Errorf("lines of the stack's template are missing or have changed, from %q", left[:min(80, len(left))])
	}
	golden := filepath.Join("testdata", "added.yaml")
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(golden, []byte(added.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), added.String()); diff != "" {
		t.Error(diff)
	}
}

// newCluster is a new cluster's configuration, and what it takes from the stack once that is deployed.
func newCluster(t *testing.T) (configuration []byte, deployed cluster.Source) {
	t.Helper()
	configuration, _, err := cluster.Configuration(newcluster.Cluster{Name: "hpc", OS: "alinux2023", HeadType: "m7i.xlarge",
		Queues: []newcluster.Queue{{Name: "cpu", InstanceType: "c7i.xlarge", Max: 4}}}, source)
	if err != nil {
		t.Fatal(err)
	}
	const arn = "arn:aws:iam::111122223333:policy/parallelcluster/"
	deployed = source
	deployed.HeadPolicies = []string{arn + "pcluster-infra-RemoteWritePolicy-1A2B", arn + "pcluster-infra-NodePolicy-3C4D"}
	deployed.NodePolicies = deployed.HeadPolicies[1:]
	return configuration, deployed
}

// TestAttachedAlready attaches the template to the stack that was made of it.
func TestAttachedAlready(t *testing.T) {
	configuration, deployed := newCluster(t)
	for name, text := range map[string]string{
		"as written":         write(t, configuration),
		"with another Ref":   strings.ReplaceAll(write(t, configuration), "!Ref NodePolicy", "{Ref: NodePolicy}"),
		"another's, of ours": strings.ReplaceAll(write(t, configuration), "- Policy: !Ref NodePolicy", "- Policy: !Ref QueryPolicy"),
	} {
		plan, err := cluster.PlanAttach(cluster.Request{File: "t.yaml", Text: []byte(text), Cluster: lookup.Cluster{Name: "hpc"}}, deployed)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if want := map[bool]int{true: 2}[strings.HasPrefix(name, "another's")]; len(plan.Changes) != want {
			t.Errorf("%s: %d changes, want %d: %v", name, len(plan.Changes), want, plan.Changes)
		}
	}
}

// TestDetachAndAttach takes the monitoring out of the cluster of a template, and puts it in again, before
// the template is deployed and after.
func TestDetachAndAttach(t *testing.T) {
	fresh, deployed := newCluster(t)
	for name, configuration := range map[string][]byte{
		"new": fresh,
		"block style": attach(t, "HeadNode:\n  A: 1 # mine\n  Iam:\n    AdditionalIamPolicies:\n      - Policy: arn:aws:iam::aws:policy/P\n"+
			"Scheduling:\n  Scheduler: slurm\n  SlurmQueues:\n    - Name: q\n"),
		"JSON": attach(t, `{"HeadNode": {"A": 1}, "Scheduling": {"Scheduler": "slurm", "SlurmQueues": [{"Name": "q"}]}}`),
		"flow lists": attach(t, "HeadNode: {Iam: {AdditionalIamPolicies: [{Policy: arn:aws:iam::aws:policy/P}]}}\n"+
			"Scheduling: {Scheduler: slurm, SlurmQueues: [{Name: q, Iam: {AdditionalIamPolicies: [{Policy: arn:aws:iam::aws:policy/P}]}}]}\n"),
	} {
		t.Run(name, func(t *testing.T) {
			text := write(t, configuration)
			request := cluster.Request{File: "t.yaml", Text: []byte(text), Cluster: lookup.Cluster{Name: "hpc"}}
			const deploy = "aws cloudformation deploy --template-file t.yaml --stack-name pcluster-infra --region us-east-2 " +
				"--capabilities CAPABILITY_NAMED_IAM CAPABILITY_AUTO_EXPAND"
			detached, err := cluster.PlanDetach(request, "us-east-2")
			if err != nil {
				t.Fatal(err)
			}
			if got := string(detached.Text); strings.Contains(got, "install.sh\"") || strings.Count(got, "NodePolicy") != strings.Count(
				base(t)+resources, "NodePolicy") {
				t.Errorf("something of the monitoring is left:\n%s", got[strings.Index(got, "ClusterConfiguration"):])
			}
			if diff := cmp.Diff([]string{deploy}, detached.Next); diff != "" {
				t.Error(diff)
			}
			request.Text = detached.Text
			for when, from := range map[string]cluster.Source{"before": source, "after": deployed} {
				again, err := cluster.PlanAttach(request, from)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(text, string(again.Text)); diff != "" {
					t.Errorf("%s the deployment: %s", when, diff)
				}
				if diff := cmp.Diff([]string{deploy}, again.Next); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

// attach is a person's configuration with the monitoring, as the template has it.
func attach(t *testing.T, configuration string) []byte {
	t.Helper()
	plan, err := cluster.PlanAttach(cluster.Request{File: "c.yaml", Text: []byte(configuration), Cluster: lookup.Cluster{Name: "hpc"}}, source)
	if err != nil {
		t.Fatal(err)
	}
	return plan.Text
}

// TestOthersConfigurations writes configurations of other people.
func TestOthersConfigurations(t *testing.T) {
	for name, c := range map[string]struct{ configuration, refused string }{
		"a document's marks":      {"---\nHeadNode:\n  A: 1\nScheduling: {Scheduler: slurm}\n...\n", ""},
		"Windows' line ends":      {"HeadNode:\r\n  A: 1\r\nScheduling:\r\n  B: 2\r\n", ""},
		"JSON":                    {`{"HeadNode": {"Policy": {"Ref": "NodePolicy"}}, "Scheduling": {"Text": "a\nb"}}`, ""},
		"a block scalar":          {"HeadNode:\n  Text: |\n    one\n\n      two\n  More: >-\n    a\n    b\n\n    c\nScheduling: {}\n", ""},
		"an indicator":            {"HeadNode:\n  Text: |2\n      one\nScheduling: {}\n", ""},
		"a quoted line break":     {"HeadNode:\n  Text: \"one\n\n    two\"\nScheduling: {}\n", ""},
		"an alias, later":         {"---\n# a\nHeadNode: &a\n  A: 1\nScheduling: *a\n", "line 3 has a YAML anchor or alias"},
		"an alias":                {"HeadNode: &a\n  A: 1\nScheduling: *a\n", "line 1 has a YAML anchor or alias"},
		"a second document":       {"HeadNode: {}\n---\nScheduling: {}\n", "line 2 has a document marker"},
		"a mark behind a comment": {"# mine\n---\nHeadNode: {}\nScheduling: {}\n", "line 2 has a document marker behind comments"},
		"Jinja":                   {"HeadNode:\n  SubnetId: {{ a }}-b\nScheduling: {}\n", "line 2 has a template expression"},
		"a Jinja statement":       {"HeadNode:\n  {% if a %}\n  B: 1\nScheduling: {}\n", "line 2 contains a template statement"},
		"a duplicate key":         {"# mine\nHeadNode:\n  A: 1\n  A: 2\n", `line 4 has the duplicate key "A", first used in line 3`},
		"a directive":             {"%YAML 1.1\n---\nHeadNode: {}\n", "line 1 has a directive"},
		"a template":              {"Resources: {}\n", "is a CloudFormation template already"},
		"tabs":                    {"{\n\t\"HeadNode\": {}}\n", "line 2 is indented with a tab"},
		"kept line breaks":        {"HeadNode:\n  Text: |+\n    one\n\n", ""},
		"a kept line break":       {"HeadNode:\n  Text: |+\n    one\n", ""},
		"more of them":            {"HeadNode:\n  Text: |+\n    one\n\n\n\n", ""},
		"and a document's":        {"---\nHeadNode:\n  Text: >+\n    one\n\n...\n", ""},
		"empty lines":             {"HeadNode:\n  Text: |\n    one\n\n\n", ""},
		"no YAML":                 {"HeadNode: [\n", "is not YAML"},
		"a mark in a scalar":      {"HeadNode:\n  Text: \"one\n---\n    two\"\n", "line 3 has a document marker"},
	} {
		text, err := Text(base(t), Cluster{Name: "hpc", Version: "3.14.0", File: "f.yaml",
			Configuration: []byte(c.configuration)})
		switch {
		case c.refused == "" && err != nil:
			t.Errorf("%s: %v\n%s", name, err, text)
		case c.refused != "" && (err == nil || !strings.Contains(err.Error(), c.refused)):
			t.Errorf("%s: %v, want %q", name, err, c.refused)
		}
	}
}
