package head

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// Go lets a heap grow in proportion to what lives in it. Large pages live for a moment:
// what they leave must not be counted again and again. So the process is held to what
// lives, a quarter more, the budget of pages, and some room.
const (
	memoryRoom = 16 << 20
	// memoryEvery is how often the limit follows what lives.
	memoryEvery = time.Second
)

// lasting is what lived at the last collection without the pages that were being read, in
// bytes. With them it would give them room twice, and a quarter more.
type lasting struct {
	cycles uint64 // of the collector
	live   int64
	before int64 // most bytes of pages at one time, in the moment before
}

// limit is the process' limit, in bytes, for what lived at the last of so many
// collections, the most that pages held at one time since the last call, and their
// budget. In steady work the collector runs earlier than it says.
func (l *lasting) limit(cycles uint64, live, held, reading int64) int64 {
	if cycles != l.cycles { // the collection was in this moment or at the end of the one before
		l.cycles, l.live = cycles, max(live-max(held, l.before), 0)
	}
	l.before = held
	return l.live + l.live/4 + reading + memoryRoom
}

// tuneMemory sets the process' limit until ctx ends. held returns the most that pages held
// at one time since it was last called, and reading is their budget, in bytes.
func tuneMemory(ctx context.Context, held func() int64, reading int64) {
	sample := []metrics.Sample{{Name: "/gc/cycles/total:gc-cycles"}, {Name: "/gc/heap/live:bytes"}}
	ticker := time.NewTicker(memoryEvery)
	defer ticker.Stop()
	var l lasting
	for {
		metrics.Read(sample)
		debug.SetMemoryLimit(l.limit(sample[0].Value.Uint64(), int64(sample[1].Value.Uint64()), held(), reading))
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}
