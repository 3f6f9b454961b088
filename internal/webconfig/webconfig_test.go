package webconfig

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"
)

func hashOf(t *testing.T, password string) string {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return string(hash)
}

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func open(t *testing.T, path string) *File {
	t.Helper()
	f, err := Open(path, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// ask asks a protected handler.
func ask(h http.Handler, user, password string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", "/metrics", nil)
	if user != "" {
		r.SetBasicAuth(user, password)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func hello() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") })
}

func TestBasicAuthentication(t *testing.T) {
	dir := t.TempDir()
	path := write(t, dir, "web.yml", "basic_auth_users:\n  alice: "+hashOf(t, "secret")+"\n  bob: "+hashOf(t, "other")+"\n")
	h := open(t, path).Protect(hello())
	type try struct {
		user, password string
		want           int
	}
	check := func(tries ...try) {
		t.Helper()
		for _, try := range tries {
			w := ask(h, try.user, try.password)
			if w.Code != try.want || (w.Body.String() == "hello") != (try.want == 200) {
				t.Errorf("%s with %q: status %d, %q; want %d", try.user, try.password, w.Code, w.Body, try.want)
			}
		}
	}
	check(try{"alice", "secret", 200}, try{"alice", "secret", 200}, try{"alice", "other", 401}, try{"bob", "secret", 401},
		try{"bob", "other", 200}, try{"alice", "secret", 200}, try{"eve", "secret", 401}, try{"eve", "", 401}, try{"alice", "", 401},
		try{"", "", 401}, try{"alice", strings.Repeat("x", 100), 401},
		// That of the hash for those who are not known, as Wikipedia's article on bcrypt has it.
		try{"eve", "abc123xyz", 401}, try{"alice", "abc123xyz", 401})
	if w := ask(h, "", ""); w.Header().Get("WWW-Authenticate") != "Basic" {
		t.Errorf("nobody is asked who they are: %v", w.Header())
	}
	// Passwords change without a restart, and a broken file changes nothing.
	write(t, dir, "web.yml", "basic_auth_users: {alice: "+hashOf(t, "new")+"}\n")
	check(try{"alice", "secret", 401}, try{"alice", "new", 200}, try{"bob", "other", 401})
	write(t, dir, "web.yml", "basic_auth_users: [")
	check(try{"alice", "secret", 401}, try{"alice", "new", 200}, try{"", "", 401})
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	check(try{"alice", "new", 200}, try{"", "", 401})
}

// TestBrokenChange: a change that is not valid is logged once, without what it has.
func TestBrokenChange(t *testing.T) {
	dir := t.TempDir()
	path := write(t, dir, "web.yml", "basic_auth_users: {alice: "+hashOf(t, "secret")+"}\n")
	var log bytes.Buffer
	f, err := Open(path, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	h := f.Protect(hello())
	for _, text := range []string{"basic_auth_users: {alice: swordfish}\n", "basic_auth_users: {alice: swordfish}\n",
		"basic_auth_users: swordfish\n"} {
		write(t, dir, "web.yml", text)
		ask(h, "alice", "secret")
	}
	if n := strings.Count(log.String(), "not valid"); n != 2 || strings.Contains(log.String(), "swordfish") {
		t.Errorf("%d lines:\n%s", n, &log)
	}
}

func TestHeadersAndRate(t *testing.T) {
	dir := t.TempDir()
	h := open(t, write(t, dir, "web.yml", "http_server_config:\n  http2: false\n  headers: {X-Frame-Options: deny}\n"+
		"rate_limit: {burst: 2, interval: 1h}\n")).Protect(hello())
	for i, want := range []int{200, 200, 429, 429} {
		if w := ask(h, "", ""); w.Code != want || (w.Header().Get("X-Frame-Options") == "deny") != (want == 200) {
			t.Errorf("request %d: status %d, %v", i, w.Code, w.Header())
		}
	}
	h = open(t, write(t, dir, "open.yml", "")).Protect(hello())
	for range 10 {
		if w := ask(h, "", ""); w.Code != 200 {
			t.Errorf("an empty file: status %d", w.Code)
		}
	}
}

func TestUnusableFiles(t *testing.T) {
	dir := t.TempDir()
	certificate(t, dir, 1)
	const pair = "tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n"
	for text, says := range map[string]string{
		"basic_auth_users:\n  alice: swordfish\n":                                            "user \"alice\" is not a bcrypt hash",
		"basic_auth_users: swordfish\n":                                                      "wrong type",
		"basic_auth_users: {}\nbasic_auth_users: {}\n":                                       "a key is duplicated",
		"http_server_config:\n  http3: true\n":                                               "http3",
		"http_server_config:\n  headers: {Server: x}\n":                                      "Server",
		"http_server_config:\n  headers: {X-Frame-Options: never}\n":                         "X-Frame-Options",
		"tls_server_config:\n  cert_file: cert.pem\n":                                        "neither key nor key_file",
		"tls_server_config:\n  key_file: key.pem\n":                                          "neither cert nor cert_file",
		"tls_server_config:\n  client_auth_type: RequestClientCert\n":                        "neither cert nor cert_file",
		"tls_server_config:\n  cert_file: key.pem\n  key_file: key.pem\n":                    "certificate and key",
		"tls_server_config:\n  cert_file: none.pem\n  key_file: key.pem\n":                   "none.pem",
		pair + "  min_version: SSL30\n":                                                      "min_version \"SSL30\"",
		pair + "  max_version: TLS14\n":                                                      "max_version \"TLS14\"",
		pair + "  cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]\n":                               "RC4",
		pair + "  curve_preferences: [P1]\n":                                                 "P1",
		pair + "  client_auth_type: Maybe\n":                                                 "Maybe",
		pair + "  client_auth_type: VerifyClientCertIfGiven\n":                               "needs client_ca",
		pair + "  client_auth_type: RequireAndVerifyClientCert\n":                            "needs client_ca",
		pair + "  client_ca_file: cert.pem\n":                                                "client_ca has no effect",
		pair + "  client_allowed_sans: [node]\n":                                             "client_allowed_sans",
		pair + "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: key.pem\n": "no certificate",
		"[":                                 "web.yml",
		strings.Repeat("#", maxFile) + "\n": "larger than 1 MiB",
	} {
		_, err := Open(write(t, dir, "web.yml", text), slog.New(slog.DiscardHandler))
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "swordfish") {
			t.Errorf("%.80q: error %v; want one with %q", text, err, says)
		}
	}
	if f := open(t, write(t, dir, "web.yml", strings.Repeat("#", maxFile-1)+"\n")); f.TLS() != nil {
		t.Error("TLS without a certificate")
	}
	if _, err := Open(filepath.Join(dir, "none"), nil); err == nil {
		t.Error("no file: no error")
	}
}
