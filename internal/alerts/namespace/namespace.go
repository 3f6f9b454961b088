// Package namespace puts the rules that ship into rule groups namespaces of an AMP
// workspace: one for each group of package rules, with the group's name.
//
// A namespace is parascope's where it has the tag Tag. All others are a site's, whatever
// their names, and are never changed.
package namespace

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/amp"
	"github.com/aws/aws-sdk-go-v2/service/amp/types"

	"github.com/parascope/parascope/internal/rules"
)

// Prefix begins the name of each namespace of parascope's: policies name it.
const Prefix = "parascope-"

// Tag is the key of the tag that parascope's namespaces have.
const Tag = "parascope"

// tagValue says which part of parascope's a resource is.
const tagValue = "rules"

// Outcome is what a write did to a namespace, or why it did not.
type Outcome struct {
	Name   string `json:"name"`
	Action Action `json:"action"`
	Rules  int    `json:"rules"`           // that the namespace should have
	Error  string `json:"error,omitempty"` // AWS's reason; the namespace has the rules that it had
}

// Action is what was done.
type Action string

// Actions.
const (
	Created   Action = "created"
	Updated   Action = "updated"
	Unchanged Action = "unchanged"
	Deleted   Action = "deleted"
	Failed    Action = "failed"
)

// File is the content of a namespace.
type File struct {
	Name  string
	Data  []byte // a rule file of Prometheus
	Rules int
}

// Files are the namespaces of rule groups.
func Files(groups []rules.Group) ([]File, error) {
	var all []File
	for _, g := range groups {
		data, err := rules.File([]rules.Group{g})
		if err != nil {
			return nil, err
		}
		all = append(all, File{Name: g.Name, Data: data, Rules: len(g.Records) + len(g.Alerts)})
	}
	return all, nil
}

// Writer writes namespaces of one workspace.
type Writer struct {
	Client      *amp.Client
	WorkspaceID string
	Poll        time.Duration // between two looks at a namespace that changes
}

// Write makes parascope's namespaces what files say: it creates and updates them, deletes
// those of parascope's that are not among files, and waits until AMP has taken or refused
// each. What failed of one namespace is in its Outcome; an error means that nothing was done.
func (w Writer) Write(ctx context.Context, files []File) ([]Outcome, error) {
	there, err := w.list(ctx)
	if err != nil {
		return nil, err
	}
	var all []Outcome
	for _, f := range files {
		all = append(all, w.begin(ctx, f, there))
		delete(there, f.Name)
	}
	for _, name := range slices.Sorted(maps.Keys(there)) {
		if there[name].Tags[Tag] == tagValue {
			all = append(all, w.remove(ctx, name))
		}
	}
	for i := range all {
		w.finish(ctx, &all[i])
	}
	return all, nil
}

// list returns the workspace's namespaces by their names.
func (w Writer) list(ctx context.Context) (map[string]types.RuleGroupsNamespaceSummary, error) {
	pages := amp.NewListRuleGroupsNamespacesPaginator(w.Client, &amp.ListRuleGroupsNamespacesInput{WorkspaceId: &w.WorkspaceID})
	there := map[string]types.RuleGroupsNamespaceSummary{}
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("could not list the rule groups namespaces of workspace %s: %w", w.WorkspaceID, err)
		}
		for _, n := range page.RuleGroupsNamespaces {
			there[aws.ToString(n.Name)] = n
		}
	}
	return there, nil
}

// begin asks AMP for what a namespace lacks, and does not wait for it.
func (w Writer) begin(ctx context.Context, f File, there map[string]types.RuleGroupsNamespaceSummary) Outcome {
	o := Outcome{Name: f.Name, Rules: f.Rules, Action: Unchanged}
	has, found := there[f.Name]
	var err error
	switch {
	case !found:
		o.Action, err = Created, w.create(ctx, f)
	case has.Tags[Tag] != tagValue:
		err = fmt.Errorf("parascope did not create the existing namespace (it has no tag %s=%s) and did not change it; save its rules "+
			"under another name, delete the namespace, and write the rules again", Tag, tagValue)
	default:
		o.Action, err = w.update(ctx, f)
	}
	if err != nil {
		o.fail(err)
	}
	return o
}

// update brings a namespace of parascope's to f. One whose creation failed has no rules to
// keep, and is made again.
func (w Writer) update(ctx context.Context, f File) (Action, error) {
	has, err := w.settle(ctx, f.Name)
	switch {
	case err != nil:
		return Failed, err
	case has == nil:
		return Created, w.create(ctx, f)
	case has.Status.StatusCode == types.RuleGroupsNamespaceStatusCodeCreationFailed:
		if o := w.remove(ctx, f.Name); o.Error != "" {
			return Failed, errors.New(o.Error)
		}
		if _, err := w.settle(ctx, f.Name); err != nil {
			return Failed, err
		}
		return Created, w.create(ctx, f)
	case has.Status.StatusCode == types.RuleGroupsNamespaceStatusCodeActive && bytes.Equal(has.Data, f.Data):
		return Unchanged, nil
	}
	_, err = w.Client.PutRuleGroupsNamespace(ctx, &amp.PutRuleGroupsNamespaceInput{WorkspaceId: &w.WorkspaceID, Name: &f.Name, Data: f.Data})
	return Updated, err
}

func (w Writer) create(ctx context.Context, f File) error {
	_, err := w.Client.CreateRuleGroupsNamespace(ctx, &amp.CreateRuleGroupsNamespaceInput{WorkspaceId: &w.WorkspaceID, Name: &f.Name,
		Data: f.Data, Tags: map[string]string{Tag: tagValue}})
	return err
}

func (w Writer) remove(ctx context.Context, name string) Outcome {
	o := Outcome{Name: name, Action: Deleted}
	_, err := w.Client.DeleteRuleGroupsNamespace(ctx, &amp.DeleteRuleGroupsNamespaceInput{WorkspaceId: &w.WorkspaceID, Name: &name})
	if _, gone := errors.AsType[*types.ResourceNotFoundException](err); err != nil && !gone {
		o.fail(err)
	}
	return o
}

// finish waits until AMP has done what was asked for, and notes what it refused.
func (w Writer) finish(ctx context.Context, o *Outcome) {
	if o.Action == Failed || o.Action == Unchanged {
		return
	}
	has, err := w.settle(ctx, o.Name)
	switch {
	case err != nil:
		o.fail(err)
	case o.Action == Deleted && has != nil:
		o.fail(fmt.Errorf("the namespace still exists, with status %s", has.Status.StatusCode))
	case o.Action == Deleted:
	case has == nil:
		o.fail(errors.New("the namespace was deleted by another caller"))
	case has.Status.StatusCode == types.RuleGroupsNamespaceStatusCodeCreationFailed:
		o.fail(fmt.Errorf("AMP refused the rules: %s; no rule of this namespace is evaluated", aws.ToString(has.Status.StatusReason)))
	case has.Status.StatusCode == types.RuleGroupsNamespaceStatusCodeUpdateFailed:
		o.fail(fmt.Errorf("AMP refused the new rules: %s; the previous rules stay in effect", aws.ToString(has.Status.StatusReason)))
	}
}

// settle waits until a namespace does not change. Nil: it does not exist.
func (w Writer) settle(ctx context.Context, name string) (*types.RuleGroupsNamespaceDescription, error) {
	tick := time.NewTicker(w.Poll)
	defer tick.Stop()
	for {
		out, err := w.Client.DescribeRuleGroupsNamespace(ctx, &amp.DescribeRuleGroupsNamespaceInput{WorkspaceId: &w.WorkspaceID, Name: &name})
		if _, gone := errors.AsType[*types.ResourceNotFoundException](err); gone {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		switch status := out.RuleGroupsNamespace.Status.StatusCode; status {
		case types.RuleGroupsNamespaceStatusCodeCreating, types.RuleGroupsNamespaceStatusCodeUpdating,
			types.RuleGroupsNamespaceStatusCodeDeleting:
			select {
			case <-tick.C:
			case <-ctx.Done():
				return nil, fmt.Errorf("the namespace is still %s: %w", status, ctx.Err())
			}
		default:
			return out.RuleGroupsNamespace, nil
		}
	}
}

func (o *Outcome) fail(err error) { o.Action, o.Error = Failed, err.Error() }

// Err is an error that names each namespace that failed, with its reason. Nil: none did.
func Err(all []Outcome) error {
	var failed []string
	for _, o := range all {
		if o.Action == Failed {
			failed = append(failed, fmt.Sprintf("rule groups namespace %s: %s", o.Name, o.Error))
		}
	}
	if len(failed) == 0 {
		return nil
	}
	return errors.New(strings.Join(failed, "; "))
}

// Summary is what a write did, in a few words.
func Summary(all []Outcome) string {
	count, rules := map[Action]int{}, 0
	for _, o := range all {
		count[o.Action]++
		if o.Action != Failed {
			rules += o.Rules
		}
	}
	var parts []string
	for _, a := range []Action{Created, Updated, Unchanged, Deleted, Failed} {
		if count[a] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", count[a], a))
		}
	}
	return fmt.Sprintf("%d rules; namespaces: %s", rules, strings.Join(parts, ", "))
}

// WriteOne creates or updates a single namespace and leaves all others alone.
func (w Writer) WriteOne(ctx context.Context, f File) error {
	there, err := w.list(ctx)
	if err != nil {
		return err
	}
	o := w.begin(ctx, f, there)
	w.finish(ctx, &o)
	return Err([]Outcome{o})
}

// Delete deletes a single namespace of parascope's.
func (w Writer) Delete(ctx context.Context, name string) error {
	o := w.remove(ctx, name)
	w.finish(ctx, &o)
	return Err([]Outcome{o})
}

// State is a namespace of parascope's as AMP has it.
type State struct {
	Name   string `json:"name"`
	Status string `json:"status"`           // ACTIVE, UPDATE_FAILED, …
	Reason string `json:"reason,omitempty"` // of a failure, in AWS's words
}

// List returns parascope's namespaces by their names.
func (w Writer) List(ctx context.Context) ([]State, error) {
	there, err := w.list(ctx)
	if err != nil {
		return nil, err
	}
	all := []State{}
	for _, name := range slices.Sorted(maps.Keys(there)) {
		if n := there[name]; n.Tags[Tag] == tagValue {
			all = append(all, State{Name: name, Status: string(n.Status.StatusCode), Reason: aws.ToString(n.Status.StatusReason)})
		}
	}
	return all, nil
}
