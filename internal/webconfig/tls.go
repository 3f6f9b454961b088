package webconfig

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
)

// tlsSection is tls_server_config. Each piece of it is a file or stands there itself.
type tlsSection struct {
	Cert         string   `yaml:"cert"`
	Key          string   `yaml:"key"`
	ClientCA     string   `yaml:"client_ca"`
	CertFile     string   `yaml:"cert_file"`
	KeyFile      string   `yaml:"key_file"`
	ClientAuth   string   `yaml:"client_auth_type"`
	ClientCAFile string   `yaml:"client_ca_file"`
	ClientSANs   []string `yaml:"client_allowed_sans"`
	CipherSuites []string `yaml:"cipher_suites"`
	Curves       []string `yaml:"curve_preferences"`
	MinVersion   string   `yaml:"min_version"`
	MaxVersion   string   `yaml:"max_version"`
	// PreferServer changes nothing: Go's TLS orders the suites itself.
	PreferServer bool `yaml:"prefer_server_cipher_suites"`
}

func (t *tlsSection) isEnabled() bool {
	return t.Cert+t.CertFile+t.Key+t.KeyFile+t.ClientCA+t.ClientCAFile+t.ClientAuth != ""
}

func clientAuth(name string) (tls.ClientAuthType, error) {
	switch name {
	case "", "NoClientCert":
		return tls.NoClientCert, nil
	case "RequestClientCert":
		return tls.RequestClientCert, nil
	case "RequireAnyClientCert", "RequireClientCert":
		return tls.RequireAnyClientCert, nil
	case "VerifyClientCertIfGiven":
		return tls.VerifyClientCertIfGiven, nil
	case "RequireAndVerifyClientCert":
		return tls.RequireAndVerifyClientCert, nil
	}
	return 0, fmt.Errorf("unknown client_auth_type %q", name)
}

func version(key, name string, otherwise uint16) (uint16, error) {
	switch name {
	case "":
		return otherwise, nil
	case "TLS10":
		return tls.VersionTLS10, nil
	case "TLS11":
		return tls.VersionTLS11, nil
	case "TLS12":
		return tls.VersionTLS12, nil
	case "TLS13":
		return tls.VersionTLS13, nil
	}
	return 0, fmt.Errorf("%s %q is not TLS10, TLS11, TLS12 or TLS13", key, name)
}

func suite(name string) (uint16, error) {
	for _, s := range tls.CipherSuites() {
		if s.Name == name {
			return s.ID, nil
		}
	}
	return 0, fmt.Errorf("cipher_suites: %q is unknown or insecure", name)
}

func curve(name string) (tls.CurveID, error) {
	for _, c := range []tls.CurveID{tls.CurveP256, tls.CurveP384, tls.CurveP521, tls.X25519, tls.X25519MLKEM768} {
		if c.String() == name {
			return c, nil
		}
	}
	return 0, fmt.Errorf("curve_preferences: %q is not CurveP256, CurveP384, CurveP521, X25519 or X25519MLKEM768", name)
}

// server is a server's configuration.
func (t *tlsSection) server() (*tls.Config, error) {
	if t.Cert+t.CertFile == "" {
		return nil, errors.New("tls_server_config has neither cert nor cert_file")
	}
	if t.Key+t.KeyFile == "" {
		return nil, errors.New("tls_server_config has neither key nor key_file")
	}
	pair, err := t.pair()
	if err != nil {
		return nil, fmt.Errorf("could not load certificate and key: %w", err)
	}
	c := &tls.Config{Certificates: []tls.Certificate{pair}}
	if c.MinVersion, err = version("min_version", t.MinVersion, tls.VersionTLS12); err != nil {
		return nil, err
	}
	if c.MaxVersion, err = version("max_version", t.MaxVersion, tls.VersionTLS13); err != nil {
		return nil, err
	}
	for _, name := range t.CipherSuites {
		id, err := suite(name)
		if err != nil {
			return nil, err
		}
		c.CipherSuites = append(c.CipherSuites, id)
	}
	for _, name := range t.Curves {
		id, err := curve(name)
		if err != nil {
			return nil, err
		}
		c.CurvePreferences = append(c.CurvePreferences, id)
	}
	return c, t.clients(c)
}

// pair reads the certificate and its key.
func (t *tlsSection) pair() (tls.Certificate, error) {
	cert, err := either(t.CertFile, t.Cert)
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := either(t.KeyFile, t.Key)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(cert, key)
}

func either(path, text string) ([]byte, error) {
	if path != "" {
		return read(path)
	}
	return []byte(text), nil
}

// clients sets what is asked of clients.
func (t *tlsSection) clients(c *tls.Config) (err error) {
	if c.ClientAuth, err = clientAuth(t.ClientAuth); err != nil {
		return err
	}
	verifies := c.ClientAuth >= tls.VerifyClientCertIfGiven
	if has := t.ClientCA+t.ClientCAFile != ""; verifies && !has {
		// The certificates of the machine would be let through: anybody can have one.
		return fmt.Errorf("client_auth_type %s needs client_ca or client_ca_file", t.ClientAuth)
	} else if has && c.ClientAuth == tls.NoClientCert {
		return errors.New("client_ca has no effect without a client_auth_type")
	} else if has {
		pem, err := either(t.ClientCAFile, t.ClientCA)
		if err != nil {
			return err
		}
		c.ClientCAs = x509.NewCertPool()
		if !c.ClientCAs.AppendCertsFromPEM(pem) {
			return errors.New("client_ca has no certificate")
		}
	}
	if t.ClientSANs == nil {
		return nil
	}
	if c.ClientAuth != tls.RequireAndVerifyClientCert {
		return errors.New("client_allowed_sans needs client_auth_type RequireAndVerifyClientCert")
	}
	c.VerifyConnection = func(s tls.ConnectionState) error {
		if slices.ContainsFunc(alternativeNames(s.PeerCertificates[0]), func(n string) bool { return slices.Contains(t.ClientSANs, n) }) {
			return nil
		}
		return errors.New("the client's certificate does not contain a name that client_allowed_sans lists")
	}
	return nil
}

func alternativeNames(c *x509.Certificate) []string {
	all := slices.Concat(c.DNSNames, c.EmailAddresses)
	for _, ip := range c.IPAddresses {
		all = append(all, ip.String())
	}
	for _, u := range c.URIs {
		all = append(all, u.String())
	}
	return all
}

// TLS is the configuration of a server, or nil where the file turns no TLS on. Files are
// read for each connection, so that a renewed certificate needs no restart.
func (f *File) TLS() *tls.Config {
	if f.current().TLS == nil {
		return nil
	}
	return &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return f.current().TLS.server() }}
}
