package cloudformation_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/localtest/check"
)

func (c *cloud) update(t *testing.T, template string, parameters ...types.Parameter) error {
	t.Helper()
	in := &sdk.UpdateStackInput{StackName: aws.String("s"), Parameters: parameters}
	if template == "" {
		in.UsePreviousTemplate = aws.Bool(true)
	} else {
		in.TemplateBody = &template
	}
	_, err := c.UpdateStack(t.Context(), in)
	return err
}

func parameter(key, value string) types.Parameter {
	if value == "" {
		return types.Parameter{ParameterKey: &key, UsePreviousValue: aws.Bool(true)}
	}
	return types.Parameter{ParameterKey: &key, ParameterValue: &value}
}

const changing = `
Parameters: {Alias: {Type: String, Default: one}, Key: {Type: String, Default: ''}, More: {Type: String, Default: 'no'}, Days: {Type: Number, Default: 30}}
Conditions: {HasKey: !Not [!Equals [!Ref Key, '']], HasMore: !Equals [!Ref More, 'yes']}
Resources:
  W: {Type: AWS::APS::Workspace, Properties: {Alias: !Ref Alias, KmsKeyArn: !If [HasKey, !Ref Key, !Ref AWS::NoValue]}}
  Follower: {Type: AWS::APS::Workspace, Properties: {Alias: !Sub 'of-${W.WorkspaceId}'}}
  Extra: {Type: AWS::APS::Workspace, Condition: HasMore, DependsOn: W, Properties: {Alias: extra, WorkspaceConfiguration: {RetentionPeriodInDays: !Ref Days}}}
Outputs: {Id: {Value: !GetAtt W.WorkspaceId}}
`

const kmsKey = "arn:aws:kms:us-east-2:111122223333:key/1"

func TestUpdateInPlaceAndReplacement(t *testing.T) {
	c := start(t, parts{})
	id := c.create(t, changing, nil)
	first := output(c.want(t, id, "CREATE_COMPLETE"), "Id")

	if err := c.update(t, ""); !isError(err, "ValidationError", "No updates are to be performed.") {
		t.Errorf("nothing new: %v", err)
	}
	if err := c.update(t, "", parameter("Alias", "two"), parameter("More", "yes")); err != nil {
		t.Fatal(err)
	}
	s := c.want(t, id, "UPDATE_COMPLETE")
	if got := c.workspaces(t); output(s, "Id") != first || !slices.Contains(got, "two") || !slices.Contains(got, "extra") {
		t.Errorf("in place: %s, %v", output(s, "Id"), got)
	}
	seen := len(c.history(t, id))

	// A key forces a new workspace, whose id its follower takes over; the extra one goes.
	if err := c.update(t, "", parameter("Alias", ""), parameter("Key", kmsKey)); err != nil {
		t.Fatal(err)
	}
	s = c.want(t, id, "UPDATE_COMPLETE")
	second := output(s, "Id")
	if got := c.workspaces(t); second == first || len(got) != 2 || !slices.Contains(got, "of-"+second) {
		t.Errorf("replacement: %s, %v", second, got)
	}
	want := []string{
		"s UPDATE_IN_PROGRESS User Initiated",
		"W UPDATE_IN_PROGRESS Requested update requires the creation of a new physical resource; hence creating one.",
		"W UPDATE_IN_PROGRESS Resource creation Initiated", "W UPDATE_COMPLETE",
		"Follower UPDATE_IN_PROGRESS", "Follower UPDATE_COMPLETE",
		"s UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
		"Extra DELETE_IN_PROGRESS", "Extra DELETE_COMPLETE", "W DELETE_IN_PROGRESS", "W DELETE_COMPLETE",
		"s UPDATE_COMPLETE",
	}
	if diff := cmp.Diff(want, c.history(t, id)[seen:]); diff != "" {
		t.Error(diff)
	}
	if err := c.update(t, strings.ReplaceAll(changing, "Follower: {Type: AWS::APS::Workspace",
		"Follower: {Type: AWS::Logs::LogGroup")); !isError(err, "ValidationError",
		"Update of resource type is not permitted. The new template modifies resource type of the following resources: [Follower]") {
		t.Errorf("another type: %v", err)
	}
}

func TestFailedUpdateRollsBack(t *testing.T) {
	c := start(t, parts{})
	id := c.create(t, changing, nil)
	first := output(c.want(t, id, "CREATE_COMPLETE"), "Id")
	seen := len(c.history(t, id))
	if err := c.update(t, "", parameter("Key", kmsKey), parameter("Alias", "two"), parameter("More", "yes"),
		parameter("Days", "9999")); err != nil {
		t.Fatal(err)
	}
	s := c.want(t, id, "UPDATE_ROLLBACK_COMPLETE")
	if got := c.workspaces(t); output(s, "Id") != first || len(got) != 2 || !slices.Contains(got, "one") ||
		!slices.Contains(got, "of-"+first) {
		t.Errorf("afterwards: %s, %v", output(s, "Id"), got)
	}
	if diff := cmp.Diff([]string{"Alias=one", "Days=30", "Key=", "More=no"}, parameterTexts(s)); diff != "" {
		t.Error(diff)
	}
	history := c.history(t, id)[seen:]
	for _, line := range []string{
		"s UPDATE_ROLLBACK_IN_PROGRESS The following resource(s) failed to create: [Extra].", "W UPDATE_COMPLETE",
		"s UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", "Extra DELETE_COMPLETE", "W DELETE_COMPLETE", "s UPDATE_ROLLBACK_COMPLETE",
	} {
		if !slices.Contains(history, line) {
			t.Errorf("%q is not in\n%s", line, strings.Join(history, "\n"))
		}
	}
	if err := c.update(t, "", parameter("Alias", "three")); err != nil {
		t.Fatal(err)
	}
	c.want(t, id, "UPDATE_COMPLETE")
}

func TestRollbackThatFailsCanBeContinued(t *testing.T) {
	broken := false
	c := start(t, parts{authorize: func(a gateway.Ask) (gateway.Decision, error) {
		// Making things works; going back does not.
		return gateway.Decision{Allowed: !broken || a.Action != "aps:UpdateWorkspaceAlias"}, nil
	}})
	two := func(bad string) string {
		return "Resources:\n  A: {Type: AWS::APS::Workspace, Properties: {Alias: '" + bad + "a'}}\n" +
			"  B: {Type: AWS::APS::Workspace, DependsOn: A, Properties: {Alias: b, WorkspaceConfiguration: {RetentionPeriodInDays: " +
			map[string]string{"": "10", "x": "9999"}[bad] + "}}}\n"
	}
	id := c.create(t, two(""), nil)
	c.want(t, id, "CREATE_COMPLETE")
	broken = true
	if err := c.update(t, two("x")); err != nil {
		t.Fatal(err)
	}
	// A's update is refused, and so is the way back.
	s := c.want(t, id, "UPDATE_ROLLBACK_FAILED")
	if *s.StackStatusReason != "The following resource(s) failed to update: [A]. " {
		t.Errorf("reason %q", *s.StackStatusReason)
	}
	if err := c.update(t, two("")); !isError(err, "ValidationError", "is in UPDATE_ROLLBACK_FAILED state and can not be updated.") {
		t.Errorf("update: %v", err)
	}
	broken = false
	if _, err := c.ContinueUpdateRollback(t.Context(), &sdk.ContinueUpdateRollbackInput{StackName: &id}); err != nil {
		t.Fatal(err)
	}
	c.want(t, id, "UPDATE_ROLLBACK_COMPLETE")
	if diff := cmp.Diff([]string{"a", "b"}, slices.Sorted(slices.Values(c.workspaces(t)))); diff != "" {
		t.Error(diff)
	}
}

func TestCancelUpdate(t *testing.T) {
	c := start(t, parts{delay: time.Minute})
	id := c.create(t, "Resources: {A: {Type: AWS::APS::Workspace, Properties: {Alias: a}}}", nil)
	c.happened(t, id, "A CREATE_IN_PROGRESS Resource creation Initiated")
	c.Clock.Set(2 * time.Minute)
	c.want(t, id, "CREATE_COMPLETE")
	if _, err := c.CancelUpdateStack(t.Context(), &sdk.CancelUpdateStackInput{StackName: &id}); !isError(err, "ValidationError",
		"CancelUpdateStack cannot be called from current stack status") {
		t.Errorf("nothing to cancel: %v", err)
	}
	if err := c.update(t, "Resources: {A: {Type: AWS::APS::Workspace, Properties: {Alias: a}}, B: {Type: AWS::APS::Workspace}}"); err != nil {
		t.Fatal(err)
	}
	c.happened(t, id, "B CREATE_IN_PROGRESS Resource creation Initiated")
	if _, err := c.CancelUpdateStack(t.Context(), &sdk.CancelUpdateStackInput{StackName: &id}); err != nil {
		t.Fatal(err)
	}
	c.happened(t, id, "s UPDATE_ROLLBACK_IN_PROGRESS User Initiated")
	if history := c.happened(t, id, "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"); !strings.Contains(history,
		"B CREATE_FAILED Resource creation cancelled") {
		t.Error(history)
	}
}

func TestRetainAndReplacePolicies(t *testing.T) {
	c := start(t, parts{})
	body := func(key, rest string) string {
		return "Resources:\n  Kept: {Type: AWS::APS::Workspace, DeletionPolicy: Retain, Properties: {Alias: kept}}\n" +
			"  Left: {Type: AWS::APS::Workspace, UpdateReplacePolicy: Retain, Properties: {Alias: left" + key + "}}\n" + rest
	}
	id := c.create(t, body("", ""), nil)
	c.want(t, id, "CREATE_COMPLETE")
	if err := c.update(t, body(", KmsKeyArn: '"+kmsKey+"'", "")); err != nil {
		t.Fatal(err)
	}
	c.want(t, id, "UPDATE_COMPLETE")
	if diff := cmp.Diff([]string{"kept", "left", "left"}, slices.Sorted(slices.Values(c.workspaces(t)))); diff != "" {
		t.Error(diff)
	}
	if _, err := c.DeleteStack(t.Context(), &sdk.DeleteStackInput{StackName: &id}); err != nil {
		t.Fatal(err)
	}
	c.want(t, id, "DELETE_COMPLETE")
	if diff := cmp.Diff([]string{"kept", "left"}, slices.Sorted(slices.Values(c.workspaces(t)))); diff != "" {
		t.Error(diff)
	}
	if history := c.history(t, id); !slices.Contains(history, "Kept DELETE_SKIPPED") || !slices.Contains(history, "Left DELETE_SKIPPED") {
		t.Error(strings.Join(history, "\n"))
	}
}

func TestFailedDeletionAndRetainResources(t *testing.T) {
	forbidden := true
	c := start(t, parts{authorize: func(a gateway.Ask) (gateway.Decision, error) {
		return gateway.Decision{Allowed: !forbidden || a.Action != "aps:DeleteWorkspace"}, nil
	}})
	id := c.create(t, twoWorkspaces, nil)
	c.want(t, id, "CREATE_COMPLETE")
	if _, err := c.DeleteStack(t.Context(), &sdk.DeleteStackInput{StackName: &id}); err != nil {
		t.Fatal(err)
	}
	// First is not tried: Second, which was made from it, is still there.
	if s := c.want(t, id, "DELETE_FAILED"); *s.StackStatusReason != "The following resource(s) failed to delete: [Second]. " {
		t.Errorf("reason %q", *s.StackStatusReason)
	}
	forbidden = false
	if _, err := c.DeleteStack(t.Context(), &sdk.DeleteStackInput{StackName: &id, RetainResources: []string{"Second"}}); err != nil {
		t.Fatal(err)
	}
	c.want(t, id, "DELETE_COMPLETE")
	if got := c.workspaces(t); len(got) != 1 {
		t.Errorf("left: %v", got)
	}
}

func TestDeletionGivesUpACreation(t *testing.T) {
	c := start(t, parts{delay: time.Hour})
	id := c.create(t, "Resources: {Slow: {Type: AWS::APS::Workspace, DeletionPolicy: Retain}, Next: {Type: AWS::APS::Workspace, DependsOn: "+
		"Slow}}", nil)
	c.happened(t, id, "Slow CREATE_IN_PROGRESS Resource creation Initiated")
	if _, err := c.DeleteStack(t.Context(), &sdk.DeleteStackInput{StackName: &id}); err != nil {
		t.Fatal(err)
	}
	c.want(t, id, "DELETE_COMPLETE")
	if history := c.history(t, id); !slices.Contains(history, "Slow CREATE_FAILED Resource creation cancelled") ||
		slices.ContainsFunc(history, func(l string) bool {
			return strings.HasPrefix(l, "Next")
		}) {
		t.Error(strings.Join(history, "\n"))
	}
}

func TestRestart(t *testing.T) {
	dir := t.TempDir()
	c := start(t, parts{dir: dir, delay: time.Minute})
	id := c.create(t, "Resources: {Done: {Type: AWS::CloudFormation::WaitConditionHandle}, Slow: {Type: AWS::APS::Workspace, DependsOn: "+
		"Done, Properties: {Alias: slow}}}", nil)
	c.happened(t, id, "Slow CREATE_IN_PROGRESS Resource creation Initiated")
	c.stop()

	// The creation does not know how it went, and goes back; the clock lets it.
	c = start(t, parts{dir: dir, delay: time.Millisecond})
	history := c.happened(t, id, "s ROLLBACK_IN_PROGRESS The following resource(s) failed to create: [Slow]. Rollback requested by user.")
	if !strings.Contains(history, "Slow CREATE_FAILED The local cloud was stopped during the operation") {
		t.Error(history)
	}
	c.Clock.Set(2 * time.Minute) // until then the workspace is CREATING and cannot be deleted
	c.want(t, id, "ROLLBACK_COMPLETE")
	if got := c.workspaces(t); len(got) != 0 {
		t.Errorf("left: %v", got)
	}
}

// A deletion goes on after a restart.
func TestRestartInDeletion(t *testing.T) {
	dir := t.TempDir()
	c := start(t, parts{dir: dir})
	id := c.create(t, twoWorkspaces, nil)
	c.want(t, id, "CREATE_COMPLETE")
	c.stop()
	c = start(t, parts{dir: dir, delay: time.Minute})
	if _, err := c.DeleteStack(t.Context(), &sdk.DeleteStackInput{StackName: &id}); err != nil {
		t.Fatal(err)
	}
	c.happened(t, id, "Second DELETE_IN_PROGRESS")
	c.stop()
	c = start(t, parts{dir: dir})
	c.Clock.Set(2 * time.Minute)
	c.want(t, id, "DELETE_COMPLETE")
	if got := c.workspaces(t); len(got) != 0 {
		t.Errorf("left: %v", got)
	}
}

// An update that a stop interrupts goes back, and what it had done is undone.
func TestRestartInUpdate(t *testing.T) {
	dir := t.TempDir()
	c := start(t, parts{dir: dir})
	body := func(alias, rest string) string {
		return "Resources:\n  A: {Type: AWS::APS::Workspace, Properties: {Alias: " + alias + "}}\n" + rest
	}
	id := c.create(t, body("one", ""), nil)
	c.want(t, id, "CREATE_COMPLETE")
	c.stop()
	c = start(t, parts{dir: dir, delay: time.Minute})
	check.OK(t, c.update(t, body("two", "  B: {Type: AWS::APS::Workspace, DependsOn: A}")))
	c.happened(t, id, "B CREATE_IN_PROGRESS Resource creation Initiated")
	c.stop()

	c = start(t, parts{dir: dir})
	history := c.happened(t, id, "s UPDATE_ROLLBACK_IN_PROGRESS The following resource(s) failed to create: [B].")
	if !strings.Contains(history, "B CREATE_FAILED The local cloud was stopped") {
		t.Error(history)
	}
	c.Clock.Set(2 * time.Minute)
	c.want(t, id, "UPDATE_ROLLBACK_COMPLETE")
	if diff := cmp.Diff([]string{"one"}, c.workspaces(t)); diff != "" {
		t.Error(diff)
	}
}

func TestChangeSets(t *testing.T) {
	c := start(t, parts{})
	make := func(name string, kind types.ChangeSetType, parameters ...types.Parameter) *sdk.DescribeChangeSetOutput {
		t.Helper()
		out, err := c.CreateChangeSet(t.Context(), &sdk.CreateChangeSetInput{
			StackName: aws.String("s"), ChangeSetName: &name, ChangeSetType: kind, TemplateBody: aws.String(changing), Parameters: parameters,
		})
		if err != nil {
			t.Fatal(err)
		}
		set, err := c.DescribeChangeSet(t.Context(), &sdk.DescribeChangeSetInput{ChangeSetName: out.Id})
		if err != nil {
			t.Fatal(err)
		}
		return set
	}
	execute := func(set *sdk.DescribeChangeSetOutput) error {
		_, err := c.ExecuteChangeSet(t.Context(), &sdk.ExecuteChangeSetInput{ChangeSetName: set.ChangeSetId})
		return err
	}
	set := make("first", types.ChangeSetTypeCreate)
	if set.Status != "CREATE_COMPLETE" || set.ExecutionStatus != "AVAILABLE" || len(set.Changes) != 2 ||
		set.Changes[0].ResourceChange.Action != "Add" {
		t.Errorf("creation: %+v", set)
	}
	c.want(t, "s", "REVIEW_IN_PROGRESS")
	if err := execute(set); err != nil {
		t.Fatal(err)
	}
	s := c.want(t, "s", "CREATE_COMPLETE")
	if *s.ChangeSetId != *set.ChangeSetId {
		t.Errorf("change set of the stack: %s", *s.ChangeSetId)
	}

	set = make("same", types.ChangeSetTypeUpdate)
	if set.Status != "FAILED" || *set.StatusReason !=
		"The submitted information didn't contain changes. Submit different information to create a change set." ||
		set.ExecutionStatus != "UNAVAILABLE" {
		t.Errorf("nothing new: %+v", set)
	}
	if err := execute(set); !isError(err, "InvalidChangeSetStatus", "cannot be executed in its current status of [FAILED]") {
		t.Errorf("executing it: %v", err)
	}
	set = make("replace", types.ChangeSetTypeUpdate, parameter("Key", kmsKey))
	var got []string
	for _, change := range set.Changes {
		r := change.ResourceChange
		line := string(r.Action) + " " + *r.LogicalResourceId + " " + string(r.Replacement)
		for _, d := range r.Details {
			line += " " + aws.ToString(d.Target.Name) + ":" + string(d.Target.RequiresRecreation) + ":" + string(d.Evaluation)
		}
		got = append(got, line)
	}
	if diff := cmp.Diff([]string{"Modify Follower False Alias:Never:Dynamic", "Modify W True KmsKeyArn:Always:Static"}, got); diff != "" {
		t.Error(diff)
	}
	list, err := c.ListChangeSets(t.Context(), &sdk.ListChangeSetsInput{StackName: aws.String("s")})
	if err != nil || len(list.Summaries) != 3 {
		t.Errorf("list: %+v, %v", list, err)
	}
	if err := execute(set); err != nil {
		t.Fatal(err)
	}
	c.want(t, "s", "UPDATE_COMPLETE")
	_, err = c.DescribeChangeSet(t.Context(), &sdk.DescribeChangeSetInput{ChangeSetName: aws.String("same"), StackName: aws.String("s")})
	if gone, ok := errors.AsType[*types.ChangeSetNotFoundException](err); !ok ||
		!strings.Contains(gone.ErrorMessage(), "ChangeSet [same] does not exist") {
		t.Errorf("the others: %v", err)
	}
}
