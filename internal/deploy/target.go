package deploy

import (
	"time"

	"github.com/parascope/parascope/internal/doctor/preflight"
)

// DefaultStack is the guide's stack, which commands mean that name none.
const DefaultStack = preflight.PolicyStack

// Target is a stack as the person named it: what a command works on, and what the
// commands that its errors advise have to name again.
type Target struct {
	StackName string
	Elsewhere string // the flags that were given for the place, in a command line: " --region eu-west-1"
	Options   string // the other flags of the command that runs, but for --yes and --json
	// Now is the clock. Nil: the system's.
	Now func() time.Time
}

// now is the time by the target's clock.
func (t Target) now() time.Time {
	if t.Now == nil {
		return time.Now()
	}
	return t.Now()
}

// Command is a command line of the program about this stack.
func (t Target) Command(verb string) string {
	line := "parascope " + verb
	if t.StackName != DefaultStack {
		line += " --stack " + t.StackName
	}
	return line + t.Elsewhere
}

// Again is the command line that runs, whose verb this is.
func (t Target) Again(verb string) string { return t.Command(verb) + t.Options }

// Users is a command line about the people of the stack's Grafana workspace.
func (t Target) Users(verb, workspaceID string) string {
	line := "parascope users " + verb
	if t.StackName != DefaultStack {
		line += " --workspace " + workspaceID
	}
	return line + t.Elsewhere
}
