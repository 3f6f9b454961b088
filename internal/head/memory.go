package head

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"time"
)

// Go lets a heap grow in proportion to what lives in it. Large pages live for a moment:
// what they leave must not be counted again and again. So the process is held to what
// lives, half as much again, the budget of pages, and some room.
const (
	memoryRoom = 16 << 20
	// memoryEvery is how often the limit follows what lives.
	memoryEvery = time.Second
	// memoryWindow is how many of these moments the least is taken of.
	memoryWindow = 60
)

// lowest is the least that lived of late, in bytes. A collection on a busy machine finds
// the pages that are being read among what lives: counted with it they would have room
// twice, and half as much again.
type lowest struct {
	lived [memoryWindow]int64
	next  int
}

// limit is the process' limit for what lived at the last collection and a budget of pages,
// in bytes. In steady work the collector runs earlier than it says.
func (l *lowest) limit(live, reading int64) int64 {
	l.lived[l.next%memoryWindow] = live
	l.next++
	least := slices.Min(l.lived[:min(l.next, memoryWindow)])
	// What grows within the window is collected more often until the window has passed.
	return max(least+least/2+reading+memoryRoom, live+live/8)
}

// tuneMemory sets the process' limit until ctx ends.
func tuneMemory(ctx context.Context, reading int64) {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	ticker := time.NewTicker(memoryEvery)
	defer ticker.Stop()
	var l lowest
	for {
		metrics.Read(sample)
		if live := int64(sample[0].Value.Uint64()); live > 0 || l.next == 0 { // 0: nothing was collected yet
			debug.SetMemoryLimit(l.limit(live, reading))
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}
