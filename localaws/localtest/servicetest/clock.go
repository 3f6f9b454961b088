package servicetest

import (
	"sync/atomic"
	"time"
)

// Clock is the machine's clock, put ahead. The zero Clock is not ahead. A signature
// is good for five minutes by the clock of the cloud: a test that puts it further
// ahead signs with Now.
type Clock struct{ ahead atomic.Int64 }

// Now is the clock's time.
func (c *Clock) Now() time.Time { return time.Now().Add(c.Ahead()) }

// Ahead is how far the clock is ahead of the machine's.
func (c *Clock) Ahead() time.Duration { return time.Duration(c.ahead.Load()) }

// Set puts the clock d ahead of the machine's.
func (c *Clock) Set(d time.Duration) { c.ahead.Store(int64(d)) }

// Pass puts the clock d further ahead.
func (c *Clock) Pass(d time.Duration) { c.ahead.Add(int64(d)) }
