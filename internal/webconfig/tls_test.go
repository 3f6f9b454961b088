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
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// certificate writes a certificate of its own signature for 127.0.0.1, and its key.
func certificate(t *testing.T, dir string, serial int64) (*x509.Certificate, tls.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "node"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"node"},
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
	return parsed, tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// serve serves with the file's TLS.
func serve(t *testing.T, f *File) (address string) {
	t.Helper()
	s := httptest.NewUnstartedServer(hello())
	s.Listener = tls.NewListener(s.Listener, f.TLS())
	s.Start()
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// connect returns the state of a connection over which a byte came.
func connect(address string, root *x509.Certificate, c *tls.Config) (s tls.ConnectionState, err error) {
	c.RootCAs = x509.NewCertPool()
	c.RootCAs.AddCert(root)
	conn, err := tls.Dial("tcp", address, c)
	if err != nil {
		return s, err
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("GET / HTTP/1.0\r\n\r\n")); err != nil {
		return s, err
	}
	_, err = conn.Read(make([]byte, 1)) // with TLS 1.3 a client hears here that it is refused
	return conn.ConnectionState(), err
}

func TestRenewedCertificate(t *testing.T) {
	dir := t.TempDir()
	first, _ := certificate(t, dir, 1)
	f := open(t, write(t, dir, "web.yml", "tls_server_config: {cert_file: cert.pem, key_file: "+filepath.Join(dir, "key.pem")+"}\n"))
	address := serve(t, f)
	if s, err := connect(address, first, &tls.Config{}); err != nil || s.PeerCertificates[0].SerialNumber.Int64() != 1 {
		t.Errorf("error %v; want the first certificate", err)
	}
	second, _ := certificate(t, dir, 2)
	if s, err := connect(address, second, &tls.Config{}); err != nil || s.PeerCertificates[0].SerialNumber.Int64() != 2 {
		t.Errorf("error %v; want the renewed certificate", err)
	}
	write(t, dir, "web.yml", "")
	if _, err := connect(address, second, &tls.Config{}); err != nil {
		t.Errorf("TLS is off without a restart: %v", err)
	}
}

// TestVersions: what the file says of versions, suites and curves is heeded, and texts
// do for files.
func TestVersions(t *testing.T) {
	dir := t.TempDir()
	root, _ := certificate(t, dir, 1)
	indent := func(name string) string {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return "|\n    " + strings.ReplaceAll(strings.TrimSpace(string(text)), "\n", "\n    ") + "\n"
	}
	inline := "tls_server_config:\n  cert: " + indent("cert.pem") + "  key: " + indent("key.pem")
	type client struct {
		*tls.Config
		works bool
	}
	only := func(v uint16) *tls.Config { return &tls.Config{MinVersion: v, MaxVersion: v} }
	const suite = tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384
	for text, clients := range map[string][]client{
		"":                       {{only(tls.VersionTLS11), false}, {only(tls.VersionTLS12), true}, {only(tls.VersionTLS13), true}},
		"  min_version: TLS13\n": {{only(tls.VersionTLS12), false}, {only(tls.VersionTLS13), true}},
		"  max_version: TLS12\n": {{only(tls.VersionTLS12), true}, {only(tls.VersionTLS13), false}},
		"  min_version: TLS10\n  max_version: TLS11\n": {{only(tls.VersionTLS10), true}, {only(tls.VersionTLS11), true},
			{only(tls.VersionTLS12), false}},
		"  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384]\n  prefer_server_cipher_suites: true\n": {
			{&tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{suite}}, true},
			{&tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}}, false}},
		"  curve_preferences: [CurveP384]\n": {{&tls.Config{CurvePreferences: []tls.CurveID{tls.CurveP384}}, true},
			{&tls.Config{CurvePreferences: []tls.CurveID{tls.X25519}}, false}},
	} {
		address := serve(t, open(t, write(t, dir, "web.yml", inline+text)))
		for i, c := range clients {
			if _, err := connect(address, root, c.Clone()); (err == nil) != c.works {
				t.Errorf("%q, client %d: error %v, want one: %t", text, i, err, !c.works)
			}
		}
	}
}

func TestClientCertificates(t *testing.T) {
	dir := t.TempDir()
	_, known := certificate(t, dir, 7)
	text, err := os.ReadFile(filepath.Join(dir, "cert.pem"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, "ca.pem", string(text))
	_, stranger := certificate(t, dir, 8)
	root, _ := certificate(t, dir, 1)
	for policy, want := range map[string][3]bool{ // nobody, a stranger, one that is known
		"NoClientCert": {true, true, true}, "RequestClientCert": {true, true, true}, "RequireAnyClientCert": {false, true, true},
		"RequireClientCert": {false, true, true}, "VerifyClientCertIfGiven": {true, false, true},
		"RequireAndVerifyClientCert":                                     {false, false, true},
		"RequireAndVerifyClientCert\n  client_allowed_sans: [127.0.0.1]": {false, false, true},
		"RequireAndVerifyClientCert\n  client_allowed_sans: [other]":     {false, false, false},
	} {
		file := "tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n  client_auth_type: " + policy + "\n"
		if policy != "NoClientCert" {
			file += "  client_ca_file: ca.pem\n"
		}
		address := serve(t, open(t, write(t, dir, "web.yml", file)))
		for i, certificates := range [][]tls.Certificate{nil, {stranger}, {known}} {
			c := &tls.Config{}
			if len(certificates) > 0 { // whatever authorities the server names
				c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &certificates[0], nil }
			}
			if _, err := connect(address, root, c); (err == nil) != want[i] {
				t.Errorf("%s, client %d: error %v, want one: %t", policy, i, err, !want[i])
			}
		}
	}
}
