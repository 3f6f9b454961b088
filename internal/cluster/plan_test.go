package cluster

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parascope/parascope/internal/cluster/lookup"
	"github.com/parascope/parascope/internal/cluster/newcluster"
	"github.com/parascope/parascope/internal/hint"
)

var testSource = Source{Stack: "pcluster-infra", Region: "us-east-2", Script: testScript, HeadPolicies: []string{remoteWrite,
	nodePolicy}, NodePolicies: []string{nodePolicy},
	PublicSubnet: "subnet-0aaaaaaaaaaaaaaaa", PrivateSubnet: "subnet-0bbbbbbbbbbbbbbbb"}

// planOf prints a plan, for comparison.
func planOf(p Plan) string {
	var b strings.Builder
	fmt.Fprintln(&b, "part", p.Part)
	for _, c := range p.Changes {
		what, _, _ := strings.Cut(c.What, "s3://")
		what, _, _ = strings.Cut(what, "arn:")
		fmt.Fprintln(&b, strings.TrimSpace(strings.TrimSpace(what)+" "+c.Path+" "+string(c.Policy)))
	}
	for _, n := range p.Notes {
		fmt.Fprintln(&b, "note", n)
	}
	for _, n := range p.ByHand {
		fmt.Fprintln(&b, "by hand", n)
	}
	for _, n := range p.Next {
		fmt.Fprintln(&b, "next", n)
	}
	return b.String()
}

const (
	downloads = "note nodes download " + testScript +
		" themselves: a node without read permission fails, and an update whose script fails is rolled back\n"
	back = "replacing a node releases its EC2 capacity, which may then be unavailable: check Capacity Blocks, reservations and " +
		"Spot capacity first\n"
	laterOnes = "note login nodes that start after the update do not run OnNodeUpdated, and are not monitored until the next update; " +
		"ParallelCluster refuses to add OnNodeConfigured to an existing pool\n"
	headByHand = "by hand HeadNode has its own InstanceProfile: attach " + remoteWrite + " and " + nodePolicy +
		" to the role of arn:aws:iam::111122223333:instance-profile/head\n"
	loginByHand = "by hand LoginNodes/Pools[builds] has its own InstanceRole: attach " + nodePolicy +
		" to the role of arn:aws:iam::111122223333:role/builds\n"
	updateIt = "next pcluster update-cluster --cluster-name hpc --cluster-configuration c.yaml --region us-east-2\n"
)

func TestPlanAttach(t *testing.T) {
	all := configurations(t)
	exists := lookup.Cluster{Name: "hpc", Exists: true, Version: "3.16.3", Status: "UPDATE_COMPLETE"}
	with := func(change func(*lookup.Cluster)) lookup.Cluster {
		c := exists
		change(&c)
		return c
	}
	for name, c := range map[string]struct {
		config  string
		request Request
		want    string
	}{
		"a new cluster": {"minimal", Request{Cluster: lookup.Cluster{Name: "hpc"}}, "part all\n" +
			"add the script HeadNode/CustomActions/OnNodeConfigured\nadd the policy HeadNode/Iam/AdditionalIamPolicies\n" +
			"add the policy HeadNode/Iam/AdditionalIamPolicies\n" +
			"add the script Scheduling/SlurmQueues[cpu]/CustomActions/OnNodeConfigured\n" +
			"add the policy Scheduling/SlurmQueues[cpu]/Iam/AdditionalIamPolicies\n" +
			"note a Sequence of scripts requires ParallelCluster 3.6, and scripts of login pools require 3.11 ('pcluster version' prints " +
			"the installed version)\n" +
			"next source environment-variables-hpc.sh\n" +
			"next pcluster create-cluster --cluster-name hpc --cluster-configuration c.yaml --region us-east-2\n"},
		"a running one, first": {"minimal", Request{Cluster: exists, Again: " --region us-east-2"}, "part policies\n" +
			"add the policy HeadNode/Iam/AdditionalIamPolicies SUPPORTED\nadd the policy HeadNode/Iam/AdditionalIamPolicies SUPPORTED\n" +
			"add the policy Scheduling/SlurmQueues[cpu]/Iam/AdditionalIamPolicies SUPPORTED\n" + updateIt +
			"next parascope cluster attach --config c.yaml --cluster hpc --region us-east-2 --part scripts --write\n"},
		"then": {"minimal", Request{Cluster: exists, Part: Scripts, Drain: true}, "part scripts\n" +
			"add the script HeadNode/CustomActions/OnNodeUpdated SUPPORTED\n" +
			"add the script Scheduling/SlurmQueues[cpu]/CustomActions/OnNodeConfigured QUEUE_UPDATE_STRATEGY\n" +
			"set DRAIN Scheduling/SlurmSettings/QueueUpdateStrategy IGNORED\n" +
			"note QueueUpdateStrategy DRAIN: jobs run to completion, then their nodes are replaced; " + back + downloads + updateIt},
		"without a strategy": {"minimal", Request{Cluster: exists, Part: Scripts}, "part scripts\n" +
			"add the script HeadNode/CustomActions/OnNodeUpdated SUPPORTED\n" +
			"add the script Scheduling/SlurmQueues[cpu]/CustomActions/OnNodeConfigured QUEUE_UPDATE_STRATEGY\n" + downloads +
			"by hand without QueueUpdateStrategy: DRAIN ParallelCluster takes the queues' scripts only when the compute fleet is stopped " +
			"(pcluster update-compute-fleet --status STOP_REQUESTED), which ends running jobs; " + back + updateIt},
		"Sequences that ParallelCluster does not compare": {"sequence", Request{Cluster: exists, Part: Scripts}, "part scripts\n" +
			"add the script HeadNode/CustomActions/OnNodeUpdated SUPPORTED\n" +
			"add the script Scheduling/SlurmQueues[ml]/CustomActions/OnNodeConfigured QUEUE_UPDATE_STRATEGY\n" +
			"note QueueUpdateStrategy DRAIN: jobs run to completion, then their nodes are replaced; " + back + downloads +
			"note pcluster update-cluster does not compare the entries of a Sequence (as of version 3.12): running nodes continue " +
			"without the new script until they are replaced\n" + updateIt},
		"login pools and roles of their own": {"login_pools", Request{Cluster: exists}, "part policies\n" +
			"add the policy LoginNodes/Pools[people]/Iam/AdditionalIamPolicies LOGIN_NODES_POOL_STOP\n" +
			"add the policy Scheduling/SlurmQueues[q]/Iam/AdditionalIamPolicies SUPPORTED\n" +
			headByHand + loginByHand +
			"by hand LoginNodes/Pools[people]: ParallelCluster changes the policies of a login pool only while the pool has no nodes: " +
			"update the cluster with Count: 0 first, then with these changes and the current Count\n" + updateIt +
			"next parascope cluster attach --config c.yaml --cluster hpc --part scripts --write\n"},
		"login nodes that start later": {"login_pools", Request{Cluster: exists, Part: Scripts, Drain: true}, "part scripts\n" +
			"add the script HeadNode/CustomActions/OnNodeUpdated SUPPORTED\n" +
			"add the script LoginNodes/Pools[people]/CustomActions/OnNodeUpdated SUPPORTED\n" +
			"add the script LoginNodes/Pools[builds]/CustomActions/OnNodeUpdated SUPPORTED\n" +
			"add the script Scheduling/SlurmQueues[q]/CustomActions/OnNodeConfigured QUEUE_UPDATE_STRATEGY\n" +
			"set DRAIN Scheduling/SlurmSettings/QueueUpdateStrategy IGNORED\n" +
			"note QueueUpdateStrategy DRAIN: jobs run to completion, then their nodes are replaced; " + back + laterOnes + downloads +
			headByHand + loginByHand + updateIt},
		"version 3.10": {"login_pools", Request{Cluster: with(func(c *lookup.Cluster) { c.Version = "3.10.1" }), Part: Scripts, Drain: true},
			"part scripts\n" +
				"add the script HeadNode/CustomActions/OnNodeUpdated SUPPORTED\n" +
				"add the script Scheduling/SlurmQueues[q]/CustomActions/OnNodeConfigured QUEUE_UPDATE_STRATEGY\n" +
				"set DRAIN Scheduling/SlurmSettings/QueueUpdateStrategy IGNORED\n" +
				"note login nodes do not get the script: CustomActions of login pools require ParallelCluster 3.11, but the cluster has 3.10.1\n" +
				"note QueueUpdateStrategy DRAIN: jobs run to completion, then their nodes are replaced; " + back + downloads + headByHand + updateIt},
		"an update that runs": {"attached_by_hand", Request{Cluster: with(func(c *lookup.Cluster) { c.Status = "UPDATE_IN_PROGRESS" })},
			"part policies\n" +
				"add the policy HeadNode/Iam/AdditionalIamPolicies SUPPORTED\n" +
				"add the policy Scheduling/SlurmQueues[q]/Iam/AdditionalIamPolicies SUPPORTED\n" +
				"by hand wait until the cluster's operation ends: cluster hpc is UPDATE_IN_PROGRESS\n" + updateIt +
				"next parascope cluster attach --config c.yaml --cluster hpc --part scripts --write\n"},
	} {
		t.Run(name, func(t *testing.T) {
			c.request.File, c.request.Text = "c.yaml", all[c.config]
			p, err := PlanAttach(c.request, testSource)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, planOf(p)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestPlanRefuses(t *testing.T) {
	all := configurations(t)
	for name, c := range map[string]struct {
		config    string
		cluster   lookup.Cluster
		err, next string
	}{
		"version 3.5": {"minimal", lookup.Cluster{Name: "hpc", Exists: true, Version: "3.5.1"}, "a Sequence of scripts requires 3.6",
			"newer version"},
		"a template's cluster": {"minimal", lookup.Cluster{Name: "hpc", Exists: true, Version: "3.16.3", CustomResource: true},
			"was created by a CloudFormation template", "the CloudFormation template"},
		"another region": {"another region", lookup.Cluster{Name: "hpc"}, "c.yaml is for region eu-west-1, and the stack is in us-east-2",
			"--region eu-west-1, or remove Region"},
		"a template, and pcluster's": {"template", lookup.Cluster{Name: "hpc", Exists: true, Version: "3.16.3"}, "was created by pcluster",
			"describe-cluster"},
	} {
		t.Run(name, func(t *testing.T) {
			all["another region"] = bytes.Replace(all["minimal"], []byte("us-east-2"), []byte("eu-west-1"), 1)
			_, err := PlanAttach(Request{File: "c.yaml", Text: all[c.config], Cluster: c.cluster}, testSource)
			if err == nil || !strings.Contains(err.Error(), c.err) || !strings.Contains(hint.Next(err), c.next) ||
				hint.CodeOf(err) != hint.BadInput {
				t.Errorf("exit code %d, %v, next step %q", hint.CodeOf(err), err, hint.Next(err))
			}
		})
	}
}

// TestPoliciesAreThere: the part without changes leads to the next one, as long as that has some.
func TestPoliciesAreThere(t *testing.T) {
	hpc := lookup.Cluster{Name: "hpc", Exists: true, Version: "3.16.3", Status: "CREATE_COMPLETE"}
	r := Request{File: "c.yaml", Text: configurations(t)["minimal"], Cluster: hpc}
	for _, c := range []struct {
		part    Part
		pending bool
		next    string
	}{{Policies, false, ""}, {"", true, "--part scripts --write"}, {Scripts, false, ""}, {"", false, ""}} {
		r.Part = c.part
		p, err := PlanAttach(r, testSource)
		if err != nil || p.Pending != c.pending || !strings.Contains(strings.Join(p.Next, "\n"), c.next) {
			t.Errorf("part %q: pending %t, %q, %v", c.part, p.Pending, p.Next, err)
		}
		if c.part == "" && !c.pending && len(p.Next) > 0 {
			t.Errorf("all is there: %q", p.Next)
		}
		r.Text = p.Text
	}
}

// TestScriptsAlone: a cluster that is created with scripts and without policies would fail.
func TestScriptsAlone(t *testing.T) {
	all := configurations(t)
	r := Request{File: "c.yaml", Text: all["minimal"], Cluster: lookup.Cluster{Name: "hpc"}, Part: Scripts, Again: " --region us-east-2"}
	_, err := PlanAttach(r, testSource)
	if hint.CodeOf(err) != hint.BadInput ||
		!strings.Contains(err.Error(), "HeadNode/Iam/AdditionalIamPolicies, add the policy "+remoteWrite) || hint.Next(err) !=
		"'parascope cluster attach --config c.yaml --cluster hpc --region us-east-2 --part all --write' writes policies and scripts" {
		t.Errorf("%v, %q", err, hint.Next(err))
	}
	r.Part = Policies
	first, err := PlanAttach(r, testSource)
	if err != nil {
		t.Fatal(err)
	}
	r.Text, r.Part = first.Text, Scripts
	if second, err := PlanAttach(r, testSource); err != nil || len(second.Changes) != 2 {
		t.Errorf("after the policies: %v, %v", second.Changes, err)
	}
}

// TestDetachFromARunningCluster: what ParallelCluster refuses to change stays, the
// programs are removed by an update, and policies go in a second one.
func TestDetachFromARunningCluster(t *testing.T) {
	all := configurations(t)
	hpc := lookup.Cluster{Name: "hpc", Exists: true, Version: "3.16.3", Status: "CREATE_COMPLETE"}
	attached, err := Attach("c.yaml", all["login_pools"], newCluster)
	if err != nil {
		t.Fatal(err)
	}
	first, err := PlanDetach(Request{File: "c.yaml", Text: attached.Text, Cluster: hpc}, "us-east-2")
	if err != nil {
		t.Fatal(err)
	}
	stays := func(place string) string {
		text := "by hand " + place + " keeps the script as OnNodeConfigured, and its policies, until the cluster is deleted: " +
			"ParallelCluster refuses to change OnNodeConfigured; " + testScript + " must stay in the bucket"
		if strings.HasPrefix(place, "LoginNodes") {
			text += ". A login node that starts later runs the script, and installs the programs again"
		}
		return text + "\n"
	}
	if diff := cmp.Diff("part scripts\n"+
		"add the script HeadNode/CustomActions/OnNodeUpdated SUPPORTED\n"+
		"add the script LoginNodes/Pools[people]/CustomActions/OnNodeUpdated SUPPORTED\n"+
		"add the script LoginNodes/Pools[builds]/CustomActions/OnNodeUpdated SUPPORTED\n"+
		"remove the script Scheduling/SlurmQueues[q]/CustomActions/OnNodeConfigured QUEUE_UPDATE_STRATEGY\n"+
		"note policies are kept in this update, because nodes that start before the update ends still read the script\n"+
		"note the update stops the head; detaching the policies afterwards ends the cluster's alert HeadSilent\n"+
		stays("HeadNode")+stays("LoginNodes/Pools[people]")+stays("LoginNodes/Pools[builds]")+
		"by hand without QueueUpdateStrategy: DRAIN ParallelCluster takes the queues' scripts only when the compute fleet is stopped "+
		"(pcluster update-compute-fleet --status STOP_REQUESTED), which ends running jobs; "+back+updateIt+
		"next parascope cluster detach --config c.yaml --cluster hpc --part policies --write\n", planOf(first)); diff != "" {
		t.Error(diff)
	}
	golden(t, "testdata/detach/login_pools.scripts.yaml", first.Text)

	second, err := PlanDetach(Request{File: "c.yaml", Text: first.Text, Cluster: hpc, Part: Policies}, "us-east-2")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("part policies\n"+
		"remove the script HeadNode/CustomActions/OnNodeUpdated SUPPORTED\n"+
		"remove the script LoginNodes/Pools[people]/CustomActions/OnNodeUpdated SUPPORTED\n"+
		"remove the script LoginNodes/Pools[builds]/CustomActions/OnNodeUpdated SUPPORTED\n"+
		"remove the policy Scheduling/SlurmQueues[q]/Iam/AdditionalIamPolicies SUPPORTED\n"+
		stays("HeadNode")+stays("LoginNodes/Pools[people]")+stays("LoginNodes/Pools[builds]")+updateIt, planOf(second)); diff != "" {
		t.Error(diff)
	}
	golden(t, "testdata/detach/login_pools.policies.yaml", second.Text)

	// One that was attached while it ran has nothing that must stay.
	attached, err = Attach("c.yaml", all["login_pools"], running)
	if err != nil {
		t.Fatal(err)
	}
	text := attached.Text
	for _, part := range []Part{Scripts, Policies} {
		p, err := PlanDetach(Request{File: "c.yaml", Text: text, Cluster: hpc, Part: part}, "us-east-2")
		if err != nil {
			t.Fatal(err)
		}
		text = p.Text
	}
	if diff := cmp.Diff(string(all["login_pools"]), string(text)); diff != "" {
		t.Error(diff)
	}
}

func TestConfigurationIsAttached(t *testing.T) {
	n := newcluster.Cluster{Name: "hpc", OS: "alinux2023", HeadType: "m7i.xlarge", KeyName: "a: key"}
	for _, s := range []string{"gpu:p5.48xlarge:0-4", "cpu:c7i.xlarge:1-8"} {
		q, err := newcluster.ParseQueue(s)
		if err != nil {
			t.Fatal(err)
		}
		q.EFA = q.Name == "gpu"
		n.Queues = append(n.Queues, q)
	}
	got, e, err := Configuration(n, testSource)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/new/cluster-config.yaml", got)
	if e.ClusterName != "hpc" || e.Region != "us-east-2" {
		t.Errorf("the environment is %+v", e)
	}
	again, err := Attach("c.yaml", got, newCluster)
	if err != nil || len(again.Changes) > 0 {
		t.Errorf("attach changes %v, %v", again.Changes, err)
	}
	for _, bad := range []string{"", "gpu", "gpu:p5.48xlarge", "GPU:p5.48xlarge:0-4", "gpu:p5:0-4", "gpu:p5.48xlarge:4-0",
		"gpu:p5.48xlarge:0-0", "gpu:p5.48xlarge:-1-2", "gpu:p5.48xlarge:x"} {
		if q, err := newcluster.ParseQueue(bad); hint.CodeOf(err) != hint.Usage {
			t.Errorf("%q is %+v, %v", bad, q, err)
		}
	}
}

// BenchmarkAttachOfAHundredQueues is one attach, all checks included.
func BenchmarkAttachOfAHundredQueues(b *testing.B) {
	var text strings.Builder
	text.WriteString("Region: us-east-2\nHeadNode:\n  InstanceType: t3.medium\nScheduling:\n  Scheduler: slurm\n  SlurmQueues:\n")
	for i := range 100 {
		fmt.Fprintf(&text, "    - Name: q%d\n      ComputeResources:\n        - Name: c\n          InstanceType: c7i.xlarge\n"+
			"      CustomActions:\n        OnNodeConfigured:\n          Script: s3://site/x.sh\n          Args:\n            - a\n", i)
	}
	for b.Loop() {
		if _, err := Attach("c.yaml", []byte(text.String()), newCluster); err != nil {
			b.Fatal(err)
		}
	}
}
