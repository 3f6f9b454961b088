package iam_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/grafana"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/parascope/parascope"
	"github.com/parascope/parascope/internal/alerts"
	"github.com/parascope/parascope/internal/amp"
	"github.com/parascope/parascope/internal/artifact"
	"github.com/parascope/parascope/internal/cluster/lookup"
	"github.com/parascope/parascope/internal/cluster/newcluster"
	"github.com/parascope/parascope/internal/cluster/staging"
	clusterstatus "github.com/parascope/parascope/internal/cluster/status"
	"github.com/parascope/parascope/internal/deploy"
	"github.com/parascope/parascope/internal/identity"
	"github.com/parascope/parascope/internal/people"
	"github.com/parascope/parascope/internal/rules"
	"github.com/parascope/parascope/internal/stack"
)

// TestNothingIsGrantedThatIsNotUsed does all that the policies are for, and
// compares what they grant with what was asked for.
func TestNothingIsGrantedThatIsNotUsed(t *testing.T) {
	c := startCloud(t)
	result := c.up(t, deploy.UpOptions{
		People: []people.Want{{Who: "alice@example.com", Role: "ADMIN"}}, Parameters: map[string]string{"GrafanaVersion": "10.4"},
	})
	operator := c.Operator()
	resources, err := stack.New(operator, stackName).Resources(t.Context(), stackName)
	if err != nil {
		t.Fatal(err)
	}
	both := parse(t, parascope.DeployerPolicy)
	both.Statement = append(both.Statement, parse(t, parascope.DeployerAlertsPolicy).Statement...)
	granted := []grants{{name: deployer, who: []string{"user/" + deployer}, document: both}}
	granted = append(granted, stackGrants(t, policies(t, operator, resources), resources)...)

	u := newUsers(t, c, result.Outputs)
	for name, exercise := range u.exercises() {
		if err := exercise(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := u.disturbRules(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := alerts.WriteRules(t.Context(), c.As(deployer), result.Outputs["AMPWorkspaceId"]); err != nil {
		t.Error(err)
	}
	at := alerts.Place{WorkspaceID: result.Outputs["AMPWorkspaceId"], Endpoint: result.Outputs["AMPPrometheusEndpoint"]}
	seen := map[string]string{"__name__": rules.HeadSeen, "cluster": "gone"}
	if err := amp.WriteSample(t.Context(), operator, at.Endpoint, seen, 1, time.Now()); err != nil {
		t.Fatal(err)
	}
	silence(t, c.As(deployer), at)
	if err := alerts.Forget(t.Context(), c.As(deployer), at, "gone", time.Now()); err != nil {
		t.Errorf("forget a cluster: %v", err)
	}
	if err := u.leave(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.up(t, deploy.UpOptions{Parameters: map[string]string{
		"VPCName": "renamed", "MetricsRetentionInDays": "30", "OutOfOrderTimeWindowInSeconds": "300", "LogRetentionInDays": "7",
		"GrafanaVersion": "12.4", "AlertEmail": "alice@example.com", "AlertRoutes": `{receiver: parascope, matchers: ['cluster="ml"']}`,
	}})
	upgrade(t, c)
	c.up(t, deploy.UpOptions{Parameters: map[string]string{"AlertEmail": ""}})
	manage(t, c, result.Outputs)
	takeDown(t, c)
	typeCommands(t, c)

	listed := readUnexercised(t, unexercisedText)
	for _, g := range granted {
		listed = g.check(t, &c.asked, listed)
	}
	for _, l := range listed {
		t.Errorf("unexercised.txt: %s: nothing grants it", l)
	}
}

// grants are what a policy gives to those who have it.
type grants struct {
	name     string // as unexercised.txt calls the policy
	who      []string
	document document
}

// stackGrants are those of the stack's policies but the trust policies, which
// grant a way in and not a permission.
func stackGrants(t *testing.T, all []policy, resources []stack.Resource) []grants {
	t.Helper()
	role := func(logicalID string) string {
		i := slices.IndexFunc(resources, func(r stack.Resource) bool { return r.LogicalID == logicalID })
		if i < 0 {
			t.Fatalf("the stack has no %s", logicalID)
		}
		return "role/" + resources[i].PhysicalID
	}
	var granted []grants
	for _, p := range all {
		g := grants{name: p.logicalID, document: p.document}
		switch {
		case p.trust:
			continue
		case p.logicalID == "RemoteWritePolicy", p.logicalID == "NodePolicy":
			g.who = []string{"role/" + writerRole}
		case p.logicalID == "QueryPolicy":
			g.who = []string{role("GrafanaRole")}
		default:
			g.who = []string{role(p.logicalID)}
		}
		granted = append(granted, g)
	}
	return granted
}

// check returns what is listed for other policies.
func (g grants) check(t *testing.T, asked *audit, listed []unexercised) (rest []unexercised) {
	t.Helper()
	covered := map[string]bool{} // entries of the list, by what they name
	for _, statement := range g.document.Statement {
		sid, _ := statement["Sid"].(string)
		for _, action := range actions(statement) {
			used := slices.ContainsFunc(g.who, func(who string) bool { return asked.by(who, action) })
			i := slices.IndexFunc(listed, func(l unexercised) bool { return l.policy == g.name && (l.what == sid || l.what == action) })
			switch {
			case strings.Contains(action, "*"):
				t.Errorf("%s %s: %s is not one action", g.name, sid, action)
			case i < 0 && !used:
				t.Errorf("%s %s: %s is granted and was never asked for: take it out, or name it in unexercised.txt, with a source", g.name, sid, action)
			case i >= 0 && used:
				t.Errorf("%s %s: %s was asked for, and does not belong into unexercised.txt", g.name, sid, action)
			}
			if i >= 0 {
				covered[listed[i].what] = true
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(listed), func(l unexercised) bool { return l.policy == g.name && covered[l.what] })
}

// upgrade does what "parascope up" of another version does, with other policies,
// descriptions and another function.
func upgrade(t *testing.T, c *cloud) {
	t.Helper()
	ctx, cfg := t.Context(), c.As(deployer)
	packaged, err := artifact.Package(ctx, cfg, artifact.PackageOptions{Architecture: artifact.HostArchitecture(), CreateBucket: true,
		Stack: stackName}, func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	function, err := artifact.LoadFunction(artifact.HostArchitecture())
	if err != nil {
		t.Fatal(err)
	}
	other := packaged.Place
	other.Key = "grafana-datasource-setup/" + stackName + "/other.zip"
	if _, err := s3.NewFromConfig(cfg).PutObject(ctx,
		&s3.PutObjectInput{Bucket: &other.Bucket, Key: &other.Key, Body: bytes.NewReader(function.Zip)}); err != nil {
		t.Fatal(err)
	}
	template, err := stack.Template(other)
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range [][2]string{
		{"Sid: SendMetrics", "Sid: SendAllMetrics"}, {"Sid: Lambda", "Sid: LambdaOnly"}, {"Sid: ReadMetrics", "Sid: ReadAllMetrics"},
		{"'Data sources of the", "'The data sources of the"}, {"'Setup function of", "'The setup function of"},
		{"'Monitoring of the", "'Metrics of the"}, {"MemorySize: 128", "MemorySize: 256"},
	} {
		if strings.Count(template, change[0]) != 1 {
			t.Fatalf("the template has %q %d times", change[0], strings.Count(template, change[0]))
		}
		template = strings.Replace(template, change[0], change[1], 1)
	}
	s := stack.New(cfg, stackName)
	set, err := s.Plan(ctx, template, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := set.Execute(ctx); err != nil {
		t.Fatal(err)
	}
	state, err := s.Watch(ctx, stackName, func(e stack.Event) {
		if e.Failed() {
			t.Errorf("%s: %s", e.LogicalID, e.Reason)
		}
	})
	if err != nil || state.Status != types.StackStatusUpdateComplete {
		t.Fatalf("upgraded: %+v, %v", state, err)
	}
}

// manage does what the commands users, connect, query, status, logs and package do.
func manage(t *testing.T, c *cloud, outputs map[string]string) {
	t.Helper()
	ctx, cfg := t.Context(), c.As(deployer)
	team, err := people.Open(ctx, cfg, stackName)
	if err != nil {
		t.Fatal(err)
	}
	directory, err := identity.Open(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if found, err := directory.List(ctx, ""); err != nil || len(found) == 0 {
		t.Errorf("find: %v, %v", found, err)
	}
	steps, err := team.Plan(ctx, []people.Want{{Who: "bob@example.com", Role: "EDITOR"}, {Who: "group:platform-team", Role: "VIEWER"}}, true)
	if err != nil {
		t.Fatal(err)
	}
	if done, err := team.Apply(ctx, steps); err != nil || len(done) != 3 {
		t.Errorf("apply: %v, %v", done, err)
	}
	if members, err := team.Members(ctx); err != nil || len(members) != 2 {
		t.Errorf("members: %v, %v", members, err)
	}
	if _, err := deploy.Connect(ctx, cfg, deploy.Target{StackName: stackName}); err != nil {
		t.Error(err)
	}
	if _, err := amp.FindWorkspace(ctx, cfg, stackName); err != nil {
		t.Error(err)
	}
	if status, err := deploy.Look(ctx, cfg, deploy.Target{StackName: stackName}); err != nil || len(status.Unknown) > 0 {
		t.Errorf("status: %+v, %v", status, err)
	}
	lines := 0
	if err := deploy.Logs(ctx, cfg, deploy.Target{StackName: stackName}, time.Now().Add(-time.Hour), false, func(deploy.LogLine) error {
		lines++
		return nil
	}); err != nil || lines == 0 {
		t.Errorf("logs: %d lines, %v", lines, err)
	}
	if staged, err := (staging.Stage{Stack: stackName, Version: "v1"}).Put(ctx, cfg); err != nil ||
		staged.Uploaded == 0 {
		t.Errorf("stage: %+v, %v", staged, err)
	}
	if found, err := lookup.Find(ctx, cfg, "hpc"); err != nil || found.Exists {
		t.Errorf("find a cluster: %+v, %v", found, err)
	}
	asked := newcluster.Cluster{HeadType: "m7i.xlarge", Queues: []newcluster.Queue{{Name: "gpu", InstanceType: "p5.48xlarge"}}}
	if notes, err := asked.Ask(ctx, cfg); err != nil || len(notes) > 0 || !asked.Queues[0].EFA {
		t.Errorf("ask for instance types: %v, %v", notes, err)
	}
	if status, err := clusterstatus.Look(ctx, cfg, lookup.Cluster{Name: "hpc"}, clusterstatus.Options{
		Stack: stackName, Now: time.Now}); err != nil ||
		len(status.Unknown) > 0 {
		t.Errorf("cluster status: %+v, %v", status, err)
	}
	if names, err := lookup.Names(ctx, cfg); err != nil || len(names) > 0 {
		t.Errorf("clusters: %v, %v", names, err)
	}
	// What the connector's own words tell people to do when Grafana has no room for tokens.
	if _, err := grafana.NewFromConfig(cfg).ListWorkspaceServiceAccounts(ctx,
		&grafana.ListWorkspaceServiceAccountsInput{WorkspaceId: aws.String(outputs["ManagedGrafanaWorkspaceId"])}); err != nil {
		t.Error(err)
	}
}

// silence does with the alert manager what people do.
func silence(t *testing.T, cfg aws.Config, at alerts.Place) {
	t.Helper()
	if _, err := alerts.List(t.Context(), cfg, at); err != nil {
		t.Error(err)
	}
	id, err := alerts.Mute(t.Context(), cfg, at, alerts.Quiet{Matchers: []string{"NodeDown"}, From: time.Now(), For: time.Hour, By: "alice",
		Comment: "maintenance"})
	if err != nil {
		t.Fatal(err)
	}
	if all, err := alerts.Silences(t.Context(), cfg, at); err != nil || len(all) != 1 || all[0].ID != id {
		t.Errorf("silences: %+v, %v", all, err)
	}
	if err := alerts.Unmute(t.Context(), cfg, at, id); err != nil {
		t.Error(err)
	}
}

// takeDown thinks better of a change, and takes everything down.
func takeDown(t *testing.T, c *cloud) {
	t.Helper()
	ctx, cfg := t.Context(), c.As(deployer)
	no := errors.New("no")
	if _, err := deploy.Up(ctx, cfg, deploy.UpOptions{
		Target: deploy.Target{StackName: stackName}, Package: artifact.PackageOptions{Architecture: artifact.HostArchitecture()},
		Parameters: map[string]string{"MonitoringType": "amp-only"}, Confirm: func(string) (bool, error) { return false, no },
	}, func(deploy.Event) {}); !errors.Is(err, no) {
		t.Errorf("up, thought better of: %v", err)
	}
	// A rollback that failed is hard to come by: that it is asked for is enough here.
	if err := stack.New(cfg, stackName).ContinueRollback(ctx); err == nil || strings.Contains(err.Error(), "not authorized") {
		t.Errorf("continue a rollback of a stack that has none: %v", err)
	}
	makeCluster(t, c)
	for range 2 { // the second time the stack is known as deleted
		if _, err := deploy.Down(ctx, cfg, deploy.DownOptions{Target: deploy.Target{StackName: stackName}}, func(deploy.Event) {}); err != nil {
			t.Error(err)
		}
	}
}

// makeCluster makes a cluster, as the operator, that does not need what is staged: down reads its
// configuration before it deletes that.
func makeCluster(t *testing.T, c *cloud) {
	t.Helper()
	cfg := c.Operator()
	client := s3.NewFromConfig(cfg)
	bucket, dir := aws.String("parallelcluster-0123456789abcdef-v1-do-not-delete"), "parallelcluster/3.16.3/clusters/hpc-0123456789abcdef"
	if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: bucket,
		CreateBucketConfiguration: &s3types.CreateBucketConfiguration{
			LocationConstraint: s3types.BucketLocationConstraint(cfg.Region)}}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: bucket, Key: aws.String(dir + "/configs/cluster-config.yaml"),
		Body: strings.NewReader("Scheduling: {Scheduler: slurm}\n")}); err != nil {
		t.Fatal(err)
	}
	template := `{"Parameters": {"ResourcesS3Bucket": {"Type": "String", "Default": "` + *bucket + `"},
		"ArtifactS3RootDirectory": {"Type": "String", "Default": "` + dir + `"}}, "Resources": {"Log": {"Type": "AWS::Logs::LogGroup"}}}`
	if _, err := cloudformation.NewFromConfig(cfg).CreateStack(t.Context(), &cloudformation.CreateStackInput{StackName: aws.String("hpc"),
		TemplateBody: &template, Tags: []types.Tag{{Key: aws.String("parallelcluster:version"), Value: aws.String("3.16.3")}}}); err != nil {
		t.Fatal(err)
	}
}

// typeCommands does what the guide types, or its reader, and the program does otherwise.
func typeCommands(t *testing.T, c *cloud) {
	t.Helper()
	ctx, client := t.Context(), cloudformation.NewFromConfig(c.As(deployer))
	name, body := aws.String(stackName), aws.String(parascope.Template)
	must := func(doing string, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", doing, err)
		}
	}
	_, err := client.ValidateTemplate(ctx, &cloudformation.ValidateTemplateInput{TemplateBody: body})
	must("validate", err)
	capabilities := []types.Capability{types.CapabilityCapabilityNamedIam}
	monitoring := func(kind string) []types.Parameter {
		return []types.Parameter{{ParameterKey: aws.String("MonitoringType"), ParameterValue: &kind}}
	}
	_, err = client.CreateStack(ctx, &cloudformation.CreateStackInput{StackName: name, TemplateBody: body, Parameters: monitoring("none"),
		Capabilities: capabilities})
	must("create", err)
	look := &cloudformation.DescribeStacksInput{StackName: name}
	must("wait", cloudformation.NewStackCreateCompleteWaiter(client, func(o *cloudformation.StackCreateCompleteWaiterOptions) {
		o.MinDelay, o.MaxDelay = 50*time.Millisecond, time.Second
	}).Wait(ctx, look, time.Minute))
	_, err = client.UpdateStack(ctx, &cloudformation.UpdateStackInput{StackName: name, TemplateBody: body, Parameters: monitoring("amp-only"),
		Capabilities: capabilities})
	must("update", err)
	must("wait", cloudformation.NewStackUpdateCompleteWaiter(client, func(o *cloudformation.StackUpdateCompleteWaiterOptions) {
		o.MinDelay, o.MaxDelay = 50*time.Millisecond, time.Second
	}).Wait(ctx, look, time.Minute))
	_, err = client.DescribeStackResources(ctx, &cloudformation.DescribeStackResourcesInput{StackName: name})
	must("resources", err)
	_, err = client.DescribeStackEvents(ctx, &cloudformation.DescribeStackEventsInput{StackName: name})
	must("events", err)
	_, err = client.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: name})
	must("delete", err)
	must("wait", cloudformation.NewStackDeleteCompleteWaiter(client, func(o *cloudformation.StackDeleteCompleteWaiterOptions) {
		o.MinDelay, o.MaxDelay = 50*time.Millisecond, time.Second
	}).Wait(ctx, look, time.Minute))
}
