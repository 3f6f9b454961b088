package cloudformation

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/parascope/parascope/localaws/cloudformation/catalog"
	"github.com/parascope/parascope/localaws/cloudformation/deployment"
	"github.com/parascope/parascope/localaws/cloudformation/template"
	"github.com/parascope/parascope/localaws/gateway"
)

const userInitiated = "User Initiated"

// maxTimeout is a stack's longest TimeoutInMinutes here: its wait is bounded by it.
const maxTimeout = 43200

func (c *CloudFormation) createStack(w http.ResponseWriter, r *gateway.Request) error {
	name := r.Form.Get("StackName")
	if err := checkName("stackName", name); err != nil {
		return err
	}
	before, err := c.engine.Find(r.Region, name)
	if err != nil {
		return err
	}
	if before != nil {
		return refused("AlreadyExistsException", "Stack [%s] already exists", name)
	}
	s, err := c.newStack(r, name)
	if err != nil {
		return err
	}
	s.Token = r.Form.Get("ClientRequestToken")
	definition, t, err := c.define(r, s)
	if err != nil {
		return err
	}
	op, err := c.creation(r, s, definition, t)
	if err != nil {
		return err
	}
	s.Operation = op
	if err := c.engine.Begin(s, "CREATE_IN_PROGRESS", userInitiated); err != nil {
		return err
	}
	return gateway.WriteQuery(w, r, struct{ StackId string }{s.ID})
}

// newStack is a stack of the request's region that has nothing yet.
func (c *CloudFormation) newStack(r *gateway.Request, name string) (*deployment.Stack, error) {
	s := &deployment.Stack{
		ID: "arn:aws:cloudformation:" + r.Region + ":" + r.Principal.Account + ":stack/" + name + "/" + c.o.NewID(), Name: name, Region: r.Region,
		Created:               r.Now,
		TerminationProtection: r.Form.Get("EnableTerminationProtection") == "true",
	}
	if text := r.Form.Get("TimeoutInMinutes"); text != "" {
		minutes, err := strconv.Atoi(text)
		if err != nil || minutes < 1 || minutes > maxTimeout {
			return nil, constraint("timeoutInMinutes", text, "Member must have value greater than or equal to 1")
		}
		s.TimeoutMinutes = minutes
	}
	return s, nil
}

// creation is the operation that makes a stack.
func (c *CloudFormation) creation(r *gateway.Request, s *deployment.Stack, d deployment.Definition,
	t *template.Template) (*deployment.Operation, error) {
	onFailure, disable := r.Form.Get("OnFailure"), r.Form.Get("DisableRollback")
	switch {
	case onFailure != "" && disable != "":
		return nil, invalid("Either DisableRollback or OnFailure can be specified, not both.")
	case disable == "true":
		onFailure = deployment.OnFailureNothing
	case onFailure == "":
		onFailure = deployment.OnFailureRollback
	case !slices.Contains([]string{deployment.OnFailureRollback, deployment.OnFailureDelete, deployment.OnFailureNothing}, onFailure):
		return nil, constraint("onFailure", onFailure, "Member must satisfy enum value set: [DELETE, ROLLBACK, DO_NOTHING]")
	}
	s.DisableRollback = onFailure == deployment.OnFailureNothing
	as, err := c.actor(r.Principal, s.ID, d.RoleARN)
	if err != nil {
		return nil, err
	}
	if _, err := c.engine.Plan(s, t, d, as, c.zones(r)); err != nil {
		return nil, answer(err)
	}
	return &deployment.Operation{Kind: deployment.Create, Phase: deployment.Forward, As: as, Target: d, OnFailure: onFailure}, nil
}

func (c *CloudFormation) zones(r *gateway.Request) func(string) ([]string, error) {
	return func(region string) ([]string, error) { return catalog.Zones(c.work(r), region) }
}

// updatable are the states in which a stack can be changed.
var updatable = []string{"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"}

// existingStack finds the stack that the request names.
func (c *CloudFormation) existingStack(r *gateway.Request) (*deployment.Stack, error) {
	name := r.Form.Get("StackName")
	if name == "" {
		return nil, checkName("stackName", name)
	}
	s, err := c.engine.Find(r.Region, name)
	if err != nil {
		return nil, err
	}
	if s == nil || s.Gone() {
		return nil, invalid("Stack [%s] does not exist", name)
	}
	return s, nil
}

func (c *CloudFormation) updateStack(w http.ResponseWriter, r *gateway.Request) error {
	s, err := c.existingStack(r)
	if err != nil {
		return err
	}
	if !slices.Contains(updatable, s.Status) {
		return invalid("Stack:%s is in %s state and can not be updated.", s.ID, s.Status)
	}
	if r.Form.Get("DisableRollback") == "true" {
		return invalid("DisableRollback of an update is not supported by the local cloud")
	}
	definition, t, err := c.define(r, s)
	if err != nil {
		return err
	}
	op, plan, err := c.update(r, s, definition, t)
	if err != nil {
		return err
	}
	if unchanged(s, definition, plan) {
		return invalid("No updates are to be performed.")
	}
	s.Token, s.Operation, s.Updated = r.Form.Get("ClientRequestToken"), op, r.Now
	if err := c.engine.Begin(s, "UPDATE_IN_PROGRESS", userInitiated); err != nil {
		return err
	}
	return gateway.WriteQuery(w, r, struct{ StackId string }{s.ID})
}

// update is the operation that changes a stack, and what it will do.
func (c *CloudFormation) update(r *gateway.Request, s *deployment.Stack, d deployment.Definition,
	t *template.Template) (*deployment.Operation, deployment.Plan,
	error) {
	var changed []string
	for id, def := range t.Resources {
		if old := s.Resources[id]; old != nil && old.Type != def.Type {
			changed = append(changed, id)
		}
	}
	if slices.Sort(changed); len(changed) > 0 {
		return nil, deployment.Plan{}, invalid("Update of resource type is not permitted. The new template modifies resource type of the "+
			"following "+
			"resources: [%s]", strings.Join(changed, ", "))
	}
	as, err := c.actor(r.Principal, s.ID, d.RoleARN)
	if err != nil {
		return nil, deployment.Plan{}, err
	}
	plan, err := c.engine.Plan(s, t, d, as, c.zones(r))
	if err != nil {
		return nil, plan, answer(err)
	}
	return &deployment.Operation{Kind: deployment.Update, Phase: deployment.Forward, As: as, Target: d}, plan, nil
}

// unchanged reports whether a change would change nothing.
func unchanged(s *deployment.Stack, d deployment.Definition, p deployment.Plan) bool {
	return len(p.Changes) == 0 && deployment.SameOutputs(s, p) && maps.Equal(s.Definition.Tags, d.Tags)
}

func (c *CloudFormation) deleteStack(w http.ResponseWriter, r *gateway.Request) error {
	s, err := c.existingStack(r)
	if r.Form.Get("StackName") == "" {
		return err
	}
	if s == nil {
		if refusal(err) {
			return writeNothing(w, r) // what is gone is deleted
		}
		return err
	}
	retain := members(r.Form, "RetainResources")
	switch {
	case s.TerminationProtection:
		return invalid("Stack [%s] cannot be deleted while TerminationProtection is enabled", s.ID)
	case s.Status == "DELETE_IN_PROGRESS":
		return writeNothing(w, r)
	case strings.HasPrefix(s.Status, "UPDATE_") && s.Busy():
		return invalid("Stack [%s] cannot be deleted while in status %s", s.ID, s.Status)
	case len(retain) > 0 && s.Status != "DELETE_FAILED":
		return invalid("Invalid operation on stack [%s]. Specify resources to retain only when the stack is in the DELETE_FAILED state", s.ID)
	}
	role := r.Form.Get("RoleARN")
	if role == "" {
		role = s.Definition.RoleARN
	} else if err := r.Authorize("iam:PassRole", role, map[string][]string{"iam:PassedToService": {serviceName}}); err != nil {
		return err
	}
	as, err := c.actor(r.Principal, s.ID, role)
	if err != nil {
		return err
	}
	if s.Busy() {
		if err := c.engine.Abandon(r.Context(), s.ID); err != nil {
			return err
		}
		if s, err = c.engine.Find(r.Region, s.ID); err != nil {
			return err
		}
	}
	if err := c.dropAll(s.ID); err != nil {
		return err
	}
	s.Token = r.Form.Get("ClientRequestToken")
	s.Operation = &deployment.Operation{Kind: deployment.Delete, Phase: deployment.Forward, As: as, Retain: retain}
	if err := c.engine.Begin(s, "DELETE_IN_PROGRESS", userInitiated); err != nil {
		return err
	}
	return writeNothing(w, r)
}

// writeNothing answers an operation that has no output.
func writeNothing(w http.ResponseWriter, r *gateway.Request) error {
	return gateway.WriteQuery(w, r, struct{}{})
}

// refusal reports whether the error is an answer of AWS's.
func refusal(err error) bool {
	_, ok := err.(*gateway.Error)
	return ok
}

func (c *CloudFormation) cancelUpdateStack(w http.ResponseWriter, r *gateway.Request) error {
	s, err := c.existingStack(r)
	if err != nil {
		return err
	}
	if s.Status != "UPDATE_IN_PROGRESS" {
		return invalid("CancelUpdateStack cannot be called from current stack status")
	}
	c.engine.Cancel(s.ID)
	return writeNothing(w, r)
}

func (c *CloudFormation) continueUpdateRollback(w http.ResponseWriter, r *gateway.Request) error {
	s, err := c.existingStack(r)
	if err != nil {
		return err
	}
	if s.Status != "UPDATE_ROLLBACK_FAILED" || s.Operation == nil {
		return invalid("Stack [%s] is in %s state and can not continue update rollback", s.ID, s.Status)
	}
	skip := members(r.Form, "ResourcesToSkip")
	for _, id := range skip {
		if res := s.Resources[id]; res == nil || res.Status != "UPDATE_FAILED" {
			return invalid("Resource %s is not in UPDATE_FAILED state and cannot be skipped", id)
		}
	}
	if s.Operation.As, err = c.actor(r.Principal, s.ID, s.Definition.RoleARN); err != nil {
		return err
	}
	s.Operation.Halted, s.Operation.Retain, s.Token = false, skip, r.Form.Get("ClientRequestToken")
	if err := c.engine.Begin(s, "UPDATE_ROLLBACK_IN_PROGRESS", userInitiated); err != nil {
		return err
	}
	return writeNothing(w, r)
}

func (c *CloudFormation) updateTerminationProtection(w http.ResponseWriter, r *gateway.Request) error {
	s, err := c.existingStack(r)
	if err != nil {
		return err
	}
	if s.Busy() {
		return invalid("Stack [%s] is in %s state and its termination protection can not be updated.", s.ID, s.Status)
	}
	s.TerminationProtection = r.Form.Get("EnableTerminationProtection") == "true"
	if err := c.engine.Save(s); err != nil {
		return err
	}
	return gateway.WriteQuery(w, r, struct{ StackId string }{s.ID})
}
