package resource

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/parascope/parascope/internal/localaws/gateway"
	"github.com/parascope/parascope/internal/localaws/principal"
)

// stabilize is how long a resource may take to be ready, by the cloud's clock.
const stabilize = 2 * time.Hour

// Cloud is what types work with.
type Cloud struct {
	Call  gateway.Caller
	Now   func() time.Time
	NewID func() string
	Poll  time.Duration // how often something that takes time is looked at

	// ResponseURL is a presigned URL for one PUT of a custom resource's answer.
	ResponseURL func(region, key string, lifetime time.Duration) (string, error)
	// Response is what was put there.
	Response func(region, key string) (body []byte, found bool, err error)
}

// Stack is the stack that a resource belongs to.
type Stack struct{ ID, Name, Region, Account string }

// Work is one thing to be done with one resource. Create and Update leave the
// resource's id and attributes in it.
type Work struct {
	Context    context.Context
	Cloud      Cloud
	As         principal.Principal // who the stack acts for
	Stack      Stack
	LogicalID  string
	TypeName   string
	Token      string // RequestToken of messages
	Properties map[string]any
	Old        map[string]any // Update: the properties until now

	ID         string // physical id
	Attributes map[string]any
	// Made is told the id as soon as there is something that must be deleted again.
	Made func() error
}

// Create makes the resource. With an error, ID tells whether something is left of it.
func (t Type) create(w *Work) error {
	w.Attributes = map[string]any{}
	return t.Create(w)
}

// Run checks the properties and does what verb says: "CREATE", "UPDATE" or
// "DELETE". Errors that AWS would show are *Failure.
func (t Type) Run(verb string, w *Work) error {
	w.TypeName = w.typeName(t)
	typed, problems := t.check(w.Properties)
	if verb != "DELETE" && len(problems) > 0 {
		return &Failure{Plain: fmt.Sprintf("Properties validation failed for resource %s with message:\n%s", w.LogicalID, strings.Join(problems, "\n"))}
	}
	w.Properties = typed
	w.Old, _ = t.check(w.Old)
	switch verb {
	case "CREATE":
		return t.create(w)
	case "UPDATE":
		return t.Update(w)
	}
	return ignoreGone(t.Delete(w))
}

// typeName is the type as the template names it: Custom::X is kept by the caller.
func (w *Work) typeName(t Type) string {
	if w.TypeName != "" {
		return w.TypeName
	}
	return t.Name
}

// made notes the id of a resource that now exists.
func (w *Work) made(id string) error {
	w.ID = id
	if w.Made == nil {
		return nil
	}
	return w.Made()
}

// until waits for done, looking at once and then at every Poll.
func (w *Work) until(done func() (bool, error)) error {
	end := w.Cloud.Now().Add(stabilize)
	tick := time.NewTicker(w.Cloud.Poll)
	defer tick.Stop()
	for {
		if ok, err := done(); ok || err != nil {
			return err
		}
		if w.Cloud.Now().After(end) {
			return &Failure{Message: "Exceeded attempts to wait", HandlerCode: "NotStabilized"}
		}
		select {
		case <-w.Context.Done():
			return w.Context.Err()
		case <-tick.C:
		}
	}
}

// text is a property's text, "" when it is not given.
func (w *Work) text(name string) string {
	s, _ := w.Properties[name].(string)
	return s
}

// has reports whether the property is given.
func (w *Work) has(name string) bool { _, ok := w.Properties[name]; return ok }

// changed reports whether an update changes one of the properties.
func (w *Work) changed(names ...string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return !Same(w.Properties[n], w.Old[n]) })
}

// texts are a list's members.
func texts(v any) []string {
	list, _ := v.([]any)
	var out []string
	for _, x := range list {
		if s, ok := x.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// diff is what to adds to from, and what it leaves out.
func diff(from, to []string) (added, removed []string) {
	for _, s := range to {
		if !slices.Contains(from, s) {
			added = append(added, s)
		}
	}
	for _, s := range from {
		if !slices.Contains(to, s) {
			removed = append(removed, s)
		}
	}
	return added, removed
}

// tagMap is a property of kind Tags by key.
func tagMap(v any) map[string]string {
	list, _ := v.([]any)
	out := map[string]string{}
	for _, x := range list {
		tag, _ := x.(map[string]any)
		key, _ := tag["Key"].(string)
		out[key], _ = tag["Value"].(string)
	}
	return out
}

// tagChanges are the tags that an update sets and those that it takes away.
func (w *Work) tagChanges() (set map[string]string, removed []string) {
	from, to := tagMap(w.Old["Tags"]), tagMap(w.Properties["Tags"])
	set = map[string]string{}
	for k, v := range to {
		if old, ok := from[k]; !ok || old != v {
			set[k] = v
		}
	}
	_, removed = diff(slices.Sorted(maps.Keys(from)), slices.Sorted(maps.Keys(to)))
	return set, removed
}

// document is a policy as text.
func document(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	b, err := json.Marshal(v)
	if err != nil {
		return "" // strings, lists and maps always have a JSON form
	}
	return string(b)
}

// name makes the physical name that CloudFormation gives what has none: stack,
// logical id and a random part, within max characters.
func (w *Work) name(max int) string {
	sum := sha256.Sum256([]byte(w.Cloud.NewID()))
	random := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:])[:12]
	prefix := w.Stack.Name + "-" + w.LogicalID
	return prefix[:min(len(prefix), max-len(random)-1)] + "-" + random
}

// named is the property's text, or a name of CloudFormation's own.
func (w *Work) named(property string, max int) string {
	if s := w.text(property); s != "" {
		return s
	}
	return w.name(max)
}

// arn is an ARN of the stack's region and account.
func (w *Work) arn(service, rest string) string {
	return "arn:aws:" + service + ":" + w.Stack.Region + ":" + w.Stack.Account + ":" + rest
}
