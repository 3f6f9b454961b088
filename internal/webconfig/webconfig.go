// Package webconfig applies the file of --web.config.file, in the form that Prometheus
// and its exporters share: TLS, basic authentication, headers and a rate limit. Their
// own package would link Prometheus' client and protobuf, five megabytes, into a program
// of seven.
package webconfig

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	yaml "go.yaml.in/yaml/v2"
	"golang.org/x/crypto/bcrypt"
	"golang.org/x/time/rate"
)

// config is what a file says.
type config struct {
	TLS   *tlsSection       `yaml:"tls_server_config"`
	HTTP  httpSection       `yaml:"http_server_config"`
	Users map[string]string `yaml:"basic_auth_users"` // bcrypt hashes of passwords, by user
	Rate  struct {
		Burst    int           `yaml:"burst"`
		Interval time.Duration `yaml:"interval"` // after which one more request is let through
	} `yaml:"rate_limit"`
}

type httpSection struct {
	// HTTP2 changes nothing: HTTP/1.1 is served.
	HTTP2   bool              `yaml:"http2"`
	Headers map[string]string `yaml:"headers"`
}

// headers are those that the file may set, with the values that they may have.
func headers() map[string][]string {
	return map[string][]string{
		"Strict-Transport-Security": nil, "X-Content-Type-Options": {"nosniff"}, "X-Frame-Options": {"deny", "sameorigin"},
		"X-XSS-Protection": nil, "Content-Security-Policy": nil,
	}
}

// maxFile bounds the file and those that it names, in bytes.
const maxFile = 1 << 20

// read reads a file that is not larger than that.
func read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("%s is larger than 1 MiB", path)
	}
	return text, err
}

// load checks a file. No error holds a hash of it.
func load(path string, text []byte) (*config, error) {
	c := &config{}
	if err := yaml.UnmarshalStrict(text, c); err != nil {
		return nil, fmt.Errorf("%s: %w", path, plain(err))
	}
	for user, hash := range c.Users {
		if _, err := bcrypt.Cost([]byte(hash)); err != nil {
			return nil, fmt.Errorf("%s: the password of user %q is not a bcrypt hash", path, user)
		}
	}
	allowed := headers()
	for name, value := range c.HTTP.Headers {
		values, known := allowed[name]
		if !known {
			return nil, fmt.Errorf("%s: header %q cannot be set", path, name)
		}
		if len(values) > 0 && !slices.Contains(values, value) {
			return nil, fmt.Errorf("%s: header %s must be one of %q", path, name, values)
		}
	}
	if c.TLS == nil || !c.TLS.isEnabled() {
		c.TLS = nil
		return c, nil
	}
	for _, p := range []*string{&c.TLS.CertFile, &c.TLS.KeyFile, &c.TLS.ClientCAFile} {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(filepath.Dir(path), *p)
		}
	}
	if _, err := c.TLS.server(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// plain is the error without what the file has: the library quotes values.
func plain(err error) error {
	if e, ok := errors.AsType[*yaml.TypeError](err); ok {
		for _, text := range e.Errors {
			if field, _, found := bytes.Cut([]byte(text), []byte(" not found in type ")); found {
				return errors.New(string(field) + " is not a known setting")
			}
		}
		return errors.New("a value has the wrong type, or a key is duplicated")
	}
	return err
}

// File is a file in force. It is read again for each request and each connection, so
// that passwords and certificates change without a restart; what is not valid then is
// logged, and the previous settings remain in effect.
type File struct {
	path    string
	logger  *slog.Logger
	limiter *rate.Limiter // nil: none

	mu       sync.Mutex
	text     []byte // that is in force
	refused  []byte // that was logged
	config   *config
	verified verified
}

// Open reads the file. A relative path in it is relative to its directory.
func Open(path string, logger *slog.Logger) (*File, error) {
	text, err := read(path)
	if err != nil {
		return nil, err
	}
	c, err := load(path, text)
	if err != nil {
		return nil, err
	}
	f := &File{path: path, logger: logger, text: text, config: c}
	if c.Rate.Interval > 0 {
		f.limiter = rate.NewLimiter(rate.Every(c.Rate.Interval), c.Rate.Burst)
	}
	return f, nil
}

// current is what the file says now.
func (f *File) current() *config {
	text, err := read(f.path)
	f.mu.Lock()
	defer f.mu.Unlock()
	if err == nil && bytes.Equal(text, f.text) {
		return f.config
	}
	var c *config
	if err == nil {
		c, err = load(f.path, text)
	}
	if err == nil && (c.TLS == nil) != (f.config.TLS == nil) {
		err = fmt.Errorf("%s: turning TLS on or off requires a restart", f.path)
	}
	if err != nil {
		if why := []byte(err.Error()); !bytes.Equal(why, f.refused) {
			f.refused = why
			f.logger.Error("the file of --web.config.file is not valid; the previous settings remain in effect", "err", err)
		}
		return f.config
	}
	f.text, f.config, f.refused = text, c, nil
	return c
}
