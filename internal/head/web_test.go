package head

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parascope/parascope/internal/hint"
)

// TestWebConfigFile: a head with TLS and passwords shows nothing without them, and its
// status can be asked with them.
func TestWebConfigFile(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	put("cert.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	put("key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})))
	o := options(t, write(t, configuration("j", exporter(t, "a"), "http://127.0.0.1:1")))
	// As libc's crypt makes it of "secret".
	o.WebConfigFile = put("web.yml", "tls_server_config: {cert_file: cert.pem, key_file: key.pem}\n"+
		"basic_auth_users: {alice: $2b$04$crZ7wf0IsRb9yNqjmlSkVeW7x8A121SxLE4BaS2iD6B541VVpdxli}\n")
	o.EnableLifecycle, o.EnablePprof = true, true
	h, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Stop(t.Context()) })
	client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	for _, path := range []string{"/metrics", "/-/healthy", "/-/ready", "/api/v1/targets", "/api/v1/delivery", "/debug/pprof/", "/nothing"} {
		resp, err := client.Get("https://" + h.Addr() + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s without a password: %s", path, resp.Status)
		}
	}
	resp, err := client.Post("https://"+h.Addr()+"/-/reload", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("a reload without a password: %s", resp.Status)
	}
	good := put("http.yml", "tls_config: {ca_file: cert.pem}\nbasic_auth: {username: alice, password: secret}\n")
	if _, err := AskDelivery(t.Context(), "https://"+h.Addr(), good); err != nil {
		t.Errorf("with a password: %v", err)
	}
	for file, code := range map[string]hint.Code{
		put("stranger.yml", "tls_config: {ca_file: cert.pem}\n"): hint.Denied, put("broken.yml", "tls_config: 1\n"): hint.BadInput,
		"": hint.NotFound,
	} {
		if _, err := AskDelivery(t.Context(), "https://"+h.Addr(), file); hint.CodeOf(err) != code {
			t.Errorf("%s: %v", file, err)
		}
	}
	if _, err := AskDelivery(t.Context(), h.Addr(), good); err == nil || !strings.Contains(fmt.Sprint(hint.Next(err)), "https://") {
		t.Errorf("without TLS: %v, %v", err, hint.Next(err))
	}
	o = options(t, o.ConfigFile)
	o.WebConfigFile = put("bad.yml", "basic_auth_users: {alice: secret}\n")
	if _, err := Start(t.Context(), o); hint.CodeOf(err) != hint.BadInput || strings.Contains(err.Error(), "secret") {
		t.Errorf("a file that is not valid: %v", err)
	}
}
