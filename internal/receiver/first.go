package receiver

import (
	"net/http"
	"sync"
	"sync/atomic"
)

// FirstAlone has the first request be over before others are made. The library's transport
// for OAuth 2.0 is set up by its first request, and is not safe for others meanwhile.
func FirstAlone(next http.RoundTripper) http.RoundTripper { return &firstAlone{next: next} }

type firstAlone struct {
	next  http.RoundTripper
	mu    sync.Mutex
	begun atomic.Bool
}

// RoundTrip implements http.RoundTripper.
func (f *firstAlone) RoundTrip(r *http.Request) (*http.Response, error) {
	if !f.begun.Load() {
		f.mu.Lock()
		if !f.begun.Load() {
			defer f.mu.Unlock()
			defer f.begun.Store(true)
			return f.next.RoundTrip(r)
		}
		f.mu.Unlock()
	}
	return f.next.RoundTrip(r)
}

// CloseIdleConnections closes those of the transport.
func (f *firstAlone) CloseIdleConnections() {
	if c, ok := f.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}
