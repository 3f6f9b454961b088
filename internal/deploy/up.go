// Package deploy brings the infrastructure stack up and takes it down, as a list
// of steps that can be read. It emits events and draws nothing. Every step looks
// at what is there before it does anything, so that a run that was cut off is
// continued by the next one.
package deploy

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/parascope/parascope/internal/artifact"
	"github.com/parascope/parascope/internal/cost"
	"github.com/parascope/parascope/internal/grafana"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/people"
	"github.com/parascope/parascope/internal/stack"
)

// UpOptions say what to bring up. Confirm is asked before anything that is there
// is replaced or removed, and where the caller may not do all that is needed; nil
// means yes.
type UpOptions struct {
	Target
	Parameters map[string]string // of the template; "MonitoringType", …
	Package    artifact.PackageOptions
	People     []people.Want
	Confirm    func(question string) (bool, error)
}

// UpResult is what there is when Up is done.
type UpResult struct {
	StackName  string            `json:"stackName"`
	Region     string            `json:"region"`
	Changed    bool              `json:"changed"`
	GrafanaURL string            `json:"grafanaUrl,omitempty"`
	Members    []people.Member   `json:"members"`
	Outputs    map[string]string `json:"outputs"`
	Cost       cost.Bill         `json:"cost"`
}

// notWatched is the error of a watch that was given up.
type notWatched struct{ cause error }

func (e *notWatched) Error() string { return "stopped watching; AWS goes on by itself" }
func (e *notWatched) Unwrap() error { return e.cause }

// up is a run of Up.
type up struct {
	o        UpOptions
	cfg      aws.Config
	stack    *stack.Stack
	report   func(Event)
	state    stack.State
	template string // with the place of the setup function
	result   UpResult
}

// Up creates the stack, or brings it to this program's template and the options,
// and gives people their roles.
func Up(ctx context.Context, cfg aws.Config, o UpOptions, report func(Event)) (UpResult, error) {
	u := &up{o: o, cfg: cfg, stack: stack.New(cfg, o.StackName), report: report}
	u.result.StackName, u.result.Region, u.result.Members = o.StackName, cfg.Region, []people.Member{}
	for _, step := range []struct {
		name, doing string
		run         func(context.Context) (came string, err error)
	}{
		{"preflight", "who is asking, and is all there that will be needed", u.preflight},
		{"settle", "what the stack is now", u.settle},
		{"package", "the setup function into a bucket of the region", u.pack},
		{"stack", "CloudFormation", u.change},
		{"people", "who may use Grafana", u.people},
	} {
		report(Event{Kind: Started, Step: step.name, Text: step.doing})
		came, err := step.run(ctx)
		if err != nil {
			return u.result, err
		}
		report(Event{Kind: Done, Step: step.name, Text: came})
	}
	var err error
	u.result.Cost, err = cost.OfStack(cost.Stack{Region: cfg.Region, Parameters: u.effective()})
	return u.result, err
}

func (u *up) pack(ctx context.Context) (came string, err error) {
	if !u.withGrafana() {
		u.template, err = stack.Template(artifact.Place{Bucket: "''", Key: "''", Architecture: artifact.ARM64})
		return "not needed without Grafana", err
	}
	u.o.Package.CreateBucket, u.o.Package.Stack = true, u.o.StackName
	packaged, err := artifact.Package(ctx, u.cfg, u.o.Package, func(string) {})
	if err != nil {
		return "", err
	}
	if u.template, err = stack.Template(packaged.Place); err != nil {
		return "", err
	}
	came = "unchanged"
	if packaged.Uploaded {
		came = "uploaded"
	}
	return fmt.Sprintf("%s: s3://%s/%s", came, packaged.Bucket, packaged.Key), nil
}

// change plans, asks where something would be lost, and lets CloudFormation do it.
//
// Where somebody else began an operation in between, that one is watched to its
// end, and what is left to do is planned again.
func (u *up) change(ctx context.Context) (came string, err error) {
	for range 4 {
		came, err = u.changeOnce(ctx)
		if _, busy := errors.AsType[*stack.BusyError](err); !busy {
			return came, err
		}
		if _, err := u.settle(ctx); err != nil {
			return "", err
		}
	}
	return came, err
}

func (u *up) changeOnce(ctx context.Context) (string, error) {
	set, err := u.stack.Plan(ctx, u.template, u.o.Parameters)
	if err != nil {
		return "", err
	}
	if set == nil {
		if u.state, err = u.stack.Describe(ctx); err != nil {
			return "", err
		}
		u.result.Outputs = u.state.Outputs
		return "nothing to change", nil
	}
	u.report(Event{Kind: Planned, Step: "stack", Changes: set.Changes})
	if err := u.confirm(ctx, set); err != nil {
		return "", err
	}
	start := u.o.now()
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

func (u *up) confirm(ctx context.Context, set *stack.ChangeSet) error {
	lost := set.Destroys()
	if len(lost) == 0 || u.o.Confirm == nil {
		return nil
	}
	var names []string
	for _, c := range lost {
		names = append(names, c.LogicalID)
	}
	yes, err := u.o.Confirm(fmt.Sprintf("%s will be replaced or removed, with what is in them. Go on?", strings.Join(names, ", ")))
	if err == nil && yes {
		return nil
	}
	if err == nil {
		err = hint.New(hint.Failure, errors.New("nothing was changed"), "'"+u.o.Again("up")+" --yes' does not ask")
	}
	return errors.Join(err, set.Discard(context.WithoutCancel(ctx)))
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
		return state, hint.New(hint.Failure, &notWatched{ctx.Err()}, "'"+u.o.Again("up")+"' picks it up where it is")
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
		return hint.New(hint.Failure, fmt.Errorf("stack %s was deleted while it was being changed, by somebody else", u.o.StackName),
			"'"+u.o.Again("up")+"' makes it anew")
	}
	err := fmt.Errorf("stack %s is %s, and not as it was to be", u.o.StackName, state.Status)
	if state.Reason != "" {
		err = fmt.Errorf("%w: %s", err, state.Reason)
	}
	return hint.New(hint.Failure, err, "somebody may have cancelled it; '"+u.o.Again("up")+"' goes on from where it is")
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
		return "", hint.New(hint.Failure, fmt.Errorf("%d people did not get their role", failed),
			"the reasons are above; '"+u.o.Users("add", u.result.Outputs["ManagedGrafanaWorkspaceId"])+" WHO:ROLE' tries again")
	}
	return fmt.Sprintf("%d may sign in", len(u.result.Members)), nil
}
