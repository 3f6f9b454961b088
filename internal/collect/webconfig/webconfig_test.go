package webconfig

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

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

func TestBasicAuthentication(t *testing.T) {
	path := write(t, t.TempDir(), "web.yml", "basic_auth_users:\n  alice: "+hashOf(t, "secret")+"\n  bob: "+hashOf(t, "other")+"\n")
	c, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	h := c.Authenticate(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {}))
	for _, try := range []struct {
		user, password string
		want           int
	}{
		{"alice", "secret", 200}, {"alice", "secret", 200}, {"alice", "other", 401}, {"bob", "secret", 401}, {"bob", "other", 200},
		{"eve", "secret", 401}, {"eve", "", 401}, {"alice", "", 401}, {"", "", 401}, {"alice", strings.Repeat("x", 100), 401},
	} {
		r := httptest.NewRequest("GET", "/metrics", nil)
		r.SetBasicAuth(try.user, try.password)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != try.want {
			t.Errorf("%s with %q: status %d; want %d", try.user, try.password, w.Code, try.want)
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != 401 || w.Header().Get("WWW-Authenticate") == "" {
		t.Errorf("without a user: status %d", w.Code)
	}
}

// certificate writes a certificate of its own signature for 127.0.0.1 and its key.
func certificate(t *testing.T, dir string, serial int64) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "node"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter:    time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, "cert.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	write(t, dir, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})))
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func TestTLSWithARenewedCertificate(t *testing.T) {
	dir := t.TempDir()
	first := certificate(t, dir, 1)
	c, err := Load(write(t, dir, "web.yml", "tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n  min_version: TLS13\n"))
	if err != nil {
		t.Fatal(err)
	}
	config, err := c.TLS.Server()
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Listener = tls.NewListener(s.Listener, config)
	s.Start()
	defer s.Close()
	serial := func(root *x509.Certificate) (int64, error) {
		pool := x509.NewCertPool()
		pool.AddCert(root)
		conn, err := tls.Dial("tcp", s.Listener.Addr().String(), &tls.Config{RootCAs: pool})
		if err != nil {
			return 0, err
		}
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64(), nil
	}
	if n, err := serial(first); err != nil || n != 1 {
		t.Errorf("certificate %d, error %v; want the first", n, err)
	}
	if n, err := serial(certificate(t, dir, 2)); err != nil || n != 2 {
		t.Errorf("certificate %d, error %v; want the renewed one", n, err)
	}
}

func TestUnusableFiles(t *testing.T) {
	dir := t.TempDir()
	certificate(t, dir, 1)
	const pair = "tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n"
	for text, says := range map[string]string{
		"basic_auth_users:\n  alice: secret\n":                                               "user \"alice\" is no bcrypt hash",
		"http_server_config:\n  http2: true\n":                                               "http_server_config",
		"tls_server_config:\n  cert_file: cert.pem\n":                                        "cert_file and key_file",
		pair + "  min_version: TLS10\n":                                                      "TLS10",
		pair + "  client_auth_type: Maybe\n":                                                 "Maybe",
		pair + "  client_auth_type: VerifyClientCertIfGiven\n":                               "client_ca_file",
		pair + "  client_ca_file: cert.pem\n":                                                "client_ca_file",
		pair + "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: key.pem\n": "no certificate",
		"[": "web.yml",
	} {
		_, err := Load(write(t, dir, "web.yml", text))
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: error %v; want one with %q", text, err, says)
		}
	}
	if _, err := Load(write(t, dir, "web.yml", "")); err != nil {
		t.Errorf("an empty file: %v", err)
	}
	if _, err := Load(filepath.Join(dir, "none")); err == nil {
		t.Error("no file: no error")
	}
}
