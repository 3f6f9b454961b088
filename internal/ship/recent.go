package ship

import (
	"github.com/parascope/parascope/internal/wire"
	"time"

	"github.com/klauspost/compress/s2"
)

// recent are the last requests of a lane that the receiver took. They are kept as they
// were sent, which costs next to nothing, and read when something is refused: it is
// none of their series then.
type recent struct {
	bodies [recentBodies][]byte
	next   int

	known   map[wire.SeriesID]bool
	fresh   bool // known is of the bodies
	knownAt time.Duration
}

const (
	recentBodies = 8
	// maxRecent bounds a body that is kept, in bytes.
	maxRecent = 64 << 10
	// knownFor is how long series are remembered.
	knownFor = time.Minute
)

// keep notes a request that was taken.
func (r *recent) keep(body []byte) {
	if len(body) > maxRecent {
		return
	}
	r.bodies[r.next] = append(r.bodies[r.next][:0], body...)
	r.next = (r.next + 1) % recentBodies
	r.fresh = false
}

// series returns the series of the requests. Those of a minute ago count.
func (r *recent) series(now time.Duration) map[wire.SeriesID]bool {
	if r.fresh {
		return r.known
	}
	if r.known == nil || now-r.knownAt > knownFor {
		r.known, r.knownAt = map[wire.SeriesID]bool{}, now
	}
	for _, body := range r.bodies {
		raw, err := s2.Decode(nil, body)
		if err != nil {
			continue // none is there yet
		}
		all, err := wire.Points(raw)
		if err != nil {
			continue
		}
		for _, p := range all {
			r.known[p.Series] = true
		}
	}
	r.fresh = true
	return r.known
}
