// Package faults makes the local cloud fail on purpose: for a time, or for a
// share of the requests, a workspace's data plane answers as AMP does in trouble,
// or as a network does; so may the API of any service. The operator sets faults over a signed API of the local
// cloud's own; they are kept in memory and gone after a restart.
package faults

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/parascope/parascope/localaws/gateway"
)

// Fault is one kind of trouble, as the API has it.
type Fault struct {
	ID          string    `json:"id"`
	Kind        string    `json:"kind"`                  // a name of kinds
	On          string    `json:"on"`                    // OnWrite, OnQuery, or the API of a service: "cloudformation"
	WorkspaceID string    `json:"workspaceId,omitempty"` // empty: every workspace
	Share       float64   `json:"share"`                 // of the requests, above 0 to 1
	Until       time.Time `json:"until,omitzero"`        // zero: until it is cleared
	Hits        int       `json:"hits"`                  // requests that met it

	ForSeconds        float64 `json:"forSeconds,omitempty"`        // makes Until
	RetryAfterSeconds int     `json:"retryAfterSeconds,omitempty"` // header of throttled and unavailable
	DelaySeconds      float64 `json:"delaySeconds,omitempty"`      // of slow
	RefuseSamples     int     `json:"refuseSamples,omitempty"`     // of refuse: samples of each request
}

// What a fault of the data plane is on.
const (
	OnWrite = "remote_write" // RemoteWrite
	OnQuery = "query"        // every other operation of the data plane
)

func onDataPlane(on string) bool { return on == OnWrite || on == OnQuery }

// Table holds the faults that are in force.
type Table struct {
	newID    func() string
	services []string // whose API a fault may be on
	describe serve    // amp's DescribeWorkspace

	mu     sync.Mutex
	faults []*active
}

// active is a fault in force.
type active struct {
	Fault
	set     time.Time     // when it came in force
	seen    int           // requests that could have met it
	cleared chan struct{} // closed when it ends early
}

// New makes a table without any fault. newID makes their ids.
func New(newID func() string) *Table { return &Table{newID: newID} }

// Close ends every fault, so that requests which one keeps waiting end.
func (t *Table) Close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.remove(func(*active) bool { return true })
}

// add puts a valid fault in force.
func (t *Table) add(f Fault, now time.Time) Fault {
	t.mu.Lock()
	defer t.mu.Unlock()
	f.ID, f.Hits, f.Until = "fault-"+t.newID()[:8], 0, time.Time{}
	if f.ForSeconds > 0 {
		f.Until = now.Add(time.Duration(f.ForSeconds * float64(time.Second))).UTC()
	}
	t.faults = append(t.faults, &active{Fault: f, set: now, cleared: make(chan struct{})})
	return f
}

// list is what is in force now, in the order in which it was set.
func (t *Table) list(now time.Time) []Fault {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.remove(func(a *active) bool { return a.over(now) })
	out := []Fault{}
	for _, a := range t.faults {
		out = append(out, a.Fault)
	}
	return out
}

// clear ends the fault with this id, or with "" every one, and returns how many
// that were.
func (t *Table) clear(id string, now time.Time) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.remove(func(a *active) bool { return a.over(now) })
	return t.remove(func(a *active) bool { return id == "" || a.ID == id })
}

// remove takes out what which says; t.mu is held.
func (t *Table) remove(which func(*active) bool) (n int) {
	t.faults = slices.DeleteFunc(t.faults, func(a *active) bool {
		if !which(a) {
			return false
		}
		close(a.cleared)
		n++
		return true
	})
	return n
}

func (a *active) over(now time.Time) bool { return !a.Until.IsZero() && !now.Before(a.Until) }

// meet returns the fault that a request meets, if any: the first in force whose
// share it falls into. Shares are dealt out evenly and not by chance, so that a
// test with few requests sees what it asked for.
func (t *Table) meet(on string, r *gateway.Request) (Fault, <-chan struct{}, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, a := range t.faults {
		if a.On != on || a.WorkspaceID != "" && a.WorkspaceID != r.Labels["workspaceId"] || a.over(r.Now) || !a.concerns(r) {
			continue
		}
		a.seen++
		if math.Floor(float64(a.seen)*a.Share) == math.Floor(float64(a.seen-1)*a.Share) {
			continue
		}
		a.Hits++
		return a.Fault, a.cleared, true
	}
	return Fault{}, nil, false
}

// concerns reports whether a request can meet the fault. On a service's API those of
// clients do: what the cloud's services ask of each other is AWS's own affair. And
// only a session expires there, one that began before: a client that renews its
// credentials is served again.
func (a *active) concerns(r *gateway.Request) bool {
	switch {
	case onDataPlane(a.On):
		return true
	case r.Header.Get("Authorization") == "":
		return false
	case a.Kind == expired:
		return !r.SessionBegan.IsZero() && r.SessionBegan.Before(a.set)
	}
	return true
}

// check returns what is wrong with a fault that the API was given.
func (t *Table) check(f Fault) error {
	switch {
	case !slices.ContainsFunc(kinds(), func(k kind) bool { return k.name == f.Kind }):
		return invalid("kind %q is not one of %s", f.Kind, strings.Join(names(), ", "))
	case !onDataPlane(f.On) && !slices.Contains(t.services, f.On):
		return invalid("the value %q of the field on is not one of %s, %s, %s", f.On, OnWrite, OnQuery, strings.Join(t.services, ", "))
	case !onDataPlane(f.On) && !slices.ContainsFunc(kinds(), func(k kind) bool { return k.name == f.Kind && k.everywhere }):
		return invalid("the kind %s can only be used for faults on %s and %s", f.Kind, OnWrite, OnQuery)
	case !onDataPlane(f.On) && f.WorkspaceID != "":
		return invalid("workspaceId can only be used for faults on %s and %s", OnWrite, OnQuery)
	case !(f.Share > 0 && f.Share <= 1):
		return invalid("share %v must be above 0 and at most 1", f.Share)
	case f.ForSeconds < 0 || f.DelaySeconds < 0 || f.RetryAfterSeconds < 0 || f.RefuseSamples < 0:
		return invalid("the numbers of a fault must not be negative")
	case f.RetryAfterSeconds > 0 && f.Kind != throttled && f.Kind != unavailable:
		return invalid("retryAfterSeconds can only be used with the kinds %s and %s", throttled, unavailable)
	case (f.DelaySeconds > 0) != (f.Kind == slow):
		return invalid("delaySeconds is required for the kind %s and cannot be used with other kinds", slow)
	case (f.RefuseSamples > 0) != (f.Kind == refuse):
		return invalid("refuseSamples is required for the kind %s and cannot be used with other kinds", refuse)
	case f.Kind == refuse && f.On != OnWrite:
		return invalid("the kind %s can only be used for faults on %s", refuse, OnWrite)
	}
	return nil
}

func invalid(format string, args ...any) error {
	return &gateway.Error{Status: 400, Code: "ValidationException", Message: fmt.Sprintf(format, args...)}
}
