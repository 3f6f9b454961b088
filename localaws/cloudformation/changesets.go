package cloudformation

import (
	"net/http"
	"slices"
	"strings"

	"github.com/parascope/parascope/localaws/cloudformation/stack"
	"github.com/parascope/parascope/localaws/gateway"
)

const (
	reviewing       = "REVIEW_IN_PROGRESS" // a stack that is only a change set yet
	noChanges       = "The submitted information didn't contain changes. Submit different information to create a change set."
	available       = "AVAILABLE"
	unavailable     = "UNAVAILABLE"
	executeComplete = "EXECUTE_COMPLETE"
)

func (c *CloudFormation) createChangeSet(w http.ResponseWriter, r *gateway.Request) error {
	name, kind := r.Form.Get("ChangeSetName"), r.Form.Get("ChangeSetType")
	if err := checkName("changeSetName", name); err != nil {
		return err
	}
	s, err := c.forChangeSet(r, name, kind)
	if err != nil {
		return err
	}
	sets, err := c.engine.ChangeSets(s.ID)
	if err != nil {
		return err
	}
	if at := slices.IndexFunc(sets, func(set *stack.ChangeSet) bool { return set.Name == name }); at >= 0 {
		return refused("AlreadyExistsException", "ChangeSet %s already exists", sets[at].ID)
	}
	d, t, err := c.define(r, s)
	if err != nil {
		return err
	}
	_, plan, err := c.update(r, s, d, t)
	if err != nil {
		return err
	}
	set := &stack.ChangeSet{
		ID: "arn:aws:cloudformation:" + r.Region + ":" + r.Principal.Account + ":changeSet/" + name + "/" + c.o.NewID(), Name: name,
		StackID: s.ID, Type: kind,
		Description: r.Form.Get("Description"), Created: r.Now, Definition: d, OnFailure: r.Form.Get("OnStackFailure"), Changes: plan.Changes,
		Status: stack.ChangeSetComplete, ExecutionStatus: available,
	}
	if s.Status != reviewing && unchanged(s, d, plan) {
		set.Status, set.StatusReason, set.ExecutionStatus = stack.ChangeSetFailed, noChanges, unavailable
	}
	if s.Status == "" {
		if err := c.engine.Mark(s, reviewing, userInitiated); err != nil {
			return err
		}
	}
	if err := c.engine.KeepChangeSet(set); err != nil {
		return err
	}
	return gateway.WriteQuery(w, r, struct{ Id, StackId string }{set.ID, set.StackID})
}

// forChangeSet is the stack that a change set is for: an existing one or, for the
// type CREATE, one that is yet to be.
func (c *CloudFormation) forChangeSet(r *gateway.Request, name, kind string) (*stack.Stack, error) {
	stackName := r.Form.Get("StackName")
	s, err := c.engine.Find(r.Region, stackName)
	if err != nil {
		return nil, err
	}
	there := s != nil && !s.Gone() && s.Status != reviewing
	switch kind {
	case "CREATE":
		if there {
			return nil, invalid("Stack [%s] already exists and cannot be created again with the changeSet [%s].", stackName, name)
		}
		if s != nil && !s.Gone() {
			return s, nil
		}
		if err := checkName("stackName", stackName); err != nil {
			return nil, err
		}
		return c.newStack(r, stackName)
	case "", "UPDATE":
		if !there {
			return nil, invalid("Stack [%s] does not exist", stackName)
		}
		if !slices.Contains(updatable, s.Status) {
			return nil, invalid("Stack:%s is in %s state and can not be updated.", s.ID, s.Status)
		}
		return s, nil
	case "IMPORT":
		return nil, invalid("ChangeSetType IMPORT is not supported by the local cloud")
	}
	return nil, constraint("changeSetType", kind, "Member must satisfy enum value set: [IMPORT, UPDATE, CREATE]")
}

// changeSet finds the one that the request names, and its stack.
func (c *CloudFormation) changeSet(r *gateway.Request) (*stack.ChangeSet, *stack.Stack, error) {
	name, stackName := r.Form.Get("ChangeSetName"), r.Form.Get("StackName")
	stackID := ""
	if !strings.HasPrefix(name, "arn:") {
		if stackName == "" {
			return nil, nil, invalid("StackName must be specified if ChangeSetName is not specified as an ARN.")
		}
		s, err := c.engine.Find(r.Region, stackName)
		if err != nil {
			return nil, nil, err
		}
		if s == nil {
			return nil, nil, invalid("Stack [%s] does not exist", stackName)
		}
		stackID = s.ID
	}
	sets, err := c.engine.ChangeSets(stackID)
	if err != nil {
		return nil, nil, err
	}
	at := slices.IndexFunc(sets, func(set *stack.ChangeSet) bool { return set.ID == name || stackID != "" && set.Name == name })
	if at < 0 {
		return nil, nil, noSuchChangeSet(name)
	}
	s, err := c.engine.Find(r.Region, sets[at].StackID)
	if err == nil && s == nil {
		return nil, nil, noSuchChangeSet(name) // another region's
	}
	return sets[at], s, err
}

func (c *CloudFormation) executeChangeSet(w http.ResponseWriter, r *gateway.Request) error {
	set, s, err := c.changeSet(r)
	if err != nil {
		return err
	}
	if set.ExecutionStatus != available {
		return refused("InvalidChangeSetStatus", "ChangeSet [%s] cannot be executed in its current status of [%s]", set.ID, set.Status)
	}
	if s.Status != reviewing && !slices.Contains(updatable, s.Status) {
		return invalid("Stack:%s is in %s state and can not be updated.", s.ID, s.Status)
	}
	if set.Definition.RoleARN != "" {
		if err := r.Authorize("iam:PassRole", set.Definition.RoleARN, map[string][]string{"iam:PassedToService": {serviceName}}); err != nil {
			return err
		}
	}
	t, err := parse(set.Definition.Body)
	if err != nil {
		return err
	}
	status := "UPDATE_IN_PROGRESS"
	if s.Status == reviewing {
		status = "CREATE_IN_PROGRESS"
		if set.OnFailure != "" && r.Form.Get("DisableRollback") == "" {
			r.Form.Set("OnFailure", set.OnFailure)
		}
		s.Operation, err = c.creation(r, s, set.Definition, t)
	} else {
		s.Operation, _, err = c.update(r, s, set.Definition, t)
		s.Updated = r.Now
	}
	if err != nil {
		return err
	}
	if err := c.dropAll(s.ID); err != nil {
		return err
	}
	set.ExecutionStatus = executeComplete
	if err := c.engine.KeepChangeSet(set); err != nil {
		return err
	}
	s.ChangeSetID, s.Token = set.ID, r.Form.Get("ClientRequestToken")
	if err := c.engine.Begin(s, status, userInitiated); err != nil {
		return err
	}
	return writeNothing(w, r)
}

// dropAll forgets a stack's change sets: what they were worked out for has changed.
func (c *CloudFormation) dropAll(stackID string) error {
	sets, err := c.engine.ChangeSets(stackID)
	if err != nil {
		return err
	}
	return c.engine.DropChangeSets(sets...)
}

func (c *CloudFormation) deleteChangeSet(w http.ResponseWriter, r *gateway.Request) error {
	set, _, err := c.changeSet(r)
	if err != nil {
		if gone, ok := err.(*gateway.Error); ok && gone.Code == "ChangeSetNotFound" {
			return writeNothing(w, r)
		}
		return err
	}
	if err := c.engine.DropChangeSets(set); err != nil {
		return err
	}
	return writeNothing(w, r)
}

func (c *CloudFormation) describeChangeSet(w http.ResponseWriter, r *gateway.Request) error {
	set, s, err := c.changeSet(r)
	if err != nil {
		return err
	}
	from, err := page(r, len(set.Changes))
	if err != nil {
		return err
	}
	view := changeSetView{
		ChangeSetName: set.Name, ChangeSetId: set.ID, StackId: set.StackID, StackName: s.Name, Description: set.Description,
		CreationTime:    stamp(set.Created),
		ExecutionStatus: set.ExecutionStatus, Status: set.Status, StatusReason: set.StatusReason, OnStackFailure: set.OnFailure,
		Parameters: parameterViews(set.Definition), Tags: tagViews(set.Definition.Tags), Capabilities: listOf(set.Definition.Capabilities),
	}
	end := min(from+pageSize, len(set.Changes))
	for _, change := range set.Changes[from:end] {
		view.Changes.Member = append(view.Changes.Member, changeView{Type: "Resource", ResourceChange: viewChange(change)})
	}
	view.NextToken = nextPage(end, len(set.Changes))
	return gateway.WriteQuery(w, r, view)
}

func viewChange(c stack.Change) resourceChangeView {
	v := resourceChangeView{Action: c.Action, LogicalResourceId: c.LogicalID, PhysicalResourceId: c.PhysicalID, ResourceType: c.Type,
		Replacement: c.Replacement}
	for _, d := range c.Details {
		detail := detailView{Evaluation: "Static", ChangeSource: "DirectModification",
			Target: targetView{Attribute: "Properties", Name: d.Property, RequiresRecreation: d.Recreation}}
		if d.Property == "Tags" {
			detail.Target = targetView{Attribute: "Tags", RequiresRecreation: d.Recreation}
		}
		if d.Dynamic {
			detail.Evaluation, detail.ChangeSource = "Dynamic", "ResourceAttribute"
		}
		if !slices.Contains(v.Scope.Member, detail.Target.Attribute) {
			v.Scope.Member = append(v.Scope.Member, detail.Target.Attribute)
		}
		v.Details.Member = append(v.Details.Member, detail)
	}
	return v
}

func (c *CloudFormation) listChangeSets(w http.ResponseWriter, r *gateway.Request) error {
	s, err := c.existingStack(r)
	if err != nil {
		return err
	}
	sets, err := c.engine.ChangeSets(s.ID)
	if err != nil {
		return err
	}
	var view struct{ Summaries list[changeSetSummary] }
	for _, set := range sets {
		view.Summaries.Member = append(view.Summaries.Member, changeSetSummary{
			StackId: s.ID, StackName: s.Name, ChangeSetId: set.ID, ChangeSetName: set.Name, ExecutionStatus: set.ExecutionStatus, Status: set.Status,
			StatusReason: set.StatusReason, CreationTime: stamp(set.Created), Description: set.Description,
		})
	}
	return gateway.WriteQuery(w, r, view)
}
