package cloudformation_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/amp"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/localtest/check"
)

const twoWorkspaces = `
Description: two workspaces, the second after the first
Parameters: {Alias: {Type: String, Default: first}, Days: {Type: Number, Default: 30}, Secret: {Type: String, NoEcho: true, Default: hush}}
Resources:
  First: {Type: AWS::APS::Workspace, Metadata: {Why: it comes first}, Properties: {Alias: !Ref Alias, WorkspaceConfiguration: {RetentionPeriodInDays: !Ref Days}, Tags: [{Key: a, Value: b}]}}
  Second: {Type: AWS::APS::Workspace, Properties: {Alias: !Sub 'after-${First.WorkspaceId}'}}
Outputs:
  Endpoint: {Value: !GetAtt First.PrometheusEndpoint, Description: where to write}
  Arn: {Value: !Ref Second}
`

func (c *cloud) amp() *amp.Client {
	return amp.NewFromConfig(c.Config("us-east-2"))
}

// workspaces are the aliases of all that AMP has.
func (c *cloud) workspaces(t *testing.T) []string {
	t.Helper()
	out, err := c.amp().ListWorkspaces(t.Context(), &amp.ListWorkspacesInput{})
	if err != nil {
		t.Fatal(err)
	}
	aliases := []string{}
	for _, w := range out.Workspaces {
		aliases = append(aliases, aws.ToString(w.Alias))
	}
	return aliases
}

func TestLifeOfAStack(t *testing.T) {
	c := start(t, parts{})
	id := c.create(t, twoWorkspaces, func(in *sdk.CreateStackInput) {
		in.Parameters = []types.Parameter{{ParameterKey: aws.String("Alias"), ParameterValue: aws.String("mine")}}
		in.Tags = []types.Tag{{Key: aws.String("team"), Value: aws.String("ml")}}
		in.ClientRequestToken = aws.String("token-1")
	})
	if _, err := c.CreateStack(t.Context(),
		&sdk.CreateStackInput{StackName: aws.String("s"), TemplateBody: aws.String(twoWorkspaces)}); !isError(err, "AlreadyExistsException",
		"Stack [s] already exists") {
		t.Errorf("second creation: %v", err)
	}
	c.want(t, "s", "CREATE_COMPLETE")
	waiter := sdk.NewStackCreateCompleteWaiter(c.Client) // which asks first, and waits then
	if err := waiter.Wait(t.Context(), &sdk.DescribeStacksInput{StackName: aws.String("s")}, time.Hour); err != nil {
		t.Fatal(err)
	}
	s := c.want(t, "s", "CREATE_COMPLETE")
	first := strings.TrimPrefix(output(s, "Endpoint"), c.URL()+"/workspaces/")
	if !strings.HasPrefix(first, "ws-") || *s.Description != "two workspaces, the second after the first" ||
		!strings.HasPrefix(output(s, "Arn"), "arn:aws:aps:us-east-2:111122223333:workspace/ws-") {
		t.Errorf("stack: %s, %+v", *s.Description, s.Outputs)
	}
	want := []string{
		"s CREATE_IN_PROGRESS User Initiated",
		"First CREATE_IN_PROGRESS", "First CREATE_IN_PROGRESS Resource creation Initiated", "First CREATE_COMPLETE",
		"Second CREATE_IN_PROGRESS", "Second CREATE_IN_PROGRESS Resource creation Initiated", "Second CREATE_COMPLETE",
		"s CREATE_COMPLETE",
	}
	if diff := cmp.Diff(want, c.history(t, "s")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"Alias=mine", "Days=30", "Secret=****"}, parameterTexts(s)); diff != "" {
		t.Error(diff)
	}
	c.checkFirst(t)

	if _, err := c.DeleteStack(t.Context(),
		&sdk.DeleteStackInput{StackName: aws.String("s"), RetainResources: []string{"First"}}); !isError(err, "ValidationError",
		"DELETE_FAILED state") {
		t.Errorf("retaining: %v", err)
	}
	if _, err := c.DeleteStack(t.Context(), &sdk.DeleteStackInput{StackName: aws.String("s")}); err != nil {
		t.Fatal(err)
	}
	c.want(t, id, "DELETE_COMPLETE")
	if diff := cmp.Diff([]string{
		"s DELETE_IN_PROGRESS User Initiated", "Second DELETE_IN_PROGRESS", "Second DELETE_COMPLETE", "First DELETE_IN_PROGRESS",
		"First DELETE_COMPLETE", "s DELETE_COMPLETE",
	}, c.history(t, id)[len(want):]); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{}, c.workspaces(t)); diff != "" {
		t.Error(diff)
	}
	if _, err := c.DescribeStacks(t.Context(), &sdk.DescribeStacksInput{StackName: aws.String("s")}); !isError(err, "ValidationError",
		"Stack with id s does not exist") {
		t.Errorf("deleted stack by name: %v", err)
	}
	if _, err := c.DeleteStack(t.Context(), &sdk.DeleteStackInput{StackName: aws.String("s")}); err != nil {
		t.Errorf("deleting what is gone: %v", err)
	}
}

func parameterTexts(s types.Stack) []string {
	var out []string
	for _, p := range s.Parameters {
		out = append(out, *p.ParameterKey+"="+*p.ParameterValue)
	}
	return out
}

// checkFirst looks at the resource First through every operation that shows it.
func (c *cloud) checkFirst(t *testing.T) {
	t.Helper()
	name, logical := aws.String("s"), aws.String("First")
	one, err := c.DescribeStackResource(t.Context(), &sdk.DescribeStackResourceInput{StackName: name, LogicalResourceId: logical})
	if err != nil {
		t.Fatal(err)
	}
	physical := *one.StackResourceDetail.PhysicalResourceId
	if aws.ToString(one.StackResourceDetail.Metadata) != `{"Why":"it comes first"}` {
		t.Errorf("metadata %s", aws.ToString(one.StackResourceDetail.Metadata))
	}
	many, err := c.DescribeStackResources(t.Context(), &sdk.DescribeStackResourcesInput{PhysicalResourceId: &physical})
	if err != nil || len(many.StackResources) != 2 || *many.StackResources[0].PhysicalResourceId != physical {
		t.Errorf("DescribeStackResources: %v, %v", many, err)
	}
	list, err := c.ListStackResources(t.Context(), &sdk.ListStackResourcesInput{StackName: name})
	if err != nil || len(list.StackResourceSummaries) != 2 || list.StackResourceSummaries[0].ResourceStatus != "CREATE_COMPLETE" {
		t.Errorf("ListStackResources: %v, %v", list, err)
	}
	workspace := physical[strings.LastIndex(physical, "/")+1:]
	got, err := c.amp().DescribeWorkspace(t.Context(), &amp.DescribeWorkspaceInput{WorkspaceId: &workspace})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"a": "b", "team": "ml"}, got.Workspace.Tags); diff != "" || *got.Workspace.Alias != "mine" {
		t.Errorf("%s %s", *got.Workspace.Alias, diff)
	}
	configuration, err := c.amp().DescribeWorkspaceConfiguration(t.Context(),
		&amp.DescribeWorkspaceConfigurationInput{WorkspaceId: &workspace})
	if err != nil || *configuration.WorkspaceConfiguration.RetentionPeriodInDays != 30 {
		t.Errorf("configuration: %+v, %v", configuration, err)
	}
	body, err := c.GetTemplate(t.Context(), &sdk.GetTemplateInput{StackName: name})
	if err != nil || *body.TemplateBody != twoWorkspaces {
		t.Errorf("template: %v", err)
	}
}

func TestSecretsAreNotShown(t *testing.T) {
	c := start(t, parts{})
	const body = "Parameters: {Secret: {Type: String, NoEcho: true}}\nResources: {W: {Type: AWS::APS::Workspace, Properties: {Alias: !Sub " +
		"'a-${Secret}'}}}"
	id := c.create(t, body, func(in *sdk.CreateStackInput) { in.Parameters = []types.Parameter{parameter("Secret", `s3cr"et`)} })
	c.want(t, id, "CREATE_COMPLETE")
	events, err := c.DescribeStackEvents(t.Context(), &sdk.DescribeStackEventsInput{StackName: &id})
	check.OK(t, err)
	if got := aws.ToString(events.StackEvents[1].ResourceProperties); got != `{"Alias":"a-****"}` {
		t.Errorf("properties: %s", got)
	}
}

func TestFailedCreationRollsBack(t *testing.T) {
	// The third workspace cannot be made while the slow one is in work.
	const template = `
Resources:
  Good: {Type: AWS::APS::Workspace, Properties: {Alias: good}}
  Slow: {Type: AWS::APS::Workspace, Properties: {Alias: slow}}
  Bad: {Type: AWS::APS::Workspace, DependsOn: Good, Properties: {Alias: !GetAtt Good.Arn, WorkspaceConfiguration: {RetentionPeriodInDays: 5000}}}
  Never: {Type: AWS::APS::Workspace, DependsOn: Bad}
`
	for _, test := range []struct {
		onFailure types.OnFailure
		status    string
		left      []string
		last      string
	}{
		{types.OnFailureRollback, "ROLLBACK_COMPLETE", []string{},
			"s ROLLBACK_IN_PROGRESS The following resource(s) failed to create: [Bad]. Rollback requested by user."},
		{types.OnFailureDelete, "DELETE_COMPLETE", []string{},
			"s DELETE_IN_PROGRESS The following resource(s) failed to create: [Bad]. Delete requested by user."},
		{types.OnFailureDoNothing, "CREATE_FAILED", nil, "s CREATE_FAILED The following resource(s) failed to create: [Bad]."},
	} {
		c := start(t, parts{})
		id := c.create(t, template, func(in *sdk.CreateStackInput) { in.OnFailure = test.onFailure })
		c.want(t, id, test.status)
		history := strings.Join(c.history(t, id), "\n")
		for _, line := range []string{test.last, "Bad CREATE_FAILED Resource handler returned message: \"1 validation error detected: " +
			"retentionPeriodInDays: must be between 1 and 1095 (Service: Amp, Status Code: 400, Request ID: "} {
			if !strings.Contains(history, line) {
				t.Errorf("%s: %q is not in\n%s", test.onFailure, line, history)
			}
		}
		if strings.Contains(history, "Never") {
			t.Errorf("%s: a resource was made after the failure", test.onFailure)
		}
		if test.left != nil {
			if diff := cmp.Diff(test.left, c.workspaces(t)); diff != "" {
				t.Error(diff)
			}
		}
		if test.status == "ROLLBACK_COMPLETE" {
			_, err := c.UpdateStack(t.Context(), &sdk.UpdateStackInput{StackName: &id, TemplateBody: aws.String(twoWorkspaces)})
			if !isError(err, "ValidationError", "is in ROLLBACK_COMPLETE state and can not be updated.") {
				t.Errorf("update: %v", err)
			}
		}
		c.stop()
	}
}

func TestOtherResourcesAreCancelled(t *testing.T) {
	c := start(t, parts{delay: time.Hour})
	id := c.create(t, `
Resources:
  Slow: {Type: AWS::APS::Workspace}
  Bad: {Type: AWS::Logs::LogGroup, Properties: {Foo: x, RetentionInDays: ten}}
`, nil)
	history := c.happened(t, id, "ROLLBACK_IN_PROGRESS")
	for _, line := range []string{
		"Slow CREATE_FAILED Resource creation cancelled",
		"s ROLLBACK_IN_PROGRESS The following resource(s) failed to create: [Bad]. Rollback requested by user.",
		"Bad CREATE_FAILED Properties validation failed for resource Bad with message:\n#: extraneous key [Foo] is not permitted\n" +
			"#/RetentionInDays: expected type: Integer, found: String",
	} {
		if !strings.Contains(history, line) {
			t.Errorf("%q is not in\n%s", line, history)
		}
	}
}

func TestRefusedRequests(t *testing.T) {
	c := start(t, parts{})
	role := "Resources: {R: {Type: AWS::IAM::Role, Properties: {RoleName: x, AssumeRolePolicyDocument: {}}}}"
	for _, test := range []struct {
		name, body string
		change     func(*sdk.CreateStackInput)
		code, says string
	}{
		{"s", "Resources: {R: {Type: AWS::SQS::Queue}, S: {Type: Foo::Bar::Baz}}", nil, "ValidationError",
			"Template format error: Unrecognized resource types: [AWS::SQS::Queue, Foo::Bar::Baz] " +
				"(the local cloud supports only some of AWS's types; " +
				"see localaws/docs/operations.md)"},
		{"s", twoWorkspaces, func(in *sdk.CreateStackInput) {
			in.ResourceTypes = []string{"AWS::APS::Workspace"}
		}, "ValidationError", "ResourceTypes is not supported by the local cloud"},
		{"s", twoWorkspaces, func(in *sdk.CreateStackInput) {
			in.StackPolicyBody = aws.String("{}")
		}, "ValidationError", "StackPolicyBody is not supported by the local cloud"},
		{"s", twoWorkspaces, func(in *sdk.CreateStackInput) {
			in.NotificationARNs = []string{"arn:aws:sns:us-east-2:111122223333:t"}
		}, "ValidationError", "NotificationARNs is not supported by the local cloud"},
		{"s", twoWorkspaces, func(in *sdk.CreateStackInput) {
			in.RollbackConfiguration = &types.RollbackConfiguration{MonitoringTimeInMinutes: aws.Int32(5)}
		}, "ValidationError", "RollbackConfiguration is not supported by the local cloud"},
		{"s", "Resources: {R: {Type: AWS::APS::Workspace}}\nOutputs: {O: {Value: !GetAtt R.Nope}}", nil, "ValidationError",
			"Template error: resource R does not support attribute type Nope in Fn::GetAtt"},
		{"s", role, nil, "InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_NAMED_IAM]"},
		{"s", role, func(in *sdk.CreateStackInput) {
			in.Capabilities = []types.Capability{"CAPABILITY_IAM"}
		}, "InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_NAMED_IAM]"},
		{"1s", twoWorkspaces, nil, "ValidationError", "Value '1s' at 'stackName' failed to satisfy constraint"},
		{"s", strings.Repeat("#", 51201), nil, "ValidationError", "Member must have length less than or equal to 51200"},
		{"s", twoWorkspaces, func(in *sdk.CreateStackInput) {
			in.Parameters = []types.Parameter{{ParameterKey: aws.String("Nope"), ParameterValue: aws.String("x")}}
		}, "ValidationError", "Parameters: [Nope] do not exist in the template"},
		{"s", twoWorkspaces, func(in *sdk.CreateStackInput) {
			in.Parameters = []types.Parameter{{ParameterKey: aws.String("Alias"), UsePreviousValue: aws.Bool(true)}}
		}, "ValidationError", "Cannot specify usePreviousValue as true"},
		{"s", twoWorkspaces, func(in *sdk.CreateStackInput) {
			in.TemplateURL = aws.String("https://example.com/x")
		}, "ValidationError", "Only one of"},
		{"s", twoWorkspaces, func(in *sdk.CreateStackInput) {
			in.TemplateBody, in.TemplateURL = nil, aws.String("https://example.com/x")
		}, "ValidationError", "is not a valid S3 domain"},
		{"s", twoWorkspaces, func(in *sdk.CreateStackInput) {
			in.DisableRollback, in.OnFailure = aws.Bool(true), types.OnFailureDelete
		}, "ValidationError", "not both"},
	} {
		in := &sdk.CreateStackInput{StackName: &test.name, TemplateBody: &test.body}
		if test.change != nil {
			test.change(in)
		}
		if _, err := c.CreateStack(t.Context(), in); !isError(err, test.code, test.says) {
			t.Errorf("%.60s: %v", test.body, err)
		}
	}
	list, err := c.ListStacks(t.Context(), &sdk.ListStacksInput{})
	if err != nil || len(list.StackSummaries) != 0 {
		t.Errorf("stacks were made: %v, %v", list, err)
	}
	if _, err := c.UpdateStack(t.Context(),
		&sdk.UpdateStackInput{StackName: aws.String("s"), TemplateBody: aws.String(twoWorkspaces)}); !isError(err, "ValidationError",
		"Stack [s] does not exist") {
		t.Errorf("update: %v", err)
	}
}

func TestValidateAndSummary(t *testing.T) {
	c := start(t, parts{})
	body := aws.String(twoWorkspaces + "Metadata: {A: 1}\n")
	validated, err := c.ValidateTemplate(t.Context(), &sdk.ValidateTemplateInput{TemplateBody: body})
	if err != nil || len(validated.Parameters) != 3 || *validated.Parameters[0].DefaultValue != "first" {
		t.Errorf("%+v, %v", validated, err)
	}
	summary, err := c.GetTemplateSummary(t.Context(), &sdk.GetTemplateSummaryInput{TemplateBody: body})
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprintln(summary.ResourceTypes, *summary.Parameters[1].ParameterType,
		*summary.Metadata); got != `[AWS::APS::Workspace] Number {"A":"1"}`+"\n" {
		t.Error(got)
	}
}

// What the caller may not do, the stack may not.
func TestRightsAreTheCallers(t *testing.T) {
	c := start(t, parts{authorize: func(a gateway.Ask) (gateway.Decision, error) {
		refused := a.Action == "aps:CreateWorkspace" || a.Action == "cloudformation:DeleteStack"
		return gateway.Decision{Allowed: !refused, Because: "no identity-based policy allows the " + a.Action + " action"}, nil
	}})
	id := c.create(t, twoWorkspaces, nil)
	c.want(t, id, "ROLLBACK_COMPLETE")
	want := `First CREATE_FAILED Resource handler returned message: "User: arn:aws:iam::111122223333:user/operator is not authorized to perform: aps:CreateWorkspace because no identity-based policy allows the aps:CreateWorkspace action (Service: Amp, Status Code: 403, Request ID: `
	if history := strings.Join(c.history(t, id), "\n"); !strings.Contains(history, want) ||
		!strings.Contains(history, "HandlerErrorCode: AccessDenied)") {
		t.Error(history)
	}
	_, err := c.DeleteStack(t.Context(), &sdk.DeleteStackInput{StackName: aws.String("s")})
	if !isError(err, "AccessDenied", "is not authorized to perform: cloudformation:DeleteStack on resource: "+id) {
		t.Errorf("delete: %v", err)
	}
}

func TestTerminationProtectionAndTimeout(t *testing.T) {
	c := start(t, parts{delay: time.Hour})
	id := c.create(t, twoWorkspaces, func(in *sdk.CreateStackInput) {
		in.EnableTerminationProtection, in.TimeoutInMinutes, in.OnFailure = aws.Bool(true), aws.Int32(1), types.OnFailureDoNothing
	})
	c.Clock.Set(2 * time.Minute)
	if s := c.want(t, id, "CREATE_FAILED"); !strings.Contains(*s.StackStatusReason, "exceeded the specified timeout") {
		t.Errorf("reason %s", *s.StackStatusReason)
	}
	if _, err := c.DeleteStack(t.Context(), &sdk.DeleteStackInput{StackName: &id}); !isError(err, "ValidationError",
		"TerminationProtection is enabled") {
		t.Errorf("delete: %v", err)
	}
	if _, err := c.UpdateTerminationProtection(t.Context(),
		&sdk.UpdateTerminationProtectionInput{StackName: &id, EnableTerminationProtection: aws.Bool(false)}); err != nil {
		t.Fatal(err)
	}
	c.Clock.Set(0)
	if _, err := c.DeleteStack(t.Context(), &sdk.DeleteStackInput{StackName: &id}); err != nil {
		t.Error(err)
	}
}
