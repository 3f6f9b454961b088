// Package hint carries the two things a person needs from an error beyond its
// text: what to do next, and the exit code that tells a script what kind of
// failure it was (docs/exit-codes.md).
package hint

import "errors"

// Code is a process exit code. The meanings are documented in docs/exit-codes.md.
type Code int

const (
	Failure  Code = 1 // the work was tried and failed
	Usage    Code = 2 // the command line is wrong
	BadInput Code = 3 // a file, expression or value that was given is wrong
	Denied   Code = 4 // credentials are missing, wrong, expired or not allowed
	NotFound Code = 5 // what was named does not exist, or several match
	Busy     Code = 6 // an address, directory or lock is held by someone else
	Unsure   Code = 7 // nothing is known to be wrong, and not everything could be found out
)

// Error is an error with its next step and exit code.
type Error struct {
	Err  error
	Next string // one sentence: what to do next; empty when there is nothing better than Err
	Code Code
}

// New wraps err, which must not be nil.
func New(code Code, err error, next string) error {
	return &Error{Err: err, Next: next, Code: code}
}

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// Declined says that a person answered a question with no. It ends a run like an error,
// and is none: its exit code is 0.
type Declined struct {
	What string // what did not happen: "nothing was changed"
	Next string // one sentence: what to do instead; may be empty
}

func (d *Declined) Error() string { return d.What }

// CodeOf returns the exit code of err: 0 for nil and *Declined, Failure when err names none.
func CodeOf(err error) Code {
	if err == nil {
		return 0
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	if _, ok := err.(*Declined); ok { // joined with an error it is one
		return 0
	}
	return Failure
}

// Next returns the next step that err carries, or "".
func Next(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Next
	}
	if d, ok := errors.AsType[*Declined](err); ok {
		return d.Next
	}
	return ""
}

// Join is one error of several, with the exit code and the next step of the first;
// nil where there are none.
func Join(errs []error) error {
	switch len(errs) {
	case 0:
		return nil
	case 1:
		return errs[0]
	}
	return New(CodeOf(errs[0]), errors.Join(errs...), Next(errs[0]))
}
