package receiver

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// TestPostEnds: an answer after which the connection stays open is one, and no request
// waits for its end. The body of a 101 is the connection, which knows no deadline.
func TestPostEnds(t *testing.T) {
	for name, answer := range map[string]string{
		"another protocol": "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
		"no body":          "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 100\r\n\r\n",
		"endless chunk":    "HTTP/1.1 503 Service Unavailable\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\nx",
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				conn, _, err := w.(http.Hijacker).Hijack()
				if err != nil {
					return
				}
				t.Cleanup(func() { _ = conn.Close() })
				_, _ = io.WriteString(conn, answer)
			}))
			defer server.Close()
			c := &Client{HTTP: server.Client(), URL: server.URL, Timeout: time.Second}
			answered := make(chan Answer, 1)
			go func() {
				answered <- c.Post(t.Context(), []byte("body"), 0, NewClock(time.Now, func() time.Duration { return 0 }))
			}()
			select {
			case a := <-answered:
				if a.Meaning != Later || a.Code == 0 {
					t.Errorf("answer %+v, want to be told later", a)
				}
			case <-time.After(time.Minute):
				t.Error("the request never ends")
			}
		})
	}
}
