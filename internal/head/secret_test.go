package head

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/localaws/localtest/check"
)

// secretURLs are none to which samples can be sent.
var secretURLs = []string{
	"SECRET:SECRET@h/w", "http:SECRET:SECRET@h/w", "http:/SECRET:SECRET@h/w", "https:///SECRET:SECRET@h/w", "//SECRET:SECRET@h/w",
	"ftp://SECRET:SECRET@h/w?k=SECRET", "/w?k=SECRET", "http://SECRET:SECRET@/w", "1u:SECRET@h/w",
	"http://u:p SECRET@h/w", `http://u:a"SECRET@h:bad/`, "http://h:bad/?k=A SECRET", "http://h:bad/?k=A''SECRET", "http://u:p@ho st/?k=SECRET",
	"http://SECRET:SECRET/SECRET@h/w", "http://SECRET:SECRET#SECRET@h/w", "http://h:bad/#SECRET",
}

// TestSecretsOfURLsThatAreNone: a remote_write without a host to send to is refused, also by a
// reload, and no part of the URL that may be secret is shown.
func TestSecretsOfURLsThatAreNone(t *testing.T) {
	o := options(t, write(t, ""))
	o.EnableLifecycle = true
	head := run(t, o)
	for _, url := range secretURLs {
		text := "scrape_configs: [{job_name: a, static_configs: [{targets: ['a:1']}]}]\nremote_write: [{url: '" + url + "'}]\n"
		_, err := Check(t.Context(), write(t, text), false)
		if hint.CodeOf(err) != hint.BadInput || strings.Contains(fmt.Sprint(err, hint.Next(err)), "SECRET") {
			t.Errorf("%s: code %d: %v: %s", url, hint.CodeOf(err), err, hint.Next(err))
		}
		if err := os.WriteFile(o.ConfigFile, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if code, body := call(t, "POST", head+"/-/reload"); code != http.StatusInternalServerError || strings.Contains(body, "SECRET") {
			t.Errorf("%s: a reload answers %d: %s", url, code, body)
		}
	}
}

// TestSecretsOfScrapes: neither the URL of a redirect nor that of tokens or of a discovery is in
// what is said of a target.
func TestSecretsOfScrapes(t *testing.T) {
	redirect := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "http://SECRET:p@127.0.0.1:1/x?token=SECRET")
		w.WriteHeader(http.StatusFound)
	}))
	t.Cleanup(redirect.Close)
	odd := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "http://u:p SECRET@h:1/x")
		w.WriteHeader(http.StatusFound)
	}))
	t.Cleanup(odd.Close)
	found := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `[{"targets": ["127.0.0.1:1"]}]`)
	}))
	t.Cleanup(found.Close)
	address := func(s *httptest.Server) string { return strings.TrimPrefix(s.URL, "http://") }
	head := run(t, options(t, write(t, fmt.Sprintf(`
global: {scrape_interval: 1s}
scrape_configs:
  - {job_name: a, static_configs: [{targets: ["%s", "%s"]}]}
  - job_name: b
    static_configs: [{targets: ["%s"]}]
    oauth2: {client_id: i, client_secret: s, token_url: "http://SECRET:p@127.0.0.1:1/t?k=SECRET"}
  - {job_name: c, http_sd_configs: [{url: "http://SECRET:a'SECRET@%s/sd?k=A'SECRET"}]}
`, address(redirect), address(odd), address(redirect), address(found)))))
	body := ""
	check.Await(t, "all targets are down", check.That(func() bool {
		_, body = call(t, "GET", head+"/api/v1/targets")
		return strings.Count(body, `"health":"down"`) == 4
	}))
	if i := strings.Index(body, "SECRET"); i >= 0 {
		t.Errorf("a secret is shown: %s", body[max(0, i-100):min(len(body), i+60)])
	}
	if !strings.Contains(body, "http://xxxxx@127.0.0.1:1/x?xxxxx") || !strings.Contains(body, "http://xxxxx@127.0.0.1:1/t?xxxxx") {
		t.Errorf("it is not said which URLs failed: %s", body)
	}
}
