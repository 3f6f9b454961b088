package deployment

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/parascope/parascope/localaws/cloudformation/resource"
	"github.com/parascope/parascope/localaws/state"
)

// workshop is an engine whose one resource type does as the test says.
type workshop struct {
	*Engine
	mu   sync.Mutex
	log  []string
	make func(w *resource.Work) error // Create; nil does nothing
}

func (s *workshop) did(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = append(s.log, what)
}

func (s *workshop) done() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.log)
}

func open(t *testing.T, dir string, create func(w *resource.Work) error) (*workshop, func()) {
	t.Helper()
	db, err := state.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	s := &workshop{make: create}
	thing := resource.Type{
		Name: "A::B::Thing", Properties: resource.Properties{"Of": {Kind: resource.Texts}},
		Create: func(w *resource.Work) error {
			if err := w.Made("id-of-" + w.LogicalID); err != nil {
				return err
			}
			s.did("make " + w.LogicalID)
			if s.make == nil {
				return nil
			}
			return s.make(w)
		},
		Delete: func(w *resource.Work) error { s.did("delete " + w.ID); return nil },
	}
	s.Engine = New(Options{
		State: db, Logger: slog.New(slog.NewTextHandler(t.Output(), nil)), Lookup: func(string) (resource.Type, bool) { return thing, true },
		Cloud: resource.Cloud{Now: time.Now, NewID: uuid.NewString, Poll: time.Millisecond},
	})
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	if err := s.Start(ctx); err != nil {
		t.Fatal(err)
	}
	stop := sync.OnceFunc(func() {
		cancel()
		s.Wait()
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return s, stop
}

const stackID = "arn:aws:cloudformation:us-east-2:111122223333:stack/s/1"

// diamond: B and C need A, D needs both; E stands alone.
const diamond = `
Resources:
  A: {Type: A::B::Thing}
  B: {Type: A::B::Thing, Properties: {Of: [!Ref A]}}
  C: {Type: A::B::Thing, DependsOn: A}
  D: {Type: A::B::Thing, Properties: {Of: [!Ref B, !Ref C]}}
  E: {Type: A::B::Thing}
`

func (s *workshop) create(t *testing.T, body string) {
	t.Helper()
	made := &Stack{ID: stackID, Name: "s", Region: "us-east-2", Created: time.Now(),
		Operation: &Operation{Kind: Create, Phase: Forward, Target: Definition{Body: body}, OnFailure: OnFailureRollback}}
	if err := s.Begin(made, "CREATE_IN_PROGRESS", "User Initiated"); err != nil {
		t.Fatal(err)
	}
}

// ends waits for the stack's operation to end with this status.
func (s *workshop) ends(t *testing.T, status string) *Stack {
	t.Helper()
	s.Wait()
	got, err := s.Find("us-east-2", stackID)
	if err != nil {
		t.Fatal(err)
	}
	if got.Status != status || got.Operation != nil {
		t.Fatalf("stack is %s (%s), operation %+v", got.Status, got.StatusReason, got.Operation)
	}
	return got
}

func TestResourcesAreMadeTogetherAndInOrder(t *testing.T) {
	// A waits for E to begin and E for A, B for C and C for B: in a row, none would end.
	met := map[string]chan struct{}{}
	for _, id := range []string{"A", "B", "C", "D", "E"} {
		met[id] = make(chan struct{})
	}
	partner := map[string]string{"A": "E", "E": "A", "B": "C", "C": "B"}
	s, _ := open(t, t.TempDir(), func(w *resource.Work) error {
		close(met[w.LogicalID])
		if other, ok := partner[w.LogicalID]; ok {
			select {
			case <-met[other]:
			case <-time.After(time.Minute):
				return errors.New(other + " did not begin meanwhile")
			}
		}
		return nil
	})
	s.create(t, diamond)
	got := s.ends(t, "CREATE_COMPLETE")
	log := s.done()
	at := func(id string) int { return slices.Index(log, "make "+id) }
	if at("A") > at("B") || at("A") > at("C") || at("D") < at("B") || at("D") < at("C") {
		t.Errorf("order: %v", log)
	}
	if diff := cmp.Diff(map[string]any{"Of": []any{"id-of-B", "id-of-C"}}, got.Resources["D"].Properties); diff != "" {
		t.Error(diff)
	}

	got.Operation = &Operation{Kind: Delete, Phase: Forward}
	if err := s.Begin(got, "DELETE_IN_PROGRESS", "User Initiated"); err != nil {
		t.Fatal(err)
	}
	s.ends(t, "DELETE_COMPLETE")
	log = s.done()[len(log):]
	gone := func(id string) int { return slices.Index(log, "delete id-of-"+id) }
	if len(log) != 5 || gone("A") < gone("B") || gone("A") < gone("C") || gone("D") > gone("B") || gone("D") > gone("C") {
		t.Errorf("deletion: %v", log)
	}
}

func TestOneFailureCancelsTheOthers(t *testing.T) {
	s, _ := open(t, t.TempDir(), func(w *resource.Work) error {
		switch w.LogicalID {
		case "A":
			return &resource.Failure{Message: "no", HandlerCode: "InvalidRequest"}
		case "E":
			<-w.Context.Done() // it is told
			return w.Context.Err()
		}
		return nil
	})
	s.create(t, diamond)
	got := s.ends(t, "ROLLBACK_COMPLETE")
	if diff := cmp.Diff([]string{"A", "E"}, got.sorted()); diff != "" {
		t.Errorf("what was tried: %s", diff)
	}
	if log := s.done(); !slices.Contains(log, "delete id-of-A") || !slices.Contains(log, "delete id-of-E") {
		t.Errorf("what was made is deleted: %v", log)
	}
	events, err := s.History(got)
	if err != nil {
		t.Fatal(err)
	}
	var reasons []string
	for _, e := range events {
		if strings.HasSuffix(e.Status, "_FAILED") {
			reasons = append(reasons, e.LogicalID+": "+e.Reason[:min(len(e.Reason), 42)])
		}
	}
	slices.Sort(reasons)
	if diff := cmp.Diff([]string{`A: Resource handler returned message: "no" (R`, "E: Resource creation cancelled"}, reasons); diff != "" {
		t.Error(diff)
	}
}

// A creation that a stop interrupts says so after the next start, and goes back.
func TestStopInTheMiddle(t *testing.T) {
	dir := t.TempDir()
	begun := make(chan struct{})
	s, stop := open(t, dir, func(w *resource.Work) error {
		if w.LogicalID != "E" {
			return nil
		}
		close(begun)
		<-w.Context.Done()
		return w.Context.Err()
	})
	s.create(t, diamond)
	<-begun
	stop()

	s, _ = open(t, dir, nil)
	got := s.ends(t, "ROLLBACK_COMPLETE")
	if got.Resources["E"].Status != "DELETE_COMPLETE" {
		t.Errorf("E is %s", got.Resources["E"].Status)
	}
	events, err := s.History(got)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(events, func(e Event) bool {
		return e.LogicalID == "E" && e.Status == "CREATE_FAILED" &&
			strings.HasPrefix(e.Reason, "The local cloud was stopped during the operation")
	}) {
		t.Errorf("events: %+v", events)
	}
	if log := s.done(); !slices.Contains(log, "delete id-of-E") {
		t.Errorf("afterwards: %v", log)
	}
}
