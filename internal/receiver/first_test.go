package receiver

import (
	"errors"
	"net/http"
	"sync"
	"testing"
)

// setUp is a transport that its first request sets up; the others only read what it wrote.
type setUp struct{ made map[string]bool }

var errTried = errors.New("tried")

func (s *setUp) RoundTrip(*http.Request) (*http.Response, error) {
	if s.made == nil {
		s.made = map[string]bool{"made": true}
	}
	return nil, errTried
}

// TestFirstRequestIsAlone: the race detector sees what a first request writes beside others.
func TestFirstRequestIsAlone(t *testing.T) {
	transport := FirstAlone(&setUp{})
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if _, err := transport.RoundTrip(nil); !errors.Is(err, errTried) {
				t.Error(err)
			}
		})
	}
	all.Wait()
}
