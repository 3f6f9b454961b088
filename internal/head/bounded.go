package head

import (
	"context"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	config_util "github.com/prometheus/common/config"
)

// maxDiscovered is how many bytes a server of http_sd_configs may answer: the library
// reads its answer whole. It is enough for 20,000 targets.
const maxDiscovered = 4 << 20

// maxDescribed is how many bytes AWS may answer a discovery until it has found its targets, on
// all pages together. An instance takes 6 KB, and one with 32 network interfaces 50 KB.
const maxDescribed = 64 << 20

// boundedClient are the options of a client whose answers are bounded: each has a
// connection of its own, which ends after most bytes.
func boundedClient(most int64) []config_util.HTTPClientOption {
	return []config_util.HTTPClientOption{
		config_util.WithKeepAlivesDisabled(),
		config_util.WithDialContextFunc(func(ctx context.Context, network, address string) (net.Conn, error) {
			return (&allowance{most: most}).dial(ctx, network, address)
		}),
	}
}

// allowance is how many bytes can be read from connections.
type allowance struct {
	most int64
	read atomic.Int64
}

// dial makes a connection from which only so many bytes can be read.
func (a *allowance) dial(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}
	c, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &boundedConn{c, a}, nil
}

// boundedConn is a connection from which only what is allowed can be read.
type boundedConn struct {
	net.Conn
	allowed *allowance
}

func (c *boundedConn) Read(b []byte) (int, error) {
	left := c.allowed.most - c.allowed.read.Load()
	if left <= 0 {
		return 0, fmt.Errorf("the response is larger than %d bytes: let the server return fewer targets, or use filters", c.allowed.most)
	}
	n, err := c.Conn.Read(b[:min(int64(len(b)), left)])
	c.allowed.read.Add(int64(n))
	return n, err
}
