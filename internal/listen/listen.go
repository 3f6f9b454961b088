// Package listen binds TCP addresses and, where one is taken, says by whom.
package listen

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"

	"github.com/parascope/parascope/internal/hint"
)

// TCP binds addr ("host:port"; port 0 selects a free one).
func TCP(ctx context.Context, addr string) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, Explain(err, addr)
	}
	return l, nil
}

// Reachable is where clients on this machine reach what is bound to addr: addresses
// such as 0.0.0.0 and [::] can be bound, and not asked.
func Reachable(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return addr
}

// Explain turns the error of binding addr into one that names the process that
// holds the address, where the operating system tells, and what to do.
func Explain(err error, addr string) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		holder := "another process"
		if p, ok := holderOf(addr); ok {
			holder = fmt.Sprintf("%s (pid %d)", p.name, p.pid)
		}
		return hint.New(hint.Busy, fmt.Errorf("address %s is in use by %s", addr, holder),
			"stop that process, or choose another address (--help names the flag)")
	case errors.Is(err, syscall.EACCES):
		return hint.New(hint.Denied, fmt.Errorf("this user is not allowed to bind address %s", addr),
			"choose a port of 1024 or above")
	}
	if _, ok := errors.AsType[*net.AddrError](err); ok {
		return hint.New(hint.Usage, fmt.Errorf("address %q: %w", addr, err), "give HOST:PORT, such as 127.0.0.1:9100")
	}
	return fmt.Errorf("could not listen on %s: %w", addr, err)
}

// process is who holds an address.
type process struct {
	pid  int
	name string
}
