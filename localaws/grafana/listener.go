package grafana

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"

	"github.com/parascope/parascope/localaws/bounded"
	"github.com/parascope/parascope/localaws/hostcheck"
)

// listeners are the addresses of the workspaces, each with its Grafana. One is
// open as long as its workspace exists; what is not ACTIVE says so there.
type listeners struct {
	host    string
	handler func(workspaceID string) http.Handler
	logger  *slog.Logger

	mu   sync.Mutex
	open map[string]*listener
}

type listener struct {
	server *http.Server
	done   chan error
}

// AddressError says that the Grafana of a workspace cannot have its address again.
type AddressError struct {
	Workspace string // id
	Address   string // host:port
	Err       error  // the operating system's
}

func (e *AddressError) Error() string {
	return fmt.Sprintf("could not open the address %s of workspace %s: %v", e.Address, e.Workspace, e.Err)
}

// Unwrap is the operating system's error.
func (e *AddressError) Unwrap() error { return e.Err }

// start opens an address for the workspace: the one it had before, which others
// know it by (a stack's outputs do), or a free one for a new workspace.
func (l *listeners) start(id, before string) (address string, err error) {
	wanted := before
	if wanted == "" {
		wanted = net.JoinHostPort(l.host, "0")
	}
	in, err := net.Listen("tcp", wanted)
	if err != nil {
		return "", &AddressError{Workspace: id, Address: wanted, Err: err}
	}
	one := &listener{
		server: bounded.Server(hostcheck.Handler(l.handler(id), l.host)),
		done:   make(chan error, 1),
	}
	one.server.ErrorLog = slog.NewLogLogger(l.logger.Handler(), slog.LevelDebug)
	go func() { one.done <- one.server.Serve(bounded.Listener(in)) }()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open[id] = one
	return in.Addr().String(), nil
}

func (l *listeners) stop(id string) error {
	l.mu.Lock()
	one := l.open[id]
	delete(l.open, id)
	l.mu.Unlock()
	if one == nil {
		return nil
	}
	err := one.server.Close()
	if served := <-one.done; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	if err != nil {
		return fmt.Errorf("could not close the address of workspace %s: %w", id, err)
	}
	return nil
}

func (l *listeners) close() error {
	l.mu.Lock()
	var ids []string
	for id := range l.open {
		ids = append(ids, id)
	}
	l.mu.Unlock()
	var errs []error
	for _, id := range ids {
		errs = append(errs, l.stop(id))
	}
	return errors.Join(errs...)
}

// resume opens the addresses of the workspaces in the state.
func (g *Grafana) resume() error {
	all, err := g.selected(func(*workspace) bool { return true })
	if err != nil {
		return fmt.Errorf("could not read workspaces: %w", err)
	}
	for _, w := range all {
		if _, err := g.listeners.start(w.ID, w.Address); err != nil {
			return err
		}
	}
	return nil
}
