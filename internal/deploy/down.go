package deploy

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/stack"
)

// DownOptions say what to take down.
type DownOptions struct {
	StackName  string
	KeepBucket bool   // leave the setup function's bucket
	Bucket     string // "": parascope-ACCOUNT-REGION
	Confirm    func(question string) (bool, error)
}

// DownResult is the proof of what is gone.
type DownResult struct {
	StackName string   `json:"stackName"`
	Gone      []Looked `json:"gone"`  // looked for after the deletion, and not found
	Stays     []string `json:"stays"` // what was left, in words
}

// Looked is a resource that was looked for with its own service.
type Looked struct {
	LogicalID  string `json:"logicalId"`
	Type       string `json:"type"`
	PhysicalID string `json:"physicalId"`
}

// Down deletes the stack and the function's bucket, and looks for everything that
// was billed afterwards, by an earlier stack of the name too. That nothing is there
// already is success.
func Down(ctx context.Context, cfg aws.Config, o DownOptions, report func(Event)) (DownResult, error) {
	s := stack.New(cfg, o.StackName)
	result := DownResult{StackName: o.StackName}
	state, err := s.Describe(ctx)
	if err != nil {
		return result, err
	}
	var resources []stack.Resource
	if state.Exists() {
		if resources, err = s.Resources(ctx); err != nil {
			return result, err
		}
		if err := confirmDown(o, resources); err != nil {
			return result, err
		}
		if err := deleteStack(ctx, s, state, report); err != nil {
			return result, err
		}
	} else {
		report(Event{Kind: Warning, Step: "stack", Text: "there is no stack " + o.StackName})
	}
	// That the bucket could not be removed must not keep the proof from the person.
	bucketErr := removeBucket(ctx, cfg, o, &result, report)
	report(Event{Kind: Started, Step: "proof", Text: "looking for everything that was billed"})
	left, err := newProver(cfg).prove(ctx, o.StackName, resources, &result)
	if len(left) > 0 {
		return result, errors.Join(stillThere(left, report), err, bucketErr)
	}
	if err != nil {
		return result, errors.Join(err, bucketErr)
	}
	report(Event{Kind: Done, Step: "proof", Text: proved(result)})
	return result, bucketErr
}

// proved says what the proof covers.
func proved(r DownResult) string {
	if len(r.Gone) == 0 {
		return "nothing billed was there"
	}
	return fmt.Sprintf("of %d billed resources none is left", len(r.Gone))
}

// confirmDown says what goes before it goes.
func confirmDown(o DownOptions, resources []stack.Resource) error {
	if o.Confirm == nil {
		return nil
	}
	var goes []string
	for _, r := range resources {
		if caption := stack.Caption(r.LogicalID); caption != "" {
			goes = append(goes, "  "+caption)
		}
	}
	yes, err := o.Confirm(fmt.Sprintf("Stack %s will be deleted, with all metrics and dashboards in it:\n%s\nGo on?", o.StackName, strings.Join(goes, "\n")))
	if err != nil {
		return err
	}
	if !yes {
		return hint.New(hint.Failure, errors.New("nothing was deleted"), "'parascope down --yes' does not ask")
	}
	return nil
}

func deleteStack(ctx context.Context, s *stack.Stack, state stack.State, report func(Event)) error {
	report(Event{Kind: Started, Step: "stack", Text: "deleting stack " + s.Name})
	start := time.Now()
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
		return hint.New(hint.Failure, &notWatched{ctx.Err()}, "'parascope down' picks it up where it is")
	case err != nil:
		return whileWatching(err, "parascope down")
	case after.Exists() && first != nil:
		return explainFailure(s.Name, after, *first, "parascope down")
	case after.Exists():
		return hint.New(hint.Failure, fmt.Errorf("stack %s is %s: %s", s.Name, after.Status, after.Reason), "run 'parascope down' again")
	}
	report(Event{Kind: Done, Step: "stack", Text: "deleted after " + time.Since(start).Round(time.Second).String()})
	return nil
}

// removeBucket empties and deletes the function's bucket, unless it holds anything
// that is not ours.
func removeBucket(ctx context.Context, cfg aws.Config, o DownOptions, result *DownResult, report func(Event)) error {
	if o.KeepBucket {
		result.Stays = append(result.Stays, "the setup function's bucket, as you asked")
		return nil
	}
	removed, err := stack.RemoveBucket(ctx, cfg, o.Bucket)
	if err != nil {
		return err
	}
	if removed.Why != "" {
		result.Stays = append(result.Stays, fmt.Sprintf("bucket %s: %s", removed.Name, removed.Why))
		report(Event{Kind: Warning, Step: "bucket", Text: fmt.Sprintf("bucket %s stays: %s", removed.Name, removed.Why)})
	} else if removed.Existed {
		report(Event{Kind: Done, Step: "bucket", Text: "deleted " + removed.Name})
	}
	return nil
}
