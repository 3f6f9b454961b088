// Package deployment keeps CloudFormation's stacks and runs their operations: creation
// in parallel by dependency, updates with replacements and a cleanup, deletion in
// the opposite order, and the way back when one of them fails.
//
// Everything an operation did is in the state before it goes on, so that one that a
// stop of the process interrupted is taken up again: what was on its way back or
// being deleted goes on; a creation or update fails at the resources that were in
// work, whose outcome nobody knows, and rolls back.
package deployment

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/parascope/parascope/localaws/cloudformation/template"
	"github.com/parascope/parascope/localaws/principal"
)

// Definition is what a stack is told to be.
type Definition struct {
	Body         string
	Parameters   map[string]string
	Tags         map[string]string
	Capabilities []string
	RoleARN      string
}

// Stack is a stack as it is stored.
type Stack struct {
	ID, Name, Region      string
	Status, StatusReason  string
	Created               time.Time
	Updated, Deleted      time.Time // zero: never
	Definition            Definition
	Outputs               []template.OutputValue
	Resources             map[string]*Resource
	Trash                 []*Resource // replaced or removed, to be deleted by the cleanup
	DisableRollback       bool
	TerminationProtection bool
	TimeoutMinutes        int
	ChangeSetID           string // that the last change came from
	Token                 string // ClientRequestToken of the last request
	Operation             *Operation
	Events                int // how many there are
}

// Resource is a resource of a stack.
type Resource struct {
	LogicalID, Type, PhysicalID string
	Status, StatusReason        string
	At                          time.Time // of the status
	Properties                  map[string]any
	Attributes                  map[string]any
	DependsOn                   []string // all that it was made from
	DeletionPolicy              string
	UpdateReplacePolicy         string
	Metadata                    any
	// Before is the resource as it was when the running update began; New says
	// that there was none.
	Before *Resource
	New    bool
	// Tried are the properties that a rollback starts from.
	Tried map[string]any
}

// Kinds of operations.
const (
	Create = "CREATE"
	Update = "UPDATE"
	Delete = "DELETE"
)

// Phases of an operation.
const (
	Forward         = "forward"
	Cleanup         = "cleanup" // of an update that succeeded
	Rollback        = "rollback"
	RollbackCleanup = "rollback cleanup"
)

// What happens when a creation fails.
const (
	OnFailureRollback = "ROLLBACK"
	OnFailureDelete   = "DELETE"
	OnFailureNothing  = "DO_NOTHING"
)

// Operation is what a stack is in the middle of.
type Operation struct {
	Kind, Phase string
	As          principal.Principal // who the resources are made as
	Started     time.Time
	Target      Definition // Create and Update: what the stack is to become
	OnFailure   string     // Create
	Retain      []string   // Delete: resources to leave behind; Rollback: to leave as they are
	Halted      bool       // an update whose rollback failed: it can be continued
}

// Change set states.
const (
	ChangeSetComplete = "CREATE_COMPLETE"
	ChangeSetFailed   = "FAILED"
)

// ChangeSet is a change that was worked out and not made yet.
type ChangeSet struct {
	ID, Name, StackID    string
	Type                 string // CREATE or UPDATE
	Description          string
	Status, StatusReason string
	ExecutionStatus      string
	Created              time.Time
	Definition           Definition
	OnFailure            string
	Changes              []Change
}

// Event is one line of a stack's history.
type Event struct {
	ID, StackID, StackName string
	LogicalID, PhysicalID  string
	Type, Status, Reason   string
	Properties             string // JSON
	Token                  string
	At                     time.Time
}

// Type is the resource type that a stack has in its own events.
const Type = "AWS::CloudFormation::Stack"

// Busy reports whether an operation is running.
func (s *Stack) Busy() bool { return s.Operation != nil && !s.Operation.Halted }

// Gone reports whether the stack is deleted: it is then found by its id only.
func (s *Stack) Gone() bool { return s.Status == "DELETE_COMPLETE" }

// sorted are the stack's resources' logical ids.
func (s *Stack) sorted() []string { return slices.Sorted(maps.Keys(s.Resources)) }

// failed are the resources with this status that the operation came to grief at.
func (s *Stack) failed(status string) []string {
	var ids []string
	for _, id := range s.sorted() {
		r := s.Resources[id]
		if r.Status == status && !strings.HasSuffix(r.StatusReason, cancelled) {
			ids = append(ids, id)
		}
	}
	return ids
}

// cancelled ends the reason of a resource that failed because another one did.
const cancelled = "cancelled"
