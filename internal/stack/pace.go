package stack

import (
	"context"
	"time"
)

// CloudFormation's API is throttled per account, and a stack takes minutes: it is
// asked often at first, when things happen, and less often later.
const (
	firstWait = 150 * time.Millisecond
	lastWait  = 3 * time.Second
)

// pace is how long to wait before asking again; its zero value is ready.
type pace struct{ next time.Duration }

// wait waits a little longer each time, or until ctx ends.
func (p *pace) wait(ctx context.Context) error {
	p.next = max(firstWait, min(lastWait, p.next*5/4))
	t := time.NewTimer(p.next)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
