package listen_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/parascope/parascope/internal/listen"
)

func TestGuard(t *testing.T) {
	served := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	loopback, v6, all := address("127.0.0.1"), address("::1"), address("0.0.0.0")
	for _, c := range []struct {
		bound        net.Addr
		method, host string
		origin       string
		want         int
	}{
		{loopback, "GET", "127.0.0.1:9090", "", 200},
		{loopback, "GET", "localhost:9090", "", 200},
		{loopback, "GET", "LOCALHOST.", "", 200},
		{loopback, "GET", "[::1]:9090", "", 200},
		{loopback, "GET", "::1", "", 200},
		{loopback, "GET", "10.0.0.1", "", 200}, // a page cannot have an address of ours as its name
		{loopback, "GET", "head.example:443", "", 200},
		{loopback, "GET", "evil.example:9090", "", 403},
		{loopback, "GET", "127.0.0.1.evil.example", "", 403},
		{loopback, "GET", "localhost.evil.example:9090", "", 403},
		{loopback, "GET", "evillocalhost", "", 403},
		{v6, "GET", "evil.example:9090", "", 403},
		{all, "GET", "node-1:9090", "", 200},
		{all, "POST", "node-1:9090", "", 200},
		{all, "POST", "node-1:9090", "http://evil.example", 403},
		{loopback, "POST", "127.0.0.1:9090", "http://evil.example", 403},
		{loopback, "GET", "127.0.0.1:9090", "http://evil.example", 200}, // it cannot read the answer
	} {
		r := httptest.NewRequest(c.method, "/", nil)
		r.Host = c.host
		if c.origin != "" {
			r.Header.Set("Origin", c.origin)
		}
		w := httptest.NewRecorder()
		listen.Guard(c.bound, served, "head.example").ServeHTTP(w, r)
		if w.Code != c.want {
			t.Errorf("bound to %s: %s, Host %s, Origin %q: %d, want %d", c.bound, c.method, c.host, c.origin, w.Code, c.want)
		}
	}
}

func address(host string) net.Addr { return &net.TCPAddr{IP: net.ParseIP(host), Port: 9090} }
