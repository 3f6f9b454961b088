package localaws

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"

	"github.com/parascope/parascope/localaws/bounded"
)

// endpoint is a server and the address it is bound to.
type endpoint struct {
	server   *http.Server
	listener net.Listener
	serving  chan error
}

func (e *endpoint) start(address string) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("could not listen on %s: %w", address, err)
	}
	quiet := &silent{connections: map[net.Conn]bool{}}
	e.server.ConnState = quiet.note
	e.server.RegisterOnShutdown(quiet.close)
	e.listener, e.serving = listener, make(chan error, 1)
	go func() { e.serving <- e.server.Serve(bounded.Listener(listener)) }()
	return nil
}

func (e *endpoint) stop(ctx context.Context) error {
	if e.listener == nil {
		return nil
	}
	var errs []error
	if err := e.server.Shutdown(ctx); err != nil {
		errs = append(errs, fmt.Errorf("could not finish the calls in progress: %w", err), e.server.Close())
	}
	if err := <-e.serving; !errors.Is(err, http.ErrServerClosed) {
		errs = append(errs, fmt.Errorf("could not serve: %w", err))
	}
	return errors.Join(errs...)
}

// silent are connections on which nothing was said yet. Browsers and HTTP clients
// keep such ones in store, and a server that shuts down waits five seconds for a
// first request on them, which never comes.
type silent struct {
	mu          sync.Mutex
	connections map[net.Conn]bool
	closed      bool
}

func (s *silent) note(c net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case state != http.StateNew:
		delete(s.connections, c)
	case s.closed:
		_ = c.Close() // nothing was lost on it
	default:
		s.connections[c] = true
	}
}

func (s *silent) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for c := range s.connections {
		_ = c.Close()
	}
}

// hostOf is the host that an address to listen on names.
func hostOf(address string) string {
	host, _, _ := net.SplitHostPort(address) // empty where it is none: no name is allowed then
	return host
}

// url is where clients on this machine reach the server. 0.0.0.0 and [::] can be
// bound, but many a client refuses them in a URL.
func (e *endpoint) url(configured string) string {
	address := configured
	if e.listener != nil {
		address = e.listener.Addr().String()
	}
	if host, port, err := net.SplitHostPort(address); err == nil {
		if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
			address = net.JoinHostPort("127.0.0.1", port)
		}
	}
	return "http://" + address
}
