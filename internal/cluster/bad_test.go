package cluster

import (
	"strings"
	"testing"

	"github.com/parascope/parascope/internal/cluster/document"
	"github.com/parascope/parascope/internal/hint"
)

const tail = "Scheduling:\n  Scheduler: slurm\n  SlurmQueues:\n    - Name: q\n"

// badConfigurations are refused, each with the line and the next step.
var badConfigurations = []struct{ name, text, err, next string }{
	{"empty", "", "is empty", "pcluster create-cluster"},
	{"nothing but a comment", "# x\n", "is empty", "pcluster create-cluster"},
	{"nothing behind a document marker", "# x\n---", "is empty", "pcluster create-cluster"},
	{"a key without a text", "?", "no HeadNode or no Scheduling", "pcluster create-cluster"},
	{"tab", "HeadNode:\n\tInstanceType: t3.micro\n" + tail, "line 2 is indented with a tab", "spaces"},
	{"tabs in JSON", "{\n\t\"HeadNode\": {},\n\t\"Scheduling\": {\"Scheduler\": \"slurm\", \"SlurmQueues\": []}\n}\n",
		"line 2 is indented with a tab", "spaces"},
	{"two queues of one name", "HeadNode: {}\n" + tail + "    - {Name: q}\n",
		"line 6 has a second Scheduling/SlurmQueues with the name q, first used in line 5", "a name of its own"},
	{"two pools of one name", "HeadNode: {}\nLoginNodes: {Pools: [{Name: p}, {Name: p}]}\n" + tail,
		"line 2 has a second LoginNodes/Pools with the name p, first used in line 2", "a name of its own"},
	{"too large with the monitoring", "HeadNode: {}\n" + strings.Repeat("#\n", (document.MaxBytes-100)/2) + tail,
		"and with the changes 1049", "remove queues or comments"},
	{"duplicate key", "HeadNode:\n  Iam: {}\n  Iam: {}\n" + tail, `line 3 has the duplicate key "Iam", first used in line 2`, "keep one"},
	{"merge key", "HeadNode: &h\n  Iam: {}\nX:\n  <<: *h\n" + tail, "line 4 has the merge key", "write the values in full"},
	{"lone carriage return", "HeadNode: {}\rScheduling: {}\n", "line 1 has the line separator U+000D", `\r\n`},
	{"unicode line separator", "HeadNode: \"a\u2028b\"\n" + tail, "line 1 has the line separator U+2028", `\r\n`},
	{"not UTF-8", "HeadNode: \xff\xfe\n", "is not UTF-8", "UTF-8"},
	{"unfinished", "HeadNode: {a: b\n" + tail, "is not YAML", "dryrun"},
	{"two documents", "HeadNode: {}\n" + tail + "---\nHeadNode: {}\n", "line 6 contains a second YAML document", "one document"},
	{"Jinja", "HeadNode:\n  {% if x %}\n  Iam: {}\n  {% endif %}\n" + tail, "line 2 contains a template statement", "render"},
	{"a Jinja expression", "Region: {{ region }}\nHeadNode:\n  A: b\n" + tail, "line 1 has a template expression", "render"},
	{"a script beside a Sequence", "HeadNode:\n  CustomActions:\n    OnNodeConfigured:\n      Script: s3://a/b\n      Sequence:\n        - " +
		"Script: s3://a/c\n" + tail,
		"line 4 HeadNode/CustomActions/OnNodeConfigured has Script and Sequence", "keep one"},
	{"a Jinja expression in a text", "Region: {{ region }}-1\nHeadNode:\n  A: b\n" + tail, "line 1 has a template expression", "render"},
	{"sections that share a mapping", "# mine\nHeadNode:\n  Iam: &i\n    S3Access: []\n" + tail + "      Iam: *i\n",
		"line 3 has a value that several sections use through a YAML alias, and these need different values of AdditionalIamPolicies",
		"write the values in full"},
	{"nothing but the script", "HeadNode:\n  CustomActions:\n    OnNodeConfigured:\n      Script: " + testScript + "\n" + tail,
		"cannot be attached, because detach could not remove the additions: cluster-config.yaml: line 2 cannot be edited", "manually"},
	{"no scheduling", "HeadNode:\n  InstanceType: t3.micro\n", "no HeadNode or no Scheduling", "pcluster create-cluster"},
	{"a list", "- HeadNode\n", "no HeadNode or no Scheduling", "pcluster create-cluster"},
	{"a scalar", "Scheduling\n", "no HeadNode or no Scheduling", "pcluster create-cluster"},
	{"awsbatch", "HeadNode:\n  A: b\nScheduling:\n  Scheduler: awsbatch\n  AwsBatchQueues: []\n", `line 4 has the scheduler "awsbatch"`,
		"slurm"},
	{"no queues", "HeadNode:\n  A: b\nScheduling:\n  Scheduler: slurm\n", "line 4 has no list Scheduling/SlurmQueues", "list"},
	{"queues by a function", "HeadNode:\n  A: b\nScheduling:\n  Scheduler: slurm\n  SlurmQueues: !Ref Queues\n", "line 5 has no list",
		"CloudFormation"},
	{"a configuration by a function", "Resources:\n  C:\n    Type: Custom::PclusterCluster\n    Properties:\n      ClusterConfiguration: " +
		"!Sub |\n        HeadNode: {}\n", "line 5 has a function of CloudFormation as ClusterConfiguration", "as keys below ClusterConfiguration"},
	{"head node without a value", "HeadNode:\n" + tail, "line 1 HeadNode has no value", "remove the line"},
	{"hooks without a value", "HeadNode:\n  CustomActions:\n" + tail, "line 2 HeadNode/CustomActions has no value", "remove the line"},
	{"hooks by a function", "HeadNode:\n  CustomActions: !If [a, {}, {}]\n" + tail, "line 2 HeadNode/CustomActions does not contain keys",
		"CloudFormation"},
	{"hooks by a long function", "HeadNode:\n  CustomActions:\n    Fn::If: [a, {}, {}]\n" + tail,
		"line 3 HeadNode/CustomActions does not contain keys", "CloudFormation"},
	{"a hook that is text", "HeadNode:\n  CustomActions:\n    OnNodeConfigured: s3://x\n" + tail, "OnNodeConfigured does not contain keys",
		"write the value in full"},
	{"policies that are text", "HeadNode:\n  Iam:\n    AdditionalIamPolicies: arn\n" + tail, "AdditionalIamPolicies does not contain a list",
		"write the value in full"},
	{"another version",
		"HeadNode:\n  CustomActions:\n    OnNodeConfigured:\n      Script: s3://b/parascope/pcluster-infra/v2/install.sh\n" + tail,
		"line 4 names version v2 of the install script; this program writes version v1", "use the parascope version"},
	{"another stack", "HeadNode:\n  CustomActions:\n    OnNodeConfigured:\n      Script: s3://b/parascope/other/v1/install.sh\n" + tail,
		"line 4 names the install script of stack other at another location", "--stack and --bucket"},
	{"anchors that head and queues share", "HeadNode:\n  Iam: &i\n    AdditionalIamPolicies:\n      - Policy: a\n" + tail + "      Iam: *i\n",
		"cannot be edited without changing unrelated settings", "anchors and aliases"},
	{"an alias in itself", "HeadNode: &h\n  A: *h\n" + tail, "after YAML aliases are expanded", "write the values in full"},
	{"template without a cluster", "Resources:\n  A: {Type: 'AWS::S3::Bucket'}\n", "without a Custom::PclusterCluster", "template"},
	{"template with two clusters", "Resources:\n  A: {Type: 'Custom::PclusterCluster', Properties: {ClusterConfiguration: {}}}\n" +
		"  B: {Type: 'Custom::PclusterCluster', Properties: {ClusterConfiguration: {}}}\n", "line 3 is a second cluster", "one cluster"},
	{"too large", strings.Repeat("#\n", document.MaxBytes), "bytes; a configuration has at most", "pcluster create-cluster"},
	{"too deep", "HeadNode: " + strings.Repeat("[", 200) + strings.Repeat("]", 200) + "\n" + tail, "has more than 100 levels of nesting",
		"pcluster create-cluster"},
}

func TestBadConfigurationsAreRefused(t *testing.T) {
	for _, c := range badConfigurations {
		t.Run(c.name, func(t *testing.T) {
			_, err := Attach(configurator, []byte(c.text), newCluster)
			if err == nil {
				t.Fatal("it was taken")
			}
			if !strings.Contains(err.Error(), c.err) || !strings.HasPrefix(err.Error(), configurator) {
				t.Errorf("the error is %q; it must hold %q", err, c.err)
			}
			if next := hint.Next(err); hint.CodeOf(err) != hint.BadInput || !strings.Contains(next, c.next) {
				t.Errorf("exit code %d, next step %q; want %d and %q", hint.CodeOf(err), next, hint.BadInput, c.next)
			}
		})
	}
}
