package head

import (
	"context"
	"fmt"
	"net"
	"time"

	config_util "github.com/prometheus/common/config"
)

// maxDiscovered is how many bytes a server of http_sd_configs may answer: the library
// reads its answer whole. It is enough for 20,000 targets.
const maxDiscovered = 4 << 20

// boundedClient are the options of a client whose answers are bounded: each has a
// connection of its own, which ends after most bytes.
func boundedClient(most int64) []config_util.HTTPClientOption {
	dialer := net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}
	return []config_util.HTTPClientOption{
		config_util.WithKeepAlivesDisabled(),
		config_util.WithDialContextFunc(func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := dialer.DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return &boundedConn{Conn: c, most: most}, nil
		}),
	}
}

// boundedConn is a connection from which only so many bytes can be read.
type boundedConn struct {
	net.Conn
	most, read int64
}

func (c *boundedConn) Read(b []byte) (int, error) {
	if c.read >= c.most {
		return 0, fmt.Errorf("the response is larger than %d bytes: let the server return fewer targets", c.most)
	}
	n, err := c.Conn.Read(b[:min(int64(len(b)), c.most-c.read)])
	c.read += int64(n)
	return n, err
}
