// Package doctor is the frame of checks: values with what they need, run so many at
// once, each within its time. A check reads and changes nothing. What it cannot find
// out is Unknown, and never OK. The checks are in the packages below.
package doctor

import (
	"context"
	"fmt"

	"github.com/parascope/parascope/internal/hint"
)

// Check is one thing that can be found out about an E. Run reads the E and does not write to it: it
// may be left behind while others read. What others need it gives to Finding.Keeping.
type Check[E any] struct {
	ID    string   // of its page, docs/checks/ID.md
	Title string   // what is checked, in words
	Needs []string // IDs of checks without whose success this one would say nothing of its own
	Run   func(context.Context, E) Finding
}

// Of is the check, for whoever holds an E that the check's own environment is part of.
func Of[E, Part any](c Check[Part], part func(E) Part) Check[E] {
	return Check[E]{ID: c.ID, Title: c.Title, Needs: c.Needs, Run: func(ctx context.Context, e E) Finding { return c.Run(ctx, part(e)) }}
}

// Status is the outcome of a check.
type Status string

// The values of Status.
const (
	OK      Status = "ok"
	Failed  Status = "failed"
	Unknown Status = "unknown" // it could not be found out, which is neither good nor bad
	Skipped Status = "skipped" // it does not apply
)

// Finding is the result of a check.
type Finding struct {
	Status   Status
	Summary  string   // what was found, in a few words; "" where there is nothing to say
	Detail   string   // Failed: what is wrong. Unknown: why it is unknown. Skipped: why.
	Next     string   // Failed, Unknown: what to do
	Warnings []string // more to know, which makes the check neither good nor bad
	Err      error    // Failed: the error with its exit code; nil where the person decides whether to go on

	keep    func() // writes what later checks read; nil: nothing
	because string // Unknown: ID of the check that is unknown itself, and whose facts are missing; "": none
}

// Keeping is the finding, with a function that writes what later checks read. The run calls it
// before these begin, and never where the check took longer than it may.
func (f Finding) Keeping(keep func()) Finding {
	f.keep = keep
	return f
}

// Good is OK with what was found, in a few words.
func Good(summary string) Finding { return Finding{Status: OK, Summary: summary} }

// Skip is Skipped, with the reason.
func Skip(why string) Finding { return Finding{Status: Skipped, Detail: why} }

// Unsure is Unknown, with the reason and what to do.
func Unsure(why, next string) Finding { return Finding{Status: Unknown, Detail: why, Next: next} }

// Follows is Unknown because another check is, which finds the facts that this one is about.
func Follows(id string) Finding {
	return Finding{Status: Unknown, Detail: fmt.Sprintf("check %s is unknown", id), because: id}
}

// Fault is Failed, with exit code Failure.
func Fault(detail, next string) Finding { return Finding{Status: Failed, Detail: detail, Next: next} }

// Failure is Failed, and OK where err is nil.
func Failure(err error) Finding {
	if err == nil {
		return Finding{Status: OK}
	}
	return Finding{Status: Failed, Detail: err.Error(), Next: hint.Next(err), Err: err}
}

// UnlessRefused is Failure, and Unknown where AWS refused to say.
func UnlessRefused(err error) Finding {
	if hint.CodeOf(err) == hint.Denied {
		return Unasked(err)
	}
	return Failure(err)
}

// Unasked is Unknown: the question was not answered.
func Unasked(err error) Finding { return Unsure(err.Error(), hint.Next(err)) }

// NewCheck is a check in the order of its fields.
func NewCheck[E any](id, title string, needs []string, run func(context.Context, E) Finding) Check[E] {
	return Check[E]{ID: id, Title: title, Needs: needs, Run: run}
}
