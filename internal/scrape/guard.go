package scrape

import (
	"errors"
	"fmt"
	"runtime/debug"
)

// panicError is a panic of a library that a target's answer set off.
type panicError struct {
	cause any
	stack []byte
}

func (e *panicError) Error() string {
	return fmt.Sprintf("the parser panicked on the metrics page: %.200s", fmt.Sprint(e.cause))
}

// guard calls f and returns what it panicked with: what one target shows is not to
// end the scrapes of the others.
func guard(f func()) (panicked *panicError) {
	defer func() {
		if cause := recover(); cause != nil {
			panicked = &panicError{cause, debug.Stack()}
		}
	}()
	f()
	return nil
}

// panicked counts a panic and logs it, with the stack the first time.
func (l *loop) panicked(e *panicError) error {
	l.manager.metrics.panics.Inc()
	logger := l.logger()
	if !l.hasPanicked {
		logger = logger.With("stack", string(e.stack))
		l.hasPanicked = true
	}
	logger.Error("scrape failed with a panic; the other targets are not affected", "err", e.Error())
	return e
}

// maxErrorText is how much of an error is kept, in bytes: a parser quotes what it does not
// understand, which may be the whole page.
const maxErrorText = 512

// brief is the error, cut to a bounded length.
func brief(err error) error {
	if err == nil {
		return nil
	}
	if text := err.Error(); len(text) > maxErrorText {
		return errors.New(text[:maxErrorText] + "…")
	}
	return err
}
