// Package deploy brings the infrastructure stack up and takes it down, as a list
// of steps that can be read. It emits events and draws nothing. Every step looks
// at what is there before it does anything, so that a run that was cut off is
// continued by the next one.
package deploy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/parascope/parascope/internal/alerts/subscribe"
	"github.com/parascope/parascope/internal/artifact"
	"github.com/parascope/parascope/internal/cost"
	"github.com/parascope/parascope/internal/grafana"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/people"
	"github.com/parascope/parascope/internal/stack"
)

// UpOptions say what to bring up. Confirm is asked before the stack is created or
// costs more, before anything that is there is replaced or removed, and where the
// caller may not do all that is needed; nil means yes.
type UpOptions struct {
	Target
	Parameters map[string]string // of the template; "MonitoringType", …
	Package    artifact.PackageOptions
	People     []people.Want
	Confirm    func(question string) (bool, error)
}

// UpResult is what there is when Up is done.
type UpResult struct {
	StackName  string                   `json:"stackName"`
	Region     string                   `json:"region"`
	Changed    bool                     `json:"changed"`
	GrafanaURL string                   `json:"grafanaUrl,omitempty"`
	Members    []people.Member          `json:"members"`
	AlertTo    []subscribe.Subscription `json:"alertTo"`
	Outputs    map[string]string        `json:"outputs"`
	Cost       cost.Bill                `json:"cost"`
}

// notWatched is the error of a watch that was given up.
type notWatched struct{ cause error }

func (e *notWatched) Error() string { return "stopped watching; the operation continues in AWS" }
func (e *notWatched) Unwrap() error { return e.cause }

// up is a run of Up.
type up struct {
	o       UpOptions
	cfg     aws.Config
	stack   *stack.Stack
	report  func(Event)
	state   stack.State
	account string           // the caller's; "" where that is not known
	set     *stack.ChangeSet // what is planned and was agreed to; nil: nothing
	result  UpResult
}

// Up creates the stack, or brings it to this program's template and the options,
// and gives people their roles.
func Up(ctx context.Context, cfg aws.Config, o UpOptions, report func(Event)) (UpResult, error) {
	u := &up{o: o, cfg: cfg, stack: stack.New(cfg, o.StackName), report: report}
	u.result.StackName, u.result.Region, u.result.Members = o.StackName, cfg.Region, []people.Member{}
	u.result.AlertTo = []subscribe.Subscription{}
	for _, step := range []struct {
		name, doing string
		run         func(context.Context) (came string, err error)
	}{
		{"preflight", "check the caller, permissions and parameters", u.preflight},
		{"settle", "read the stack's state", u.settle},
		{"plan", "plan the changes and their cost", u.plan},
		{"package", "upload the setup function", u.pack},
		{"stack", "CloudFormation", u.change},
		{"alerts", "write the alert rules", u.rules},
		{"people", "assign roles to users", u.people},
	} {
		report(Event{Kind: Started, Step: step.name, Text: step.doing})
		came, err := step.run(ctx)
		if err != nil {
			return u.result, u.discard(ctx, err)
		}
		report(Event{Kind: Done, Step: step.name, Text: came})
	}
	var err error
	u.result.Cost, err = u.bill(u.effective())
	return u.result, err
}

// plan works out what has to change, and asks before anything is made: the stack is
// only planned, and the function and its bucket come later.
func (u *up) plan(ctx context.Context) (came string, err error) {
	for range 4 {
		came, err = u.planOnce(ctx)
		if _, busy := errors.AsType[*stack.BusyError](err); !busy {
			return came, err
		}
		if _, err := u.settle(ctx); err != nil {
			return "", err
		}
	}
	return came, err
}

func (u *up) planOnce(ctx context.Context) (came string, err error) {
	place := artifact.Place{Bucket: "''", Key: "''", Architecture: artifact.ARM64}
	if u.withGrafana() {
		if place, err = artifact.Locate(ctx, u.cfg, u.packaging()); err != nil {
			return "", err
		}
	}
	template, err := stack.Template(place)
	if err != nil {
		return "", err
	}
	if u.set, err = u.stack.Plan(ctx, template, u.o.Parameters); err != nil {
		return "", err
	}
	if u.set == nil {
		return "nothing to change", nil
	}
	if err := u.keepCluster(u.set.Changes); err != nil {
		return "", err
	}
	if err := u.warnOfClusters(ctx, u.set.Changes); err != nil {
		return "", err
	}
	then, err := u.bill(u.effective())
	if err != nil {
		return "", err
	}
	u.report(Event{Kind: Planned, Step: "plan", Changes: u.set.Changes, Cost: &then})
	return fmt.Sprintf("%d changes", len(u.set.Changes)), u.confirm(then)
}

// keepCluster refuses to delete a cluster that 'cluster template' put into the stack.
func (u *up) keepCluster(changes []stack.Change) error {
	for _, c := range changes {
		if c.Type == "Custom::PclusterCluster" && c.Action == "Remove" {
			return hint.New(hint.BadInput, fmt.Errorf("stack %s contains the ParallelCluster %s (resource %s), which this update would delete",
				u.o.StackName, c.PhysicalID, c.LogicalID), "'parascope cluster template "+c.PhysicalID+
				"' writes the template of stack and cluster; deploy that template instead")
		}
	}
	return nil
}

func (u *up) confirm(then cost.Bill) error {
	question, err := u.question(u.set, then)
	if err != nil || question == "" || u.o.Confirm == nil {
		return err
	}
	yes, err := u.o.Confirm(question)
	if err == nil && !yes {
		err = &hint.Declined{What: "nothing was changed", Next: "'" + u.o.Again("up") + " --yes' does not prompt"}
	}
	return err
}

// discard takes back what was planned and not begun, when err ends the run.
func (u *up) discard(ctx context.Context, err error) error {
	if u.set == nil {
		return err
	}
	set := u.set
	u.set = nil
	if failed := set.Discard(context.WithoutCancel(ctx)); failed != nil {
		return hint.Join([]error{failed, err})
	}
	return err
}

// packaging says what to upload and where to.
func (u *up) packaging() artifact.PackageOptions {
	o := u.o.Package
	o.CreateBucket, o.Stack = true, u.o.StackName
	return o
}

func (u *up) pack(ctx context.Context) (came string, err error) {
	if !u.withGrafana() {
		return "not needed without Grafana", nil
	}
	packaged, err := artifact.Package(ctx, u.cfg, u.packaging(), func(string) {})
	if err != nil {
		return "", err
	}
	came = "unchanged"
	if packaged.Uploaded {
		came = "uploaded"
	}
	return fmt.Sprintf("%s: s3://%s/%s", came, packaged.Bucket, packaged.Key), nil
}

// change lets CloudFormation do what was planned.
//
// Where somebody else began an operation in between, that one is watched to its
// end, and what is left to do is planned again, and asked for.
func (u *up) change(ctx context.Context) (came string, err error) {
	for range 4 {
		came, err = u.changeOnce(ctx)
		if _, busy := errors.AsType[*stack.BusyError](err); !busy {
			return came, err
		}
		if _, err := u.settle(ctx); err != nil {
			return "", err
		}
		if _, err := u.plan(ctx); err != nil {
			return "", err
		}
	}
	return came, err
}

func (u *up) changeOnce(ctx context.Context) (_ string, err error) {
	if u.set == nil {
		if u.state, err = u.stack.Describe(ctx); err != nil {
			return "", err
		}
		u.result.Outputs = u.state.Outputs
		return "nothing to change", nil
	}
	start, set := u.o.now(), u.set
	u.set = nil // from here on it is CloudFormation's
	if err := set.Execute(ctx); err != nil {
		return "", err
	}
	state, err := u.watch(ctx, set.StackID)
	if err != nil {
		return "", err
	}
	if err := u.succeeded(state); err != nil {
		return "", err
	}
	u.state = state
	u.result.Changed, u.result.Outputs = true, state.Outputs
	return fmt.Sprintf("%s after %s", state.Status, u.o.now().Sub(start).Round(time.Second)), nil
}

// watch reports an operation's progress to its end. A failed one is an error that
// has the first reason in it, which is the one that the others follow from.
func (u *up) watch(ctx context.Context, id string) (stack.State, error) {
	var first *stack.Event
	state, err := u.stack.Watch(ctx, id, func(e stack.Event) {
		if e.Failed() && first == nil && e.LogicalID != u.o.StackName {
			first = &e
		}
		u.report(Event{Kind: Progress, Step: "stack", Resource: &e})
	})
	if ctx.Err() != nil {
		return state, hint.New(hint.Failure, &notWatched{ctx.Err()}, "'"+u.o.Again("up")+"' resumes it")
	}
	if err != nil {
		return state, whileWatching(err, u.o.Again("up"))
	}
	if first != nil && !works(state) && state.Exists() {
		return state, explainFailure(u.o.StackName, state, *first, u.o.Again("up"))
	}
	return state, nil
}

// works reports whether an operation brought the stack where it was to go.
func works(s stack.State) bool {
	return s.Status == types.StackStatusCreateComplete || s.Status == types.StackStatusUpdateComplete
}

// succeeded is nil where the stack is what Up made it, and otherwise says what became
// of it, which was nobody's failure that an event tells: somebody else's doing.
func (u *up) succeeded(state stack.State) error {
	switch {
	case works(state):
		return nil
	case !state.Exists():
		return hint.New(hint.Failure, fmt.Errorf("stack %s was deleted by another caller during the update", u.o.StackName),
			"'"+u.o.Again("up")+"' creates the stack again")
	}
	err := fmt.Errorf("stack %s is %s; the update did not complete", u.o.StackName, state.Status)
	if state.Reason != "" {
		err = fmt.Errorf("%w: %s", err, state.Reason)
	}
	return hint.New(hint.Failure, err, "the update may have been cancelled; '"+u.o.Again("up")+"' resumes it")
}

// people gives everybody who was named their role and lists who has one.
func (u *up) people(ctx context.Context) (string, error) {
	host, ok := u.result.Outputs["ManagedGrafanaWorkspaceEndpoint"]
	if !ok {
		return "no Grafana workspace in this stack", nil
	}
	u.result.GrafanaURL = grafana.BaseURL(host)
	team, err := people.Open(ctx, u.cfg, u.result.Outputs["ManagedGrafanaWorkspaceId"])
	if err != nil {
		return "", err
	}
	steps, err := team.Plan(ctx, u.o.People, false)
	if err != nil {
		return "", err
	}
	if err := u.confirmAdmins(ctx, team, steps); err != nil {
		return "", err
	}
	results, err := team.Apply(ctx, steps)
	if err != nil {
		return "", err
	}
	failed := 0
	for _, r := range results {
		u.report(Event{Kind: Changed, Step: "people", Person: &r})
		if r.Why != "" {
			failed++
		}
	}
	if u.result.Members, err = team.Members(ctx); err != nil {
		return "", err
	}
	if failed > 0 {
		return "", hint.New(hint.Failure, fmt.Errorf("%d role assignments failed", failed),
			"the reasons are above; '"+u.o.Users("add", u.result.Outputs["ManagedGrafanaWorkspaceId"])+" WHO:ROLE' tries again")
	}
	if len(u.result.Members) > 0 && !people.HasAdmin(u.result.Members) {
		u.report(Event{Kind: Warning, Step: "people", Text: NoAdmin})
	}
	return fmt.Sprintf("%d can sign in", len(people.SignIn(u.result.Members))), nil
}

// NoAdmin says what it means that a Grafana workspace has no admin.
const NoAdmin = "no user who can sign in is an admin of Grafana: no one can change its data sources, teams and settings"

// confirmAdmins asks before the last admin loses the role.
func (u *up) confirmAdmins(ctx context.Context, team *people.Team, steps []people.Step) error {
	last, err := team.TakesLastAdmin(ctx, steps)
	if err != nil || !last {
		return err
	}
	u.report(Event{Kind: Warning, Step: "people", Text: "after the change, " + NoAdmin})
	if u.o.Confirm == nil {
		return nil
	}
	yes, err := u.o.Confirm("The last admin of Grafana will lose the admin role. Continue?")
	if err == nil && !yes {
		err = &hint.Declined{What: "no role was changed", Next: "'" + u.o.Again("up") + " --yes' does not prompt"}
	}
	return err
}
