// Package bodies keeps room for the bodies of pages.
package bodies

// spares are kept, of 500 kB for a page of 6,000 series: scrapes are spread over their
// interval, so that few overlap.
const spares = 3

// maxSpare is the size of a body from which its room is not kept.
const maxSpare = 2 << 20

// Room is that of bodies that are not in use.
type Room chan []byte

// New returns no room.
func New() Room { return make(Room, spares) }

// For returns room for a body of n bytes.
func (r Room) For(n int) []byte {
	select {
	case room := <-r:
		if cap(room) >= n {
			return room[:0]
		}
	default:
	}
	return make([]byte, 0, n+n/8)
}

// Spare takes back the room of a body.
func (r Room) Spare(body []byte) {
	if cap(body) > maxSpare {
		return
	}
	select {
	case r <- body:
	default: // enough are kept
	}
}
