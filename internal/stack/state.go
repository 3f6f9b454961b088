package stack

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/smithy-go"

	"github.com/parascope/parascope"
)

// Stack is a CloudFormation stack by name.
type Stack struct {
	Name   string
	client *cloudformation.Client
}

// New returns the stack with this name, which need not exist.
func New(cfg aws.Config, name string) *Stack {
	return &Stack{Name: name, client: cloudformation.NewFromConfig(cfg)}
}

// State is what a stack is now.
type State struct {
	ID      string
	Status  types.StackStatus // "" when there is no stack
	Reason  string
	Outputs map[string]string
	// Parameters are those that the stack was made or last updated with.
	Parameters map[string]string
}

// Exists reports whether there is a stack that can be updated or deleted.
func (s State) Exists() bool { return s.Status != "" }

// InProgress reports whether an operation runs on the stack.
func (s State) InProgress() bool {
	return strings.HasSuffix(string(s.Status), "_IN_PROGRESS") && s.Status != types.StackStatusReviewInProgress
}

// With are the stack's parameters, and those of given over them.
func (s State) With(given map[string]string) map[string]string {
	all := maps.Clone(s.Parameters)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, given)
	return all
}

// CheckTemplate asks CloudFormation whether it takes this program's template.
func (s *Stack) CheckTemplate(ctx context.Context) error {
	_, err := s.client.ValidateTemplate(ctx, &cloudformation.ValidateTemplateInput{TemplateBody: aws.String(parascope.Template)})
	if err != nil {
		return explain("validate the template", err)
	}
	return nil
}

// Describe asks read the stack's state.
func (s *Stack) Describe(ctx context.Context) (State, error) {
	return s.describe(ctx, s.Name)
}

// describe takes an id as well: a deleted stack is found by its id only.
func (s *Stack) describe(ctx context.Context, nameOrID string) (State, error) {
	out, err := s.client.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &nameOrID})
	if doesNotExist(err) {
		return State{}, nil
	}
	if err != nil {
		return State{}, explain("describe stack "+s.Name, err)
	}
	found := out.Stacks[0]
	state := State{ID: aws.ToString(found.StackId), Status: found.StackStatus, Reason: aws.ToString(found.StackStatusReason),
		Outputs: map[string]string{}, Parameters: map[string]string{}}
	for _, o := range found.Outputs {
		state.Outputs[aws.ToString(o.OutputKey)] = aws.ToString(o.OutputValue)
	}
	for _, p := range found.Parameters {
		state.Parameters[aws.ToString(p.ParameterKey)] = aws.ToString(p.ParameterValue)
	}
	return state, nil
}

// doesNotExist reads CloudFormation's way to say so, which has no code of its own.
func doesNotExist(err error) bool {
	api, ok := errors.AsType[smithy.APIError](err)
	return ok && api.ErrorCode() == "ValidationError" && strings.Contains(api.ErrorMessage(), "does not exist")
}

// Resource is one resource of the stack.
type Resource struct {
	LogicalID, PhysicalID, Type string
	Status                      types.ResourceStatus
}

// Resources lists what the stack holds that the name or the id is of; by its id, also what a deleted stack held.
func (s *Stack) Resources(ctx context.Context, nameOrID string) ([]Resource, error) {
	var all []Resource
	pages := cloudformation.NewListStackResourcesPaginator(s.client, &cloudformation.ListStackResourcesInput{StackName: &nameOrID})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, explain("list the resources of stack "+s.Name, err)
		}
		for _, r := range page.StackResourceSummaries {
			all = append(all, Resource{aws.ToString(r.LogicalResourceId), aws.ToString(r.PhysicalResourceId), aws.ToString(r.ResourceType),
				r.ResourceStatus})
		}
	}
	return all, nil
}

// Delete starts to delete the stack. Resources that an earlier try could not
// delete are tried again, but for the connection: a function that is gone or broken
// cannot delete it, and it is nothing of its own, since what it made lies in the
// Grafana workspace.
func (s *Stack) Delete(ctx context.Context) error {
	state, err := s.Describe(ctx)
	if err != nil {
		return err
	}
	in := &cloudformation.DeleteStackInput{StackName: &s.Name}
	if state.Status == types.StackStatusDeleteFailed { // the only state in which CloudFormation retains
		all, err := s.Resources(ctx, state.ID)
		if err != nil {
			return err
		}
		for _, r := range all {
			if r.Type == connectionType && r.Status == types.ResourceStatusDeleteFailed {
				in.RetainResources = append(in.RetainResources, r.LogicalID)
			}
		}
	}
	if _, err := s.client.DeleteStack(ctx, in); err != nil {
		return explain("delete stack "+s.Name, err)
	}
	return nil
}

// connectionType is the template's custom resource.
const connectionType = "Custom::GrafanaDataSource"

// ContinueRollback starts to finish a rollback that failed.
func (s *Stack) ContinueRollback(ctx context.Context) error {
	if _, err := s.client.ContinueUpdateRollback(ctx, &cloudformation.ContinueUpdateRollbackInput{StackName: &s.Name}); err != nil {
		return explain(fmt.Sprintf("continue the rollback of stack %s", s.Name), err)
	}
	return nil
}
