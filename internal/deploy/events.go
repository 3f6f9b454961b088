package deploy

import (
	"github.com/parascope/parascope/internal/cost"
	"github.com/parascope/parascope/internal/people"
	"github.com/parascope/parascope/internal/stack"
)

// Event is something that a person or a program that watches is told. Exactly one
// of the fields behind Kind that belong to it is set.
type Event struct {
	Kind     Kind           `json:"event"`
	Step     string         `json:"step,omitempty"`     // Started, Done, Warning: "preflight", "package", …
	Text     string         `json:"text,omitempty"`     // in words
	Changes  []stack.Change `json:"changes,omitempty"`  // Planned
	Cost     *cost.Bill     `json:"cost,omitempty"`     // Planned: of the stack as it will be
	Resource *stack.Event   `json:"resource,omitempty"` // Progress
	Person   *people.Result `json:"person,omitempty"`   // Changed
}

// Kind is the kind of an Event.
type Kind string

const (
	Started  Kind = "started"  // a step began; Text says what it does
	Done     Kind = "done"     // a step is over; Text says what came of it
	Warning  Kind = "warning"  // something to know that stops nothing
	Planned  Kind = "planned"  // what CloudFormation is going to change, and what the stack will cost
	Progress Kind = "progress" // a resource's state changed
	Changed  Kind = "changed"  // somebody's role was changed, or could not be
)
