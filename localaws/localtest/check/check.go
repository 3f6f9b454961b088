// Package check ends a test on an error, at once or after polling.
package check

import (
	"errors"
	"testing"
	"time"
)

// patience is how long Await polls: much longer than anything takes, for a machine
// that is busy with other tests.
const patience = time.Minute

// OK ends the test when err is not nil.
func OK(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Must returns a function that takes the results of a call, ends the test when err
// is not nil, and returns the value otherwise.
func Must[T any](t testing.TB) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		OK(t, err)
		return v
	}
}

// Await calls try every 10 ms until it returns nil, for a minute at most. Then it
// ends the test with what was awaited and the last error.
func Await(t testing.TB, what string, try func() error) {
	t.Helper()
	deadline, tick := time.NewTimer(patience), time.NewTicker(10*time.Millisecond)
	defer deadline.Stop()
	defer tick.Stop()
	for {
		err := try()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("condition not met within %s: %s: %v", patience, what, err)
		}
	}
}

// That makes a condition a function for Await, where there is no more to say than
// that it does not hold.
func That(holds func() bool) func() error {
	return func() error {
		if !holds() {
			return errors.New("the condition is false")
		}
		return nil
	}
}
