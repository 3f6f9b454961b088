package server

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/parascope/parascope/localaws/bounded"
)

// TestFormsOfAnybody: what comes from people who have not signed in is small, and is not
// waited for.
func TestFormsOfAnybody(t *testing.T) {
	s := New(Options{
		Logger:    slog.New(slog.DiscardHandler),
		Workspace: func(string) (Workspace, bool, error) { return Workspace{ID: "g-1", Answers: true}, true, nil },
		Pages: func(string) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				fmt.Fprintf(w, "%s %v", body, err)
			})
		},
	})
	for name, c := range map[string]struct {
		sent   string
		length int
		within time.Duration // that it must come
		status int
		says   string
	}{
		"whole":     {"email=x", 7, time.Minute, 200, "email=x <nil>"},
		"a part":    {"email=x", 100, 100 * time.Millisecond, 408, "not received in time"},
		"too large": {strings.Repeat("x", maxForm+1), maxForm + 1, time.Minute, 413, "too large"},
	} {
		t.Run(name, func(t *testing.T) {
			s.forms = bounded.NewBodies(maxForms, c.within)
			srv := httptest.NewServer(s.Handler("g-1"))
			defer srv.Close()
			conn, err := net.Dial("tcp", srv.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil { // the rest never comes
				t.Fatal(err)
			}
			fmt.Fprintf(conn, "POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s", c.length, c.sent)
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if body, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != c.status || !strings.Contains(string(body), c.says) {
				t.Errorf("%d %s, %v", resp.StatusCode, body, err)
			}
		})
	}
}
