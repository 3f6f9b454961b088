package deployment

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/parascope/parascope/localaws/cloudformation/template"
	"github.com/parascope/parascope/localaws/state"
)

const (
	stackBucket  = "cloudformation-stacks"      // stack id → Stack
	eventBucket  = "cloudformation-events"      // stack id + "#" + number → Event
	changeBucket = "cloudformation-change-sets" // change set id → ChangeSet
)

// Find returns the stack with this id or, if it is not deleted, this name; nil when
// there is none.
func (e *Engine) Find(region, nameOrID string) (*Stack, error) {
	var found *Stack
	err := e.o.State.View(func(tx *state.Tx) error {
		if strings.HasPrefix(nameOrID, "arn:") {
			var s Stack
			ok, err := tx.Get(stackBucket, nameOrID, &s)
			if ok && s.Region == region {
				found = &s
			}
			return err
		}
		return eachStack(tx, func(s *Stack) {
			if s.Region == region && s.Name == nameOrID && !s.Gone() {
				found = s
			}
		})
	})
	if err != nil {
		return nil, fmt.Errorf("could not find stack %s: %w", nameOrID, err)
	}
	return found, nil
}

// List returns the region's stacks, deleted ones included, newest first.
func (e *Engine) List(region string) ([]*Stack, error) {
	var all []*Stack
	err := e.o.State.View(func(tx *state.Tx) error {
		return eachStack(tx, func(s *Stack) {
			if region == "" || s.Region == region {
				all = append(all, s)
			}
		})
	})
	if err != nil {
		return nil, fmt.Errorf("could not list stacks: %w", err)
	}
	slices.SortStableFunc(all, func(a, b *Stack) int { return b.Created.Compare(a.Created) })
	return all, nil
}

func eachStack(tx *state.Tx, f func(*Stack)) error {
	return tx.ForEach(stackBucket, func(_ string, decode func(any) error) error {
		var s Stack
		if err := decode(&s); err != nil {
			return err
		}
		f(&s)
		return nil
	})
}

// History returns a stack's events, newest first.
func (e *Engine) History(s *Stack) ([]Event, error) {
	events := make([]Event, 0, s.Events)
	err := e.o.State.View(func(tx *state.Tx) error {
		for n := s.Events; n > 0; n-- {
			var event Event
			found, err := tx.Get(eventBucket, eventKey(s.ID, n), &event)
			if err != nil {
				return err
			}
			if found {
				events = append(events, event)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("could not read events of stack %s: %w", s.Name, err)
	}
	return events, nil
}

func eventKey(id string, n int) string { return fmt.Sprintf("%s#%09d", id, n) }

// save stores the stack and what just happened to it, together.
func (e *Engine) save(s *Stack, events ...Event) error {
	secrets := s.secrets()
	return e.o.State.Update(func(tx *state.Tx) error {
		for _, event := range events {
			s.Events++
			event.ID, event.StackID, event.StackName, event.Token = e.o.Cloud.NewID(), s.ID, s.Name, s.Token
			if event.Type != Type {
				event.Properties = masked(event.Properties, secrets)
				event.ID = event.LogicalID + "-" + event.Status + "-" + event.ID
			}
			if err := tx.Put(eventBucket, eventKey(s.ID, s.Events), event); err != nil {
				return err
			}
		}
		return tx.Put(stackBucket, s.ID, s)
	})
}

// mayHideParameters matches every template with a NoEcho parameter, also one that spells a letter
// of it with an escape.
var mayHideParameters = regexp.MustCompile(`NoEcho|\\[xuU]`)

// secrets are the values of NoEcho parameters, as they stand in JSON: what describes
// a stack or its events never shows them.
func (s *Stack) secrets() []string {
	definitions := []Definition{s.Definition}
	if s.Operation != nil {
		definitions = append(definitions, s.Operation.Target)
	}
	var out []string
	for _, d := range definitions {
		// This runs at each event, and reading a template takes milliseconds.
		if !mayHideParameters.MatchString(d.Body) {
			continue
		}
		t, err := template.Parse(d.Body)
		if err != nil {
			continue // there is none yet
		}
		for name, p := range t.Parameters {
			if text, err := json.Marshal(d.Parameters[name]); err == nil && p.NoEcho && len(text) > 2 {
				out = append(out, string(text[1:len(text)-1]))
			}
		}
	}
	return out
}

func masked(properties string, secrets []string) string {
	for _, secret := range secrets {
		properties = strings.ReplaceAll(properties, secret, "****")
	}
	return properties
}

// ChangeSets returns a stack's change sets, oldest first.
func (e *Engine) ChangeSets(stackID string) ([]*ChangeSet, error) {
	var all []*ChangeSet
	err := e.o.State.View(func(tx *state.Tx) error {
		return tx.ForEach(changeBucket, func(_ string, decode func(any) error) error {
			var c ChangeSet
			if err := decode(&c); err != nil {
				return err
			}
			if stackID == "" || c.StackID == stackID {
				all = append(all, &c)
			}
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("could not list change sets: %w", err)
	}
	slices.SortStableFunc(all, func(a, b *ChangeSet) int { return a.Created.Compare(b.Created) })
	return all, nil
}

// KeepChangeSet stores a change set.
func (e *Engine) KeepChangeSet(c *ChangeSet) error {
	return e.o.State.Update(func(tx *state.Tx) error { return tx.Put(changeBucket, c.ID, c) })
}

// DropChangeSets forgets change sets.
func (e *Engine) DropChangeSets(sets ...*ChangeSet) error {
	return e.o.State.Update(func(tx *state.Tx) error {
		for _, c := range sets {
			if err := tx.Delete(changeBucket, c.ID); err != nil {
				return err
			}
		}
		return nil
	})
}
