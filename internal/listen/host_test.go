package listen_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
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

		{loopback, "GET", "", "", 200}, // HTTP/1.0
		{loopback, "GET", "head.example.", "", 200},
		{loopback, "GET", "[::ffff:127.0.0.1]:9090", "", 200},
		{loopback, "GET", "[::1%lo].evil.example", "", 403},
		{loopback, "GET", "[::1%25lo].evil.example:9090", "", 403},
		{loopback, "GET", "[::1%.evil.example]:9090", "", 403},
		{loopback, "GET", "::1%lo", "", 403},
		{loopback, "GET", "fe80::1%eth0.evil.example", "", 403},
		{loopback, "GET", "[::1].evil.example", "", 403},
		{loopback, "GET", "[::1]evil.example:9090", "", 403},
		{loopback, "GET", "[[::1]]", "", 403},
		{loopback, "GET", "[::1", "", 403},
		{loopback, "GET", "::1]:9090", "", 403},
		{loopback, "GET", "[127.0.0.1]:9090", "", 403},
		{loopback, "GET", "[localhost]", "", 403},
		{loopback, "GET", "127.0.0.1.", "", 403},
		{loopback, "GET", "localhost..", "", 403},
		{loopback, "GET", ".", "", 403},
		{loopback, "GET", "[]", "", 403},
		{loopback, "GET", ":9090", "", 403},
		{loopback, "GET", "127.0.0.1:", "", 403},
		{loopback, "GET", "127.0.0.1:http", "", 403},
		{loopback, "GET", "127.0.0.1:+80", "", 403},
		{loopback, "GET", "127.0.0.1:-1", "", 403},
		{loopback, "GET", "127.0.0.1:99999", "", 403},
		{loopback, "GET", "127.0.0.1:9090:9090", "", 403},
		{loopback, "GET", "localhost:9090.evil.example", "", 403},
		{loopback, "GET", "localhost:80@evil.example", "", 403},
		{loopback, "GET", "user@localhost:9090", "", 403},
		{loopback, "GET", "127.0.0.1@evil.example", "", 403},
		{loopback, "GET", "127.0.0.1, evil.example", "", 403},
		{loopback, "GET", "localhost\u3002", "", 403},
		{loopback, "GET", "localho\u017ft", "", 403},
		{loopback, "GET", "0177.0.0.1", "", 403},
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

// TestGuardOfReferer: a browser that sends no Origin names the page that a form is on.
func TestGuardOfReferer(t *testing.T) {
	served := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	for _, c := range []struct {
		method, referer, origin, site string
		want                          int
	}{
		{"POST", "", "", "", 200},
		{"POST", "http://node-1:9090/targets", "", "", 200},
		{"POST", "http://evil.example/", "", "", 403},
		{"PUT", "http://evil.example/?node-1:9090", "", "", 403},
		{"POST", "http://node-1:9090@evil.example/", "", "", 403},
		{"POST", "http://node-1:9091/", "", "", 403},
		{"POST", "about:blank", "", "", 403},
		{"POST", "%", "", "", 403},
		{"GET", "http://evil.example/", "", "", 200}, // it cannot read the answer
		{"POST", "http://evil.example/", "http://node-1:9090", "", 200},
		{"POST", "http://evil.example/", "", "same-origin", 200},
		{"POST", "http://node-1:9090/", "", "cross-site", 403},
	} {
		r := httptest.NewRequest(c.method, "/", nil)
		r.Host = "node-1:9090"
		for name, value := range map[string]string{"Referer": c.referer, "Origin": c.origin, "Sec-Fetch-Site": c.site} {
			if value != "" {
				r.Header.Set(name, value)
			}
		}
		w := httptest.NewRecorder()
		listen.Guard(address("0.0.0.0"), served).ServeHTTP(w, r)
		if w.Code != c.want {
			t.Errorf("%+v: %d", c, w.Code)
		}
	}
}

// TestGuardOfTargets: what a request's first line names counts, and not its Host.
func TestGuardOfTargets(t *testing.T) {
	s := httptest.NewUnstartedServer(nil)
	s.Config.Handler = listen.Guard(s.Listener.Addr(), http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	s.Start()
	defer s.Close()
	for target, want := range map[string]int{
		"/": 200, "http://127.0.0.1/": 200, "http://evil.example/": 403, "http://127.0.0.1@evil.example/": 403,
		"http://evil.example:80/127.0.0.1": 403, "//evil.example/": 200, "*": 403, "http:///": 200,
	} {
		conn, err := net.Dial("tcp", s.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		host := "127.0.0.1"
		if target == "*" {
			host = "evil.example"
		}
		if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", target, host); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		conn.Close()
		if resp.StatusCode != want {
			t.Errorf("GET %s: %s, want %d", target, resp.Status, want)
		}
	}
}

// FuzzGuard: a Host that is let through is an address or one of the names, as a URL's.
func FuzzGuard(f *testing.F) {
	for _, host := range []string{"127.0.0.1:9090", "[::1%lo].evil.example", "localhost.", "head.example:1", "::1", "[::1]:0"} {
		f.Add(host)
	}
	served := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	f.Fuzz(func(t *testing.T, host string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = host
		w := httptest.NewRecorder()
		listen.Guard(address("127.0.0.1"), served, "head.example").ServeHTTP(w, r)
		if w.Code != http.StatusOK || host == "" {
			return
		}
		if bare, err := netip.ParseAddr(host); err == nil && bare.Zone() == "" {
			return
		}
		u, err := url.Parse("http://" + host + "/")
		if err != nil || u.Host != host || u.User != nil {
			t.Fatalf("%q is let through: %+v, %v", host, u, err)
		}
		name := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
		if addr, err := netip.ParseAddr(u.Hostname()); name != "localhost" && name != "head.example" && (err != nil || addr.Zone() != "") {
			t.Errorf("%q is let through", host)
		}
	})
}

func address(host string) net.Addr { return &net.TCPAddr{IP: net.ParseIP(host), Port: 9090} }
