package receiver

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// TestPostEnds: an answer after which the connection stays open is one, and no request
// waits for its end longer than its timeout. The body of a 101 is the connection, which knows no
// deadline. Connections are in memory, and time is the bubble's.
func TestPostEnds(t *testing.T) {
	for name, answer := range map[string]string{
		"another protocol": "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
		"no body":          "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 100\r\n\r\n",
		"endless chunk":    "HTTP/1.1 503 Service Unavailable\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\nx",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				transport := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
					ours, theirs := net.Pipe()
					t.Cleanup(func() { _ = theirs.Close() })
					go func() {
						r, err := http.ReadRequest(bufio.NewReader(theirs))
						if err != nil {
							t.Error(err)
							return
						}
						_, _ = io.Copy(io.Discard, r.Body)
						_, _ = io.WriteString(theirs, answer)
					}()
					return ours, nil
				}}
				defer transport.CloseIdleConnections()
				c := &Client{HTTP: &http.Client{Transport: transport}, URL: "http://receiver/", Timeout: 30 * time.Second}
				began := time.Now()
				a := c.Post(t.Context(), []byte("body"), 0, NewClock(time.Now, func() time.Duration { return 0 }))
				if a.Meaning != Later || a.Code == 0 {
					t.Errorf("answer %+v, want to be told later", a)
				}
				if took := time.Since(began); took > c.Timeout {
					t.Errorf("it took %s, longer than its timeout of %s", took, c.Timeout)
				}
			})
		})
	}
}
