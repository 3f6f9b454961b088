package head

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// Go lets a heap grow in proportion to what lives in it. Large pages live for a moment:
// what they leave must not be counted again and again. So the process is held to what
// lives, half as much again, the budget of pages, and some room.
const (
	memoryRoom = 16 << 20
	// memoryEvery is how often the limit follows what lives.
	memoryEvery = time.Second
)

// memoryLimit is for a live heap and a budget of pages, in bytes. In steady work the
// collector runs earlier than it says.
func memoryLimit(live, reading int64) int64 { return live + live/2 + reading + memoryRoom }

// tuneMemory sets the process' limit until ctx ends.
func tuneMemory(ctx context.Context, reading int64) {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	ticker := time.NewTicker(memoryEvery)
	defer ticker.Stop()
	for {
		metrics.Read(sample)
		debug.SetMemoryLimit(memoryLimit(int64(sample[0].Value.Uint64()), reading))
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}
