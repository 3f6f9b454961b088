package awsside

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/amp"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	amg "github.com/aws/aws-sdk-go-v2/service/grafana"
	amgtypes "github.com/aws/aws-sdk-go-v2/service/grafana/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/identitystore"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/parascope/parascope/internal/doctor"
	"github.com/parascope/parascope/internal/grafana"
	"github.com/parascope/parascope/localaws"
	"github.com/parascope/parascope/localaws/localtest"
	"github.com/parascope/parascope/localaws/localtest/check"
)

// Ten faults were written from the checks' documents and the guide alone, before the checks were
// read. Six are here: a group that is deleted, a default that somebody changed, a boundary without
// aps:GetLabels, a login node's exporter, a drained node without a target, a head node that is
// terminated. Four need a head that runs: internal/cli/testdata/script/doctor_head.txtar. More of the
// kind, for checks that nothing else made fail alone, are in blind_way_test.go and in package preflight.

// only wants exactly this check failed, with a text in its detail; "": none.
func only(t *testing.T, what string, all []doctor.Result, id, says string) {
	t.Helper()
	var failed, details []string
	for _, r := range all {
		if r.Status == doctor.Failed {
			failed, details = append(failed, r.ID), append(details, r.Detail)
			if r.ID == id && (!strings.Contains(r.Detail, says) || r.Next == "") {
				t.Errorf("%s: %q, try %q; want %q in it", what, r.Detail, r.Next, says)
			}
		}
	}
	if !slices.Equal(failed, strings.Fields(id)) {
		t.Errorf("%s: failed %q, want %q: %q", what, failed, id, details)
	}
}

// TestBlindFaultsOfTheStack: a group that is gone, a default that somebody changed, a boundary,
// an update that was rolled back.
func TestBlindFaultsOfTheStack(t *testing.T) {
	i := bringUp(t)
	ctx := t.Context()

	// A group has a role, and is deleted.
	store := i.identityStore()
	directory := identitystore.NewFromConfig(i.cfg)
	group, err := directory.CreateGroup(ctx, &identitystore.CreateGroupInput{IdentityStoreId: &store, DisplayName: aws.String("physics")})
	check.OK(t, err)
	roles := amg.NewFromConfig(i.cfg)
	permit := func(action amgtypes.UpdateAction) {
		out, err := roles.UpdatePermissions(ctx, &amg.UpdatePermissionsInput{WorkspaceId: aws.String(i.outputs["ManagedGrafanaWorkspaceId"]),
			UpdateInstructionBatch: []amgtypes.UpdateInstruction{{Action: action, Role: amgtypes.RoleEditor,
				Users: []amgtypes.User{{Id: group.GroupId, Type: amgtypes.UserTypeSsoGroup}}}}})
		check.OK(t, err)
		if len(out.Errors) > 0 {
			t.Fatalf("%+v", out.Errors)
		}
	}
	permit(amgtypes.UpdateActionAdd)
	only(t, "a group has a role", i.doctor(), "", "")
	_, err = directory.DeleteGroup(ctx, &identitystore.DeleteGroupInput{IdentityStoreId: &store, GroupId: group.GroupId})
	check.OK(t, err)
	only(t, "a group was deleted", i.doctor(), "users-deleted", *group.GroupId)
	permit(amgtypes.UpdateActionRevoke)

	// Somebody makes a data source of their own the default.
	i.grafana(func(c *grafana.Client) error {
		return c.CreateDataSource(ctx, grafana.DataSource{Name: "Lab", Type: "prometheus", Access: "proxy", URL: "http://lab.example.com",
			IsDefault: true})
	})
	only(t, "another default", i.doctor(), "data-source-default", "Lab")
	if undo := i.fix("data-source-default"); !strings.HasSuffix(undo, "; and make Lab the default") {
		t.Errorf("to undo it: %s", undo)
	}
	only(t, "ours is the default again", i.doctor(), "", "")

	// The repair is undone as it says, and made again.
	i.sourceOf("Lab", func(d *grafana.DataSource) { d.IsDefault = true })
	only(t, "the repair is undone", i.doctor(), "data-source-default", "Lab")
	i.fix("data-source-default")
	only(t, "ours is the default once more", i.doctor(), "", "")

	// A boundary leaves out what Grafana's query builder needs.
	rights, name := iam.NewFromConfig(i.cfg), i.resources["GrafanaRole"]
	boundary, err := rights.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: aws.String("site"), PolicyDocument: aws.String(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["aps:QueryMetrics","aps:GetMetricMetadata","aps:GetSeries",` +
			`"aps:ListWorkspaces","aps:DescribeWorkspace","cloudwatch:*","logs:*","ec2:*","tag:*"],"Resource":"*"}]}`)})
	check.OK(t, err)
	_, err = rights.PutRolePermissionsBoundary(ctx, &iam.PutRolePermissionsBoundaryInput{RoleName: &name,
		PermissionsBoundary: boundary.Policy.Arn})
	check.OK(t, err)
	only(t, "a boundary", i.doctor(), "grafana-permissions", "aps:GetLabels")
	_, err = rights.DeleteRolePermissionsBoundary(ctx, &iam.DeleteRolePermissionsBoundaryInput{RoleName: &name})
	check.OK(t, err)
	only(t, "no boundary", i.doctor(), "", "")

	// An update of the stack fails and is rolled back. What the stack had before works: a warning.
	// The document said that the check fails; it was the document that was wrong.
	stacks := cloudformation.NewFromConfig(i.cfg)
	template, err := stacks.GetTemplate(ctx, &cloudformation.GetTemplateInput{StackName: &i.target.StackName})
	check.OK(t, err)
	body := strings.Replace(*template.TemplateBody, "\nResources:\n",
		"\nResources:\n  Scratch:\n    Type: AWS::S3::Bucket\n    Properties:\n      BucketName: taken-scratch\n", 1)
	described, err := stacks.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &i.target.StackName})
	check.OK(t, err)
	var kept []cfn.Parameter
	for _, p := range described.Stacks[0].Parameters {
		kept = append(kept, cfn.Parameter{ParameterKey: p.ParameterKey, UsePreviousValue: aws.Bool(true)})
	}
	_, err = stacks.UpdateStack(ctx, &cloudformation.UpdateStackInput{StackName: &i.target.StackName, TemplateBody: &body,
		Parameters: kept, Capabilities: []cfn.Capability{cfn.CapabilityCapabilityNamedIam}})
	check.OK(t, err)
	if err := cloudformation.NewStackUpdateCompleteWaiter(stacks, func(o *cloudformation.StackUpdateCompleteWaiterOptions) {
		o.MinDelay, o.MaxDelay = 10*time.Millisecond, time.Second
	}).Wait(ctx, &cloudformation.DescribeStacksInput{StackName: &i.target.StackName}, time.Minute); err == nil {
		t.Fatal("the update succeeded")
	}
	all := i.doctor()
	only(t, "an update was rolled back", all, "", "")
	if r := all[slices.IndexFunc(all, func(r doctor.Result) bool { return r.ID == "stack" })]; len(r.Warnings) != 1 ||
		!strings.Contains(r.Warnings[0], "Scratch") {
		t.Errorf("%+v", r)
	}
	i.breakAlerts()
}

// breakAlerts: no definition, and an endpoint that has not confirmed.
func (i *installed) breakAlerts() {
	t, ctx := i.t, i.t.Context()
	topic, id := i.outputs["AlertTopicArn"], i.outputs["AMPWorkspaceId"]
	definitions := amp.NewFromConfig(i.cfg)
	old, err := definitions.DescribeAlertManagerDefinition(ctx, &amp.DescribeAlertManagerDefinitionInput{WorkspaceId: &id})
	check.OK(t, err)
	_, err = definitions.DeleteAlertManagerDefinition(ctx, &amp.DeleteAlertManagerDefinitionInput{WorkspaceId: &id})
	check.OK(t, err)
	only(t, "no definition", i.doctor(), "alert-manager", "no alert manager definition")
	_, err = definitions.CreateAlertManagerDefinition(ctx, &amp.CreateAlertManagerDefinitionInput{WorkspaceId: &id,
		Data: old.AlertManagerDefinition.Data})
	check.OK(t, err)
	only(t, "the definition is there again", i.doctor(), "", "")
	_, err = sns.NewFromConfig(i.cfg).Subscribe(ctx, &sns.SubscribeInput{TopicArn: &topic, Protocol: aws.String("email"),
		Endpoint: aws.String("alice@example.com")})
	check.OK(t, err)
	only(t, "nobody has confirmed", i.doctor(), "alert-subscriptions", "alice@example.com, not confirmed")
}

// TestBlindFaultsOfClusters: a login node's exporter, a drained node, a head node that is gone
// and one whose role lacks the policy.
func TestBlindFaultsOfClusters(t *testing.T) {
	s := newSite(t)
	now := time.Now()
	s.env.Now = func() time.Time { return now }
	login := `up{job="node",instance="login-1",node="login-1",node_type="login"} `
	for _, f := range []struct {
		name, id, says string
		well, now      page
	}{
		{"login", "targets", "login-1", healthy(2).with(login + "1"), healthy(2).with(login + "0")},
		{"drained", "nodes-unscraped", "n3", healthy(2), healthy(2).with(`slurm_node_status{job="slurm",node="n3",status="drain"} 1`)},
	} {
		s.send(t, f.well.series(t, f.name, now.Add(-time.Minute)))
		s.send(t, f.now.series(t, f.name, now))
		s.findClusters(t)
		_, all := s.bad(t, f.name)
		only(t, f.name, all, f.id, f.says)
	}
}

// TestTheHeadNodeOfACluster: its instance is gone; its role has lost the policy, or may not
// send because of a boundary.
func TestTheHeadNodeOfACluster(t *testing.T) {
	i := bringUp(t)
	ctx := t.Context()
	policy := i.outputs["AMPRemoteWritePolicyArn"]
	i.doctor()
	s := &site{cloud: i.cloud, cfg: i.cfg, env: i.env}
	now := i.cloud.Clock.Now()
	network := ec2.NewFromConfig(i.cfg)
	subnet := s.subnet(t)
	instance := map[string]string{}
	for _, name := range []string{"one", "two", "three", "four"} {
		instance[name] = s.pclusterCluster(t, name, policy, subnet)
		s.send(t, healthy(1).series(t, name, now))
	}
	i.doctor()
	s.env = i.env
	find := func(what, cluster, id, says string) {
		t.Helper()
		_, all := s.bad(t, cluster)
		only(t, what, all, id, says)
		for _, r := range all {
			if id == "" && (r.ID == "head-instance" || r.ID == "head-permissions") && r.Status != doctor.OK {
				t.Errorf("%s: %+v", what, r)
			}
		}
	}
	find("all is well", "one", "", "")
	_, err := network.TerminateInstances(ctx, &ec2.TerminateInstancesInput{InstanceIds: []string{instance["one"]}})
	check.OK(t, err)
	find("the head node was terminated", "one", "head-instance", "has no head node")

	rights := iam.NewFromConfig(i.cfg)
	_, err = rights.DetachRolePolicy(ctx, &iam.DetachRolePolicyInput{RoleName: aws.String(headRole("two")), PolicyArn: &policy})
	check.OK(t, err)
	find("the policy was detached", "two", "head-permissions", "policy")
	boundary, err := rights.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: aws.String("site"), PolicyDocument: aws.String(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ec2:*","s3:*","logs:*"],"Resource":"*"}]}`)})
	check.OK(t, err)
	_, err = rights.PutRolePermissionsBoundary(ctx, &iam.PutRolePermissionsBoundaryInput{RoleName: aws.String(headRole("three")),
		PermissionsBoundary: boundary.Policy.Arn})
	check.OK(t, err)
	find("a boundary forbids to send", "three", "head-permissions", "aps:RemoteWrite")
	find("another cluster is not concerned", "four", "", "")
	compute := "four-RoleQueue-1A2B"
	s.role(t, compute, "four", policy)
	_, err = rights.DetachRolePolicy(ctx, &iam.DetachRolePolicyInput{RoleName: aws.String(headRole("four")), PolicyArn: &policy})
	check.OK(t, err)
	find("compute nodes alone have the policy", "four", "head-permissions", "that the head node of cluster")
}

// TestIdentityCenterIsGone: the account had an instance, and has none, or one of its own.
func TestIdentityCenterIsGone(t *testing.T) {
	i := bringUp(t)
	i.cloud.Stop()
	address := strings.TrimPrefix(i.cloud.URL(), "http://")
	for kind, says := range map[localaws.IdentityCenter]string{"none": "not enabled", "account": "organization"} {
		i.cloud = localtest.Start(t, localaws.Options{DataDir: i.cloud.Dir, Listen: address, People: localaws.People{Kind: kind}})
		i.cfg = i.cloud.Operator()
		only(t, "Identity Center: "+string(kind), i.doctor(), "identity", says)
		i.cloud.Stop()
	}
}

func headRole(cluster string) string { return cluster + "-RoleHeadNode-1A2B" }

// subnet makes one in a network of its own.
func (s *site) subnet(t *testing.T) string {
	t.Helper()
	network := ec2.NewFromConfig(s.cfg)
	vpc, err := network.CreateVpc(t.Context(), &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")})
	check.OK(t, err)
	subnet, err := network.CreateSubnet(t.Context(), &ec2.CreateSubnetInput{VpcId: vpc.Vpc.VpcId, CidrBlock: aws.String("10.0.0.0/24")})
	check.OK(t, err)
	return *subnet.Subnet.SubnetId
}

// pclusterCluster makes what ParallelCluster makes of a cluster as far as doctor can see it: a stack
// with its tag, a head node's instance and role. It returns the instance's id.
func (s *site) pclusterCluster(t *testing.T, name, policy, subnet string) string {
	t.Helper()
	ctx := t.Context()
	stacks := cloudformation.NewFromConfig(s.cfg)
	_, err := stacks.CreateStack(ctx, &cloudformation.CreateStackInput{StackName: &name, TemplateBody: aws.String(
		"Resources:\n  Log:\n    Type: AWS::Logs::LogGroup\n"),
		Tags: []cfn.Tag{{Key: aws.String("parallelcluster:version"), Value: aws.String("3.16.3")},
			{Key: aws.String("parallelcluster:cluster-name"), Value: &name}}})
	check.OK(t, err)
	check.OK(t, cloudformation.NewStackCreateCompleteWaiter(stacks, func(o *cloudformation.StackCreateCompleteWaiterOptions) {
		o.MinDelay, o.MaxDelay = 10*time.Millisecond, time.Second
	}).Wait(ctx, &cloudformation.DescribeStacksInput{StackName: &name}, time.Minute))
	network := ec2.NewFromConfig(s.cfg)
	out, err := network.RunInstances(ctx, &ec2.RunInstancesInput{ImageId: aws.String("ami-1"), InstanceType: ec2types.InstanceTypeM5Large,
		MinCount: aws.Int32(1), MaxCount: aws.Int32(1), SubnetId: &subnet,
		TagSpecifications: []ec2types.TagSpecification{{ResourceType: ec2types.ResourceTypeInstance, Tags: []ec2types.Tag{
			{Key: aws.String("parallelcluster:cluster-name"), Value: &name}, {Key: aws.String("Name"), Value: aws.String("HeadNode")},
			{Key: aws.String("parallelcluster:node-type"), Value: aws.String("HeadNode")}}}}})
	check.OK(t, err)
	s.role(t, headRole(name), name, policy)
	return *out.Instances[0].InstanceId
}

// role makes one of a cluster's, with a policy.
func (s *site) role(t *testing.T, role, cluster, policy string) {
	t.Helper()
	ctx, rights := t.Context(), iam.NewFromConfig(s.cfg)
	_, err := rights.CreateRole(ctx, &iam.CreateRoleInput{RoleName: &role, Path: aws.String("/parallelcluster/" + cluster + "/"),
		AssumeRolePolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` +
			`"Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`)})
	check.OK(t, err)
	_, err = rights.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: &role, PolicyArn: &policy})
	check.OK(t, err)
}
