package deploy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/parascope/parascope/internal/artifact"
	"github.com/parascope/parascope/internal/cluster/uses"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/stack"
)

// DownOptions say what to take down.
type DownOptions struct {
	Target
	KeepBucket bool   // keep the setup function's bucket
	Bucket     string // "": the one that the stack was made with
	// ForceRemoveScripts deletes what nodes of clusters fetch although clusters need it.
	ForceRemoveScripts bool
	Confirm            func(question string) (bool, error)
}

// DownResult is the proof of what is gone.
type DownResult struct {
	StackName string   `json:"stackName"`
	Gone      []Looked `json:"gone"` // looked for after the deletion, and not found
	Kept      []string `json:"kept"` // what was not deleted, and why
}

// Looked is a resource that was looked for with its own service.
type Looked struct {
	LogicalID  string `json:"logicalId"`
	Type       string `json:"type"`
	PhysicalID string `json:"physicalId"`
}

// down is a run of Down.
type down struct {
	o         DownOptions
	cfg       aws.Config
	stack     *stack.Stack
	report    func(Event)
	state     stack.State
	resources []stack.Resource
	holding   artifact.Holding // in the function's bucket
	found     uses.Found       // clusters that need the scripts
	unknown   bool             // which ones do could not be found out
	result    DownResult
}

// Down deletes the stack and what it has in the function's bucket, and looks for
// everything that was billed afterwards, by an earlier stack of the name too. Whatever
// is deleted is named before, and asked for. Where there is neither a stack nor
// anything of an earlier one of the name, and none of the name was deleted, that is an
// error of kind hint.NotFound: the name or the region is wrong.
func Down(ctx context.Context, cfg aws.Config, o DownOptions, report func(Event)) (DownResult, error) {
	d := &down{o: o, cfg: cfg, stack: stack.New(cfg, o.StackName), report: report, result: DownResult{StackName: o.StackName, Gone: []Looked{},
		Kept: []string{}}}
	if err := d.look(ctx); err != nil {
		return d.result, err
	}
	// That nothing can be known or done about the bucket must not keep the stack from
	// going, nor the proof from the person.
	bucketErr := d.lookIntoBucket(ctx)
	if _, missing := errors.AsType[*noBucket](bucketErr); missing {
		return d.result, bucketErr
	}
	bucketGoes := bucketErr == nil && d.holding.Goes() && !o.KeepBucket
	if err := d.checkScripts(ctx, bucketErr == nil); err != nil {
		return d.result, err
	}
	if d.state.Exists() && d.state.Status != types.StackStatusDeleteInProgress {
		if err := d.checkPolicies(ctx); err != nil {
			return d.result, err
		}
	}
	if err := d.confirm(bucketGoes); err != nil {
		return d.result, err
	}
	if d.state.Exists() {
		if err := d.deleteStack(ctx); err != nil {
			return d.result, err
		}
	}
	if bucketErr == nil {
		bucketErr = d.leaveBucket(ctx)
	}
	report(Event{Kind: Started, Step: "proof", Text: "finding billed resources"})
	left, err := newProver(cfg, o.Elsewhere).prove(ctx, o.StackName, d.resources, &d.result)
	switch {
	case len(left) > 0:
		return d.result, errors.Join(d.stillThere(left), err, bucketErr)
	case err != nil || bucketErr != nil:
		if err == nil {
			report(Event{Kind: Done, Step: "proof", Text: proved(d.result)})
		}
		return d.result, errors.Join(err, bucketErr)
	case !d.state.Exists() && !bucketGoes && !d.wasDeleted(ctx):
		return d.result, noStack(ctx, cfg, o.Target, ", and no billed resource of a stack with this name", "--stack, --region and "+
			"--profile select another stack")
	}
	report(Event{Kind: Done, Step: "proof", Text: proved(d.result)})
	return d.result, nil
}

// wasDeleted reports whether there was a stack of the name: a down that was interrupted is
// complete then, and the name is not a mistake. Where that cannot be asked, it is one.
func (d *down) wasDeleted(ctx context.Context) bool {
	deleted, err := stack.WasDeleted(ctx, d.cfg, d.o.StackName)
	if err != nil {
		d.report(Event{Kind: Warning, Step: "proof", Text: "could not determine whether the stack was deleted before: " + err.Error()})
	}
	return deleted
}

// look reads what the stack is and holds.
func (d *down) look(ctx context.Context) (err error) {
	if d.state, err = d.stack.Describe(ctx); err != nil {
		return err
	}
	if !d.state.Exists() {
		d.report(Event{Kind: Warning, Step: "stack", Text: "there is no stack " + d.o.StackName + " in " + d.cfg.Region})
		return nil
	}
	d.resources, err = d.stack.Resources(ctx, d.state.ID)
	return err
}

// proved says what the proof covers.
func proved(r DownResult) string {
	if len(r.Gone) == 0 {
		return "the stack had no billed resources"
	}
	return fmt.Sprintf("all %d billed resources are gone", len(r.Gone))
}

// confirm says what goes before it goes; where nothing does it does not ask.
func (d *down) confirm(bucketGoes bool) error {
	if d.o.Confirm == nil || !d.state.Exists() && !bucketGoes {
		return nil
	}
	text := "The remaining resources will be deleted:"
	if d.state.Exists() {
		text = fmt.Sprintf("Stack %s in %s will be deleted, with all metrics and dashboards in it:", d.o.StackName, d.cfg.Region)
	}
	for _, r := range d.resources {
		if caption := stack.Caption(r.LogicalID); caption != "" && r.Status != types.ResourceStatusDeleteComplete {
			text += "\n  " + caption
		}
	}
	if bucketGoes {
		text += "\n  " + describeHolding(d.holding)
	}
	yes, err := d.o.Confirm(text + "\nContinue?")
	if err != nil {
		return err
	}
	if !yes {
		return &hint.Declined{What: "nothing was deleted", Next: "'" + d.o.Again("down") + " --yes' does not prompt"}
	}
	return nil
}

func (d *down) deleteStack(ctx context.Context) error {
	s, state, report := d.stack, d.state, d.report
	report(Event{Kind: Started, Step: "stack", Text: "deleting stack " + s.Name})
	start := d.o.now()
	if state.Status != types.StackStatusDeleteInProgress {
		if err := s.Delete(ctx); err != nil {
			return err
		}
	}
	var first *stack.Event
	after, err := s.Watch(ctx, state.ID, func(e stack.Event) {
		if e.Failed() && first == nil && e.LogicalID != s.Name {
			first = &e
		}
		report(Event{Kind: Progress, Step: "stack", Resource: &e})
	})
	switch {
	case ctx.Err() != nil:
		return hint.New(hint.Failure, &notWatched{ctx.Err()}, "'"+d.o.Again("down")+"' resumes it")
	case err != nil:
		return whileWatching(err, d.o.Again("down"))
	case after.Exists() && first != nil:
		return explainFailure(s.Name, after, *first, d.o.Again("down"))
	case after.Exists():
		return hint.New(hint.Failure, fmt.Errorf("stack %s is %s: %s", s.Name, after.Status, after.Reason), "run '"+d.o.Again("down")+"' again")
	}
	report(Event{Kind: Done, Step: "stack", Text: "deleted after " + d.o.now().Sub(start).Round(time.Second).String()})
	return nil
}
