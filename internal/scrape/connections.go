package scrape

import (
	"context"
	"net"
	"sync"
)

// connections are those of a job's client, by the address that was dialled. A
// transport keeps idle ones for minutes; those to targets that are gone are closed at
// once, or a job whose targets come and go would have thousands.
type connections struct {
	dialNext func(ctx context.Context, network, address string) (net.Conn, error)

	mu    sync.Mutex
	users map[string]int // loops
	open  map[string]map[*connection]bool
}

func newConnections(dial func(ctx context.Context, network, address string) (net.Conn, error)) *connections {
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	return &connections{dialNext: dial, users: map[string]int{}, open: map[string]map[*connection]bool{}}
}

// connection is one that is noted until it is closed.
type connection struct {
	net.Conn
	all     *connections
	address string
}

func (c *connections) dial(ctx context.Context, network, address string) (net.Conn, error) {
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

// use notes that a loop scrapes the address, until it calls leave.
func (c *connections) use(address string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.users[address]++
}

// leave closes the connections to the address if no loop scrapes it any more.
func (c *connections) leave(address string) {
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

// addressOf is what is dialled for a target.
func addressOf(t *Target) string {
	u := t.URL()
	if u.Port() != "" {
		return u.Host
	}
	if u.Scheme == "https" {
		return net.JoinHostPort(u.Hostname(), "443")
	}
	return net.JoinHostPort(u.Hostname(), "80")
}
