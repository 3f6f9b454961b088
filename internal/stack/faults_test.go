package stack_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/amp"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/grafana"
	grafanatypes "github.com/aws/aws-sdk-go-v2/service/grafana/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	openapi "github.com/grafana/grafana-openapi-client-go/client"

	"github.com/parascope/parascope/internal/artifact"
	"github.com/parascope/parascope/internal/artifact/deployertest"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/identity"
	"github.com/parascope/parascope/internal/stack"
	"github.com/parascope/parascope/localaws"
	"github.com/parascope/parascope/localaws/localtest/check"
)

const stackName = "pcluster-infra"

// account is one whose deployer creates and deletes the stack.
type account struct{ *deployertest.Account }

func start(t *testing.T, o localaws.Options) *account {
	t.Helper()
	return &account{deployertest.Start(t, o)}
}

// template packages the function and returns the template with its place.
func (a *account) template(t *testing.T) string {
	t.Helper()
	packed, err := a.Package(t, artifact.PackageOptions{CreateBucket: true})
	check.OK(t, err)
	text, err := stack.Template(packed.Place)
	check.OK(t, err)
	return text
}

// create creates the stack as the deployer, and returns how it ended and what
// failed on the way.
func (a *account) create(t *testing.T, template string) (stack.State, []stack.Event) {
	t.Helper()
	s := stack.New(a.Deployer, stackName)
	set, err := s.Plan(t.Context(), template, nil)
	check.OK(t, err)
	check.OK(t, set.Execute(t.Context()))
	return a.watch(t, s, stackName)
}

// delete deletes the stack as the deployer.
func (a *account) delete(t *testing.T) (stack.State, []stack.Event) {
	t.Helper()
	s := stack.New(a.Deployer, stackName)
	state, err := s.Describe(t.Context())
	check.OK(t, err)
	check.OK(t, s.Delete(t.Context()))
	return a.watch(t, s, state.ID)
}

func (a *account) watch(t *testing.T, s *stack.Stack, id string) (stack.State, []stack.Event) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var failed []stack.Event
	state, err := s.Watch(ctx, id, func(e stack.Event) {
		if e.Failed() {
			failed = append(failed, e)
		}
	})
	check.OK(t, err)
	return state, failed
}

// up creates the stack and expects it to succeed.
func (a *account) up(t *testing.T, template string) stack.State {
	t.Helper()
	state, failed := a.create(t, template)
	if state.Status != types.StackStatusCreateComplete {
		t.Fatalf("the stack is %s %s: %+v", state.Status, state.Reason, failed)
	}
	return state
}

// down deletes the stack and expects nothing to be left of it.
func (a *account) down(t *testing.T) {
	t.Helper()
	if state, failed := a.delete(t); state.Exists() {
		t.Fatalf("the stack is %s %s: %+v", state.Status, state.Reason, failed)
	}
}

// physical are the ids of the stack's resources.
func (a *account) physical(t *testing.T) map[string]string {
	t.Helper()
	all, err := stack.New(a.Deployer, stackName).Resources(t.Context(), stackName)
	check.OK(t, err)
	ids := map[string]string{}
	for _, r := range all {
		ids[r.LogicalID] = r.PhysicalID
	}
	return ids
}

// TestCreationThatRolledBack: the function's role lacks a permission. The function's
// own words are in the stack's history; the stack can be deleted, and with the
// permission created.
func TestCreationThatRolledBack(t *testing.T) {
	deployertest.NeedFunction(t)
	a := start(t, localaws.Options{})
	template := a.template(t)
	denied := strings.Replace(template, "                  - grafana:CreateWorkspaceServiceAccountToken\n", "", 1)
	if denied == template {
		t.Fatal("the template grants no tokens: this test takes another statement away")
	}
	state, failed := a.create(t, denied)
	if state.Status != types.StackStatusRollbackComplete {
		t.Fatalf("the stack is %s", state.Status)
	}
	if len(failed) == 0 || failed[0].LogicalID != "Connection" || failed[0].Caption == "" ||
		!strings.Contains(failed[0].Reason, "create a token in Grafana workspace") ||
		!strings.Contains(failed[0].Reason, "is not authorized to perform: grafana:CreateWorkspaceServiceAccountToken") {
		t.Errorf("failed: %+v", failed)
	}
	_, err := stack.New(a.Deployer, stackName).Plan(t.Context(), template, nil)
	deployertest.CheckError(t, err, hint.Failure, "is in ROLLBACK_COMPLETE state and can not be updated")
	a.down(t)
	a.up(t, template)
	a.deleteDataSource(t)
	a.down(t)
}

// deleteDataSource deletes the connection's data source in Grafana, as a person does.
func (a *account) deleteDataSource(t *testing.T) {
	t.Helper()
	client, id := grafana.NewFromConfig(a.Operator), a.physical(t)["GrafanaWorkspace"]
	w, err := client.DescribeWorkspace(t.Context(), &grafana.DescribeWorkspaceInput{WorkspaceId: &id})
	check.OK(t, err)
	person, err := client.CreateWorkspaceServiceAccount(t.Context(), &grafana.CreateWorkspaceServiceAccountInput{WorkspaceId: &id,
		Name: aws.String("person"), GrafanaRole: grafanatypes.RoleAdmin})
	check.OK(t, err)
	token, err := client.CreateWorkspaceServiceAccountToken(t.Context(), &grafana.CreateWorkspaceServiceAccountTokenInput{
		WorkspaceId: &id, ServiceAccountId: person.Id, Name: aws.String("token"), SecondsToLive: aws.Int32(600)})
	check.OK(t, err)
	api := openapi.NewHTTPClientWithConfig(nil, &openapi.TransportConfig{
		Host: *w.Workspace.Endpoint, BasePath: "/api", Schemes: []string{"http"}, APIKey: *token.ServiceAccountToken.Key})
	_, err = api.Datasources.DeleteDataSourceByName("Amazon Managed Prometheus")
	check.OK(t, err)
}

// TestDeletionAfterDeletionByHand: what is gone already is no obstacle.
func TestDeletionAfterDeletionByHand(t *testing.T) {
	deployertest.NeedFunction(t)
	a := start(t, localaws.Options{})
	a.up(t, a.template(t))
	ids := a.physical(t)
	_, err := grafana.NewFromConfig(a.Operator).DeleteWorkspace(t.Context(),
		&grafana.DeleteWorkspaceInput{WorkspaceId: aws.String(ids["GrafanaWorkspace"])})
	check.OK(t, err)
	arn := ids["PrometheusWorkspace"]
	_, err = amp.NewFromConfig(a.Operator).DeleteWorkspace(t.Context(),
		&amp.DeleteWorkspaceInput{WorkspaceId: aws.String(arn[strings.LastIndex(arn, "/")+1:])})
	check.OK(t, err)
	_, err = cloudwatchlogs.NewFromConfig(a.Operator).DeleteLogGroup(t.Context(),
		&cloudwatchlogs.DeleteLogGroupInput{LogGroupName: aws.String(ids["SetupFunctionLogGroup"])})
	check.OK(t, err)
	_, err = ec2.NewFromConfig(a.Operator).DeleteNatGateway(t.Context(),
		&ec2.DeleteNatGatewayInput{NatGatewayId: aws.String(ids["NatGateway"])})
	check.OK(t, err)
	a.down(t)
}

// TestReplacementAfterDeletionByHand: the way that the function's own words name to
// get new workspaces.
func TestReplacementAfterDeletionByHand(t *testing.T) {
	deployertest.NeedFunction(t)
	for name, without := range map[string]string{"GrafanaWorkspace": "amp-only", "PrometheusWorkspace": "none"} {
		t.Run(name, func(t *testing.T) {
			a := start(t, localaws.Options{})
			template := a.template(t)
			a.up(t, template)
			before := a.physical(t)[name]
			var err error
			if id := before[strings.LastIndex(before, "/")+1:]; name == "GrafanaWorkspace" {
				_, err = grafana.NewFromConfig(a.Operator).DeleteWorkspace(t.Context(), &grafana.DeleteWorkspaceInput{WorkspaceId: &id})
			} else {
				_, err = amp.NewFromConfig(a.Operator).DeleteWorkspace(t.Context(), &amp.DeleteWorkspaceInput{WorkspaceId: &id})
			}
			check.OK(t, err)
			for _, kind := range []string{without, "amp+amg"} {
				s := stack.New(a.Deployer, stackName)
				set, err := s.Plan(t.Context(), template, map[string]string{"MonitoringType": kind})
				check.OK(t, err)
				check.OK(t, set.Execute(t.Context()))
				if state, failed := a.watch(t, s, stackName); state.Status != types.StackStatusUpdateComplete || len(failed) > 0 {
					t.Fatalf("with %s the stack is %s %s: %+v", kind, state.Status, state.Reason, failed)
				}
			}
			if after := a.physical(t)[name]; after == "" || after == before {
				t.Errorf("%s is %q, and was %q", name, after, before)
			}
		})
	}
}

// TestDeletionAfterTheFunctionWasDeleted: CloudFormation cannot ask a function that
// is gone; the first deletion says so, and the second leaves the connection out.
func TestDeletionAfterTheFunctionWasDeleted(t *testing.T) {
	deployertest.NeedFunction(t)
	a := start(t, localaws.Options{})
	a.up(t, a.template(t))
	_, err := lambda.NewFromConfig(a.Operator).DeleteFunction(t.Context(),
		&lambda.DeleteFunctionInput{FunctionName: aws.String(a.physical(t)["SetupFunction"])})
	check.OK(t, err)
	state, failed := a.delete(t)
	if state.Status != types.StackStatusDeleteFailed || len(failed) == 0 || failed[0].LogicalID != "Connection" ||
		!strings.Contains(failed[0].Reason, "Function not found: ") {
		t.Errorf("the stack is %s: %+v", state.Status, failed)
	}
	// The connection is nothing of its own: what it made lies in the Grafana workspace.
	a.down(t)
	a.up(t, a.template(t))
}

func TestTemplatesThatAreRefused(t *testing.T) {
	a := start(t, localaws.Options{})
	s := stack.New(a.Deployer, stackName)
	const small = "Parameters: {Name: {Type: String, Default: n}}\nResources:\n  One: {Type: AWS::APS::Workspace, Properties: {Alias: !Ref " +
		"Name}}\n"
	for name, bad := range map[string]struct {
		template   string
		parameters map[string]string
		says       string
	}{
		"over size": {small + strings.Repeat("#", 51201), nil, "Member must have length less than or equal to 51200"},
		"a loop": {"Resources:\n  One: {Type: AWS::APS::Workspace, Properties: {Alias: !Ref Two}}\n  Two: {Type: " +
			"AWS::APS::Workspace, DependsOn: One}\n", nil, "Circular dependency between resources: [One, Two]"},
		"unknown parameter": {small, map[string]string{"Nmae": "x"}, "Parameters: [Nmae] do not exist in the template"},
		"no template":       {"just text", nil, "Template format error"},
	} {
		_, err := s.Plan(t.Context(), bad.template, bad.parameters)
		code := hint.Failure
		if bad.parameters != nil {
			code = hint.BadInput
		}
		deployertest.CheckError(t, err, code, "plan the changes of stack "+stackName, bad.says)
		if state, err := s.Describe(t.Context()); err != nil || state.Exists() {
			t.Errorf("%s left a stack that is %q, %v", name, state.Status, err)
		}
	}
	set, err := s.Plan(t.Context(), small, map[string]string{"Name": "x"})
	check.OK(t, err)
	check.OK(t, set.Discard(t.Context()))
}

// TestEMailGivenAsID: AWS refuses it and gives nothing to anybody; the same command
// with the id succeeds.
func TestEMailGivenAsID(t *testing.T) {
	a := start(t, localaws.Options{})
	role, err := iam.NewFromConfig(a.Operator).CreateRole(t.Context(),
		&iam.CreateRoleInput{RoleName: aws.String("grafana"), AssumeRolePolicyDocument: aws.String(
			`{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "grafana.amazonaws.com"}, "Action": "sts:AssumeRole"}]}`)})
	check.OK(t, err)
	client := grafana.NewFromConfig(a.Operator)
	made, err := client.CreateWorkspace(t.Context(), &grafana.CreateWorkspaceInput{
		AccountAccessType: grafanatypes.AccountAccessTypeCurrentAccount, PermissionType: grafanatypes.PermissionTypeCustomerManaged,
		AuthenticationProviders: []grafanatypes.AuthenticationProviderTypes{grafanatypes.AuthenticationProviderTypesAwsSso},
		WorkspaceRoleArn:        role.Role.Arn,
	})
	check.OK(t, err)
	give := func(id string) error {
		_, err := client.UpdatePermissions(t.Context(), &grafana.UpdatePermissionsInput{WorkspaceId: made.Workspace.Id,
			UpdateInstructionBatch: []grafanatypes.UpdateInstruction{{
				Action: grafanatypes.UpdateActionAdd, Role: grafanatypes.RoleAdmin,
				Users: []grafanatypes.User{{Id: &id, Type: grafanatypes.UserTypeSsoUser}},
			}}})
		return err
	}
	if err := give("alice@example.com"); err == nil || !strings.Contains(err.Error(), "ValidationException") ||
		!strings.Contains(err.Error(), "'alice@example.com' failed to satisfy constraint") {
		t.Errorf("%v", err)
	}
	list, err := client.ListPermissions(t.Context(), &grafana.ListPermissionsInput{WorkspaceId: made.Workspace.Id})
	if err != nil || len(list.Permissions) > 0 {
		t.Errorf("%+v, %v", list, err)
	}
	directory, err := identity.Open(t.Context(), a.Operator)
	check.OK(t, err)
	alice, err := directory.Find(t.Context(), "alice@example.com")
	check.OK(t, err)
	check.OK(t, give(alice.ID))
}
