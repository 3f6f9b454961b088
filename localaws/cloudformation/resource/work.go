package resource

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/principal"
)

// stabilize is how long a resource may take to be ready, by the local cloud's clock.
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
	TypeName   string // as the template has it: Custom::Thing
	Token      string // RequestToken of messages
	Properties map[string]any
	Old        map[string]any // Update: the properties until now

	ID         string // physical id
	Attributes map[string]any
	// Keep, when it is set, stores the id and the attributes as soon as there is something that must be deleted again.
	Keep func() error
}

// Run checks the properties and does what verb says: "CREATE", "UPDATE" or
// "DELETE". Errors that AWS would show are *Failure.
func (t Type) Run(verb string, w *Work) error {
	typed, problems := t.check(w.Properties)
	if verb != "DELETE" && len(problems) > 0 {
		return &Failure{Plain: fmt.Sprintf("Properties validation failed for resource %s with message:\n%s", w.LogicalID,
			strings.Join(problems, "\n"))}
	}
	w.Properties = typed
	w.Old, _ = t.check(w.Old)
	switch verb {
	case "CREATE":
		w.Attributes = map[string]any{}
		return t.Create(w)
	case "UPDATE":
		return t.Update(w)
	}
	return IgnoreGone(t.Delete(w))
}

// Made notes the id of a resource that now exists.
func (w *Work) Made(id string) error {
	w.ID = id
	if w.Keep == nil {
		return nil
	}
	return w.Keep()
}

// Until waits for done, looking at once and then at every Poll.
func (w *Work) Until(done func() (bool, error)) error {
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

// Text is a property's text, "" when it is not given.
func (w *Work) Text(name string) string {
	s, _ := w.Properties[name].(string)
	return s
}

// Has reports whether the property is given.
func (w *Work) Has(name string) bool { _, ok := w.Properties[name]; return ok }

// Changed reports whether an update changes one of the properties.
func (w *Work) Changed(names ...string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return !Same(w.Properties[n], w.Old[n]) })
}

// NewName makes the physical name that CloudFormation gives what has none: stack,
// logical id and a random part, within max characters.
func (w *Work) NewName(max int) string {
	sum := sha256.Sum256([]byte(w.Cloud.NewID()))
	random := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:])[:12]
	prefix := w.Stack.Name + "-" + w.LogicalID
	return prefix[:min(len(prefix), max-len(random)-1)] + "-" + random
}

// Named is the property's text, or a name of CloudFormation's own.
func (w *Work) Named(property string, max int) string {
	if s := w.Text(property); s != "" {
		return s
	}
	return w.NewName(max)
}

// ARN is an ARN of the stack's region and account.
func (w *Work) ARN(service, rest string) string {
	return "arn:aws:" + service + ":" + w.Stack.Region + ":" + w.Stack.Account + ":" + rest
}
