package stack

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// Change is what a change set will do to one resource.
type Change struct {
	LogicalID   string `json:"logicalId"`
	PhysicalID  string `json:"-"` // "" for a resource that does not exist
	Type        string `json:"type"`
	Caption     string `json:"caption,omitempty"` // in words, where people care
	Action      string `json:"action"`            // Add, Modify, Remove
	Replacement string `json:"replacement,omitempty"`
	// Properties are those that change, or "Tags", "Metadata" and the like.
	Properties []string `json:"properties,omitempty"`
}

// Destroys reports whether something that is there goes away: its data with it.
func (c Change) Destroys() bool {
	return c.Action == string(types.ChangeActionRemove) || c.Replacement == string(types.ReplacementTrue) ||
		c.Replacement == string(types.ReplacementConditional)
}

// ChangeSet is a planned operation that has not begun.
type ChangeSet struct {
	stack   *Stack
	id      string
	StackID string // ARN of the stack, which is new where there was none
	Changes []Change
}

// Plan makes a change set that creates the stack or brings it to the template and
// the parameters. One without changes is nil. Parameters that are not named keep
// the value that the stack has, or take the template's default.
func (s *Stack) Plan(ctx context.Context, template string, parameters map[string]string) (*ChangeSet, error) {
	if err := CheckName(s.Name); err != nil {
		return nil, err
	}
	state, err := s.Describe(ctx)
	if err != nil {
		return nil, err
	}
	in := &cloudformation.CreateChangeSetInput{
		StackName: &s.Name, ChangeSetName: aws.String("parascope-" + strconv.FormatInt(time.Now().UnixMilli(), 36)),
		ChangeSetType: types.ChangeSetTypeUpdate, TemplateBody: &template,
		Capabilities: []types.Capability{types.CapabilityCapabilityNamedIam},
		Parameters:   s.parameters(state, template, parameters),
	}
	if !state.Exists() || state.Status == types.StackStatusReviewInProgress {
		in.ChangeSetType = types.ChangeSetTypeCreate
	}
	made, err := s.client.CreateChangeSet(ctx, in)
	if err != nil {
		return nil, explainPlan(s.Name, err)
	}
	set := &ChangeSet{stack: s, id: aws.ToString(made.Id), StackID: aws.ToString(made.StackId)}
	changed, err := set.await(ctx)
	if err != nil || !changed {
		return nil, errors.Join(err, set.Discard(context.WithoutCancel(ctx)))
	}
	return set, nil
}

// parameters are the new values, and those that the stack keeps.
func (s *Stack) parameters(state State, template string, set map[string]string) []types.Parameter {
	var all []types.Parameter
	for k, v := range set {
		all = append(all, types.Parameter{ParameterKey: aws.String(k), ParameterValue: aws.String(v)})
	}
	if !state.Exists() {
		return all
	}
	for key := range state.Parameters {
		_, given := set[key]
		// The function's place is the template's own: an older one must not stay.
		if given || strings.HasPrefix(key, "SetupFunction") || !strings.Contains(template, "\n  "+key+":\n") {
			continue
		}
		all = append(all, types.Parameter{ParameterKey: &key, UsePreviousValue: aws.Bool(true)})
	}
	return all
}

// await waits until CloudFormation has worked the changes out, and reads them.
func (c *ChangeSet) await(ctx context.Context) (changed bool, err error) {
	var pace pace
	for {
		out, err := c.stack.client.DescribeChangeSet(ctx, &cloudformation.DescribeChangeSetInput{ChangeSetName: &c.id, StackName: &c.StackID})
		if err != nil {
			return false, explainBusy("read the changes of stack "+c.stack.Name, err)
		}
		switch out.Status {
		case types.ChangeSetStatusCreateComplete:
			return true, c.read(ctx, out)
		case types.ChangeSetStatusFailed:
			reason := aws.ToString(out.StatusReason)
			if strings.Contains(reason, "didn't contain changes") || strings.Contains(reason, "No updates are to be performed") {
				return false, nil
			}
			return false, fmt.Errorf("plan the changes of stack %s: %s", c.stack.Name, reason)
		}
		if err := pace.wait(ctx); err != nil {
			return false, err
		}
	}
}

func (c *ChangeSet) read(ctx context.Context, page *cloudformation.DescribeChangeSetOutput) error {
	for {
		for _, change := range page.Changes {
			r := change.ResourceChange
			id := aws.ToString(r.LogicalResourceId)
			c.Changes = append(c.Changes, Change{
				LogicalID: id, PhysicalID: aws.ToString(r.PhysicalResourceId), Type: aws.ToString(r.ResourceType), Caption: Caption(id),
				Action: string(r.Action), Replacement: string(r.Replacement), Properties: properties(r.Details),
			})
		}
		if page.NextToken == nil {
			return nil
		}
		var err error
		if page, err = c.stack.client.DescribeChangeSet(ctx, &cloudformation.DescribeChangeSetInput{ChangeSetName: &c.id, StackName: &c.StackID,
			NextToken: page.NextToken}); err != nil {
			return explain("read the changes of stack "+c.stack.Name, err)
		}
	}
}

// properties names once what the details of a change are about.
func properties(details []types.ResourceChangeDetail) []string {
	var all []string
	for _, d := range details {
		if d.Target == nil {
			continue
		}
		name := aws.ToString(d.Target.Name)
		if name == "" {
			name = string(d.Target.Attribute)
		}
		if !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return all
}

// Destroys are the changes that take something away.
func (c *ChangeSet) Destroys() []Change {
	var all []Change
	for _, change := range c.Changes {
		if change.Destroys() {
			all = append(all, change)
		}
	}
	return all
}

// Execute begins the operation. A *BusyError says that somebody else began one
// after the plan was made.
func (c *ChangeSet) Execute(ctx context.Context) error {
	_, err := c.stack.client.ExecuteChangeSet(ctx, &cloudformation.ExecuteChangeSetInput{ChangeSetName: &c.id, StackName: &c.StackID})
	if err == nil {
		return nil
	}
	return explainBusy("change stack "+c.stack.Name, err)
}

// Discard deletes the change set, and the empty stack that planning a creation
// leaves behind.
func (c *ChangeSet) Discard(ctx context.Context) error {
	if _, err := c.stack.client.DeleteChangeSet(ctx, &cloudformation.DeleteChangeSetInput{ChangeSetName: &c.id, StackName: &c.StackID}); err !=
		nil && !isGone(err) {
		return explain("discard the planned changes of stack "+c.stack.Name, err)
	}
	state, err := c.stack.describe(ctx, c.StackID)
	if err == nil && state.Status == types.StackStatusReviewInProgress {
		return c.stack.Delete(ctx)
	}
	return err
}
