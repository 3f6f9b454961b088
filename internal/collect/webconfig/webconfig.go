// Package webconfig reads the file of --web.config.file, in the form that Prometheus'
// exporters share, and applies it: TLS, and basic authentication. Their own package
// would link Prometheus' client and protobuf, five megabytes, into a program of seven.
package webconfig

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"

	"go.yaml.in/yaml/v3"
	"golang.org/x/crypto/bcrypt"
)

// Config is what the file says. Fields of exporter-toolkit that are not here are
// refused, not ignored.
type Config struct {
	TLS   *TLS              `yaml:"tls_server_config"`
	Users map[string]string `yaml:"basic_auth_users"` // bcrypt hashes of passwords by user

	verified *verified
}

// TLS has paths, which are relative to the file's directory.
type TLS struct {
	CertFile       string `yaml:"cert_file"`
	KeyFile        string `yaml:"key_file"`
	ClientAuthType string `yaml:"client_auth_type"`
	ClientCAFile   string `yaml:"client_ca_file"`
	MinVersion     string `yaml:"min_version"`
}

// maxFile bounds the file, in bytes.
const maxFile = 1 << 20

// Load reads and checks the file. No error holds a hash of it.
func Load(path string) (*Config, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return nil, err
	}
	c := &Config{verified: &verified{}}
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(c); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for user, hash := range c.Users {
		if _, err := bcrypt.Cost([]byte(hash)); err != nil {
			return nil, fmt.Errorf("%s: the password of user %q is no bcrypt hash", path, user)
		}
	}
	if c.TLS != nil {
		for _, p := range []*string{&c.TLS.CertFile, &c.TLS.KeyFile, &c.TLS.ClientCAFile} {
			if *p != "" && !filepath.IsAbs(*p) {
				*p = filepath.Join(filepath.Dir(path), *p)
			}
		}
		if _, err := c.TLS.Server(); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	return c, nil
}

var clientAuth = map[string]tls.ClientAuthType{
	"": tls.NoClientCert, "NoClientCert": tls.NoClientCert, "RequestClientCert": tls.RequestClientCert,
	"RequireAnyClientCert": tls.RequireAnyClientCert, "VerifyClientCertIfGiven": tls.VerifyClientCertIfGiven,
	"RequireAndVerifyClientCert": tls.RequireAndVerifyClientCert,
}

var versions = map[string]uint16{"": tls.VersionTLS12, "TLS12": tls.VersionTLS12, "TLS13": tls.VersionTLS13}

// Server is a server's configuration. The certificate is read again for each
// connection, so that a renewed one needs no restart.
func (t *TLS) Server() (*tls.Config, error) {
	version, ok := versions[t.MinVersion]
	if !ok {
		return nil, fmt.Errorf("min_version %q is neither TLS12 nor TLS13", t.MinVersion)
	}
	auth, ok := clientAuth[t.ClientAuthType]
	if !ok {
		return nil, fmt.Errorf("client_auth_type %q is not known", t.ClientAuthType)
	}
	verifies := auth == tls.VerifyClientCertIfGiven || auth == tls.RequireAndVerifyClientCert
	if verifies != (t.ClientCAFile != "") {
		return nil, errors.New("client_ca_file is given where client_auth_type verifies certificates, and only there")
	}
	c := &tls.Config{MinVersion: version, ClientAuth: auth}
	if verifies {
		pem, err := os.ReadFile(t.ClientCAFile)
		if err != nil {
			return nil, err
		}
		c.ClientCAs = x509.NewCertPool()
		if !c.ClientCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s has no certificate", t.ClientCAFile)
		}
	}
	load := func() (*tls.Certificate, error) {
		pair, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("cert_file and key_file: %w", err)
		}
		return &pair, nil
	}
	if _, err := load(); err != nil {
		return nil, err
	}
	c.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return load() }
	return c, nil
}

// verified remembers the last password that was right, so that bcrypt, which is slow by
// design, costs a compute node once and not at each scrape.
type verified struct {
	mu   sync.Mutex
	last [sha256.Size]byte
}

// nobody is the hash that an unknown user's password is compared with: it costs as much
// time as a known user's and never counts as right.
const nobody = "$2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy"

// Authenticate wraps a handler so that only the file's users reach it.
func (c *Config) Authenticate(next http.Handler) http.Handler {
	if len(c.Users) == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, ok := r.BasicAuth()
		if !ok || !c.right(user, password) {
			w.Header().Set("WWW-Authenticate", "Basic")
			http.Error(w, http.StatusText(http.StatusUnauthorized), http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (c *Config) right(user, password string) bool {
	hash, known := c.Users[user]
	if !known {
		hash = nobody
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %s %d %s %s", len(user), user, len(password), password, hash))
	c.verified.mu.Lock() // one at a time: passwords that are tried cost one processor at most
	defer c.verified.mu.Unlock()
	if known && subtle.ConstantTimeCompare(sum[:], c.verified.last[:]) == 1 {
		return true
	}
	if err := bcrypt.CompareHashAndPassword([]byte(hash), []byte(password)); err != nil || !known {
		return false
	}
	c.verified.last = sum
	return true
}
