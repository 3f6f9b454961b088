// Package connections keeps the connections of a job's client by target, and closes those
// to targets that are gone.
package connections

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"sync"
)

// Set are the connections of a job's client, by the address that was dialled. A
// transport keeps idle ones for minutes; those to targets that are gone are closed at
// once, or a job whose targets come and go would have thousands.
type Set struct {
	dialNext func(ctx context.Context, network, address string) (net.Conn, error)

	mu    sync.Mutex
	users map[string]int // loops
	open  map[string]map[*connection]bool
}

// New returns an empty set. It dials by dial, or as the system does.
func New(dial func(ctx context.Context, network, address string) (net.Conn, error)) *Set {
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	return &Set{dialNext: dial, users: map[string]int{}, open: map[string]map[*connection]bool{}}
}

// connection is one that is noted until it is closed.
type connection struct {
	net.Conn
	all     *Set
	address string
}

// Dial makes a connection, which is noted until it is closed.
func (c *Set) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := c.dialNext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	one := &connection{conn, c, address}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open[address] == nil {
		c.open[address] = map[*connection]bool{}
	}
	c.open[address][one] = true
	return one, nil
}

func (c *connection) Close() error {
	c.all.mu.Lock()
	delete(c.all.open[c.address], c)
	if len(c.all.open[c.address]) == 0 {
		delete(c.all.open, c.address)
	}
	c.all.mu.Unlock()
	return c.Conn.Close()
}

// Use notes that a loop scrapes the address, until it calls Leave.
func (c *Set) Use(address string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.users[address]++
}

// Leave closes the connections to the address if no loop scrapes it any more.
func (c *Set) Leave(address string) {
	c.mu.Lock()
	var idle []*connection
	if c.users[address]--; c.users[address] <= 0 {
		delete(c.users, address)
		for one := range c.open[address] {
			idle = append(idle, one)
		}
	}
	c.mu.Unlock()
	for _, one := range idle {
		_ = one.Close() // nothing is read from it any more
	}
}

// maxHeaderBytes bounds the headers of an answer: they are read beside the budget of pages.
const maxHeaderBytes = 1 << 20

// BoundHeaders bounds the headers of a client's answers, if nothing is between it and its
// transport: with credentials of a job's own the limit is Go's, of 10 MB.
func BoundHeaders(c *http.Client) {
	if t, ok := c.Transport.(*http.Transport); ok {
		t.MaxResponseHeaderBytes = maxHeaderBytes
	}
}

// Address is what is dialled for a target's URL.
func Address(u *url.URL) string {
	if u.Port() != "" {
		return u.Host
	}
	if u.Scheme == "https" {
		return net.JoinHostPort(u.Hostname(), "443")
	}
	return net.JoinHostPort(u.Hostname(), "80")
}
