package gateway

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/parascope/parascope/localaws/bounded"
)

func TestBodiesTogether(t *testing.T) {
	srv := serve(t, func(o *Options) { o.Bodies = bounded.NewBodies(1<<20, time.Minute) })
	for range 300 { // each takes 4 KiB while it is worked on
		resp, err := http.DefaultClient.Do(signed(t, srv.URL, key.ID, key.Secret, "{}", target("Do")))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("one after another: %d", resp.StatusCode)
		}
	}
	for name, c := range map[string]struct {
		request *http.Request
		status  int
		says    string
	}{
		"no room": {signed(t, srv.URL, key.ID, key.Secret, strings.Repeat("x", 2<<20), target("Do")), 503, "ServiceUnavailable"},
		"room":    {signed(t, srv.URL, key.ID, key.Secret, "{}", target("Do")), 200, `"body":"{}"`},
		"a form": {signed(t, srv.URL, key.ID, key.Secret, "Action=Ask&Q="+strings.Repeat("x", maxForm), form), 413,
			"RequestEntityTooLargeException"},
	} {
		resp, err := http.DefaultClient.Do(c.request)
		if err != nil {
			t.Fatal(err)
		}
		said, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != c.status || !strings.Contains(string(said), c.says) {
			t.Errorf("%s: %d %.200s, %v", name, resp.StatusCode, said, err)
		}
	}
}
