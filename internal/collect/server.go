// Package collect measures a machine and serves what it measured to Prometheus. Its
// collectors are values in the literal lists of the packages below it.
package collect

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"html"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/listen"
	"github.com/parascope/parascope/internal/webconfig"
)

// Options configure a Server. DefaultOptions has the values to begin with.
type Options struct {
	Address string // host:port to bind
	Path    string // of the metrics page
	Config  string // file with TLS and basic authentication, as Prometheus' exporters have; empty for none
	ProcFS  string
	SysFS   string
	RootFS  string // where the host's root is mounted in a container

	Full       bool     // all series that the collectors have
	EachCPU    bool     // a series for each CPU instead of the mean
	EachDevice bool     // a series for each disk and card instead of sums
	Textfiles  []string // directories of files with metrics
	Jobs       bool     // account for the Slurm jobs that run here
	MaxSeries  int      // of a page; 0 is no bound

	Version  string // of this build, for parascope_build_info
	Revision string
	Logger   *slog.Logger
}

// DefaultMaxSeries is five times what a large node has.
const DefaultMaxSeries = 1000

// DefaultOptions are node_exporter's, with a log that is discarded.
func DefaultOptions() Options {
	return Options{
		Address: ":9100", Path: "/metrics", ProcFS: "/proc", SysFS: "/sys", RootFS: "/", MaxSeries: DefaultMaxSeries,
		Logger: slog.New(slog.DiscardHandler),
	}
}

// Validate returns what is wrong with the options.
func (o Options) Validate() error {
	if !strings.HasPrefix(o.Path, "/") || o.Path == "/" || o.Path == "/healthz" {
		return hint.New(hint.Usage, fmt.Errorf("metrics path %q is not usable", o.Path),
			"the path must begin with a slash and be neither / nor /healthz")
	}
	if o.Address == "" {
		return hint.New(hint.Usage, errors.New("no address to serve on"), "omit --web.listen-address, or give HOST:PORT")
	}
	if o.MaxSeries < 0 {
		return hint.New(hint.Usage, fmt.Errorf("--max-series %d must not be negative", o.MaxSeries), "give a number of series, or 0 for no bound")
	}
	if o.Logger == nil {
		return errors.New("the server has no logger")
	}
	return checkPaths(o)
}

// checkPaths names the flag of a path that was given and is not a directory.
func checkPaths(o Options) error {
	for _, p := range []struct{ flag, dir, usual string }{
		{"--path.procfs", o.ProcFS, "/proc"}, {"--path.sysfs", o.SysFS, "/sys"}, {"--path.rootfs", o.RootFS, "/"},
	} {
		info, err := os.Stat(p.dir)
		if errors.Is(err, fs.ErrNotExist) && p.dir == p.usual {
			continue // the collectors that read it say so, at each scrape
		}
		if err == nil && !info.IsDir() {
			err = fmt.Errorf("%s is not a directory", p.dir)
		}
		if err != nil {
			return hint.New(hint.Usage, fmt.Errorf("%s: %w", p.flag, err), "omit "+p.flag+", or give the directory of the mount")
		}
	}
	return nil
}

const (
	// stopTimeout bounds how long a scrape in progress may hold up the end.
	stopTimeout = 3 * time.Second
	// writeTimeout bounds how long a client may take to take a page.
	writeTimeout = 30 * time.Second
	// headerTimeout bounds how long one may take to ask for it.
	headerTimeout = 10 * time.Second
	// idleTimeout is longer than the interval of a scrape: connections are kept.
	idleTimeout = 5 * time.Minute
)

// Server serves the metrics page, /healthz and a landing page.
type Server struct {
	address  string
	subject  string // of the page, for the log
	logger   *slog.Logger
	scraper  *Scraper
	http     *http.Server
	listener net.Listener
	served   chan error
}

// New prepares a Server of the node's metrics. Nothing is read before the first scrape.
func New(o Options) (*Server, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	scraper := NewScraper(o.env(), o.MaxSeries, NodeCollectors())
	scraper.process = newProcess(o.Version, o.Revision)
	return protected(newServer(o, scraper), o.Config)
}

// protected is the server with what the configuration file, if any, says.
func protected(s *Server, config string) (*Server, error) {
	if config == "" {
		return s, nil
	}
	if err := s.protect(config); err != nil {
		return nil, hint.New(hint.Usage, fmt.Errorf("--web.config.file: %w", err), "docs/metrics.md describes the settings of the file")
	}
	return s, nil
}

// protect turns on what the file says: TLS, and basic authentication.
func (s *Server) protect(path string) error {
	f, err := webconfig.Open(path, s.logger)
	if err != nil {
		return err
	}
	s.http.Handler = f.Protect(s.http.Handler)
	s.http.TLSConfig = f.TLS()
	return nil
}

func newServer(o Options, scraper *Scraper) *Server {
	s := &Server{address: o.Address, subject: "node metrics", logger: o.Logger, scraper: scraper, served: make(chan error, 1)}
	mux := http.NewServeMux()
	mux.Handle("GET "+o.Path, newMetrics(scraper))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	landing := strings.NewReplacer("{path}", html.EscapeString(o.Path), "{version}", html.EscapeString(o.Version)).Replace(landingPage)
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, landing)
	})
	s.http = &http.Server{
		Handler:           s.ownHost(mux),
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       headerTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(o.Logger.Handler(), slog.LevelWarn),
	}
	return s
}

const landingPage = `<!DOCTYPE html>
<html lang="en"><head><title>parascope node</title></head>
<body><h1>parascope node</h1>
<p>Metrics of this machine. Version {version}.</p>
<ul><li><a href="{path}">Metrics</a></li><li><a href="/healthz">Health</a></li></ul>
</body></html>
`

// ownHost refuses requests that a page of another site has a browser on this machine
// send, where only this machine is served: their Host is a name of that site's. Where
// others are served too, the machine has names that the program does not know.
func (s *Server) ownHost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if at, ok := s.listener.Addr().(*net.TCPAddr); ok && at.IP.IsLoopback() && !loopbackName(r.Host) {
			http.Error(w, "use localhost, 127.0.0.1 or [::1] as the host name; this server accepts no other host "+
				"names", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// loopbackName reports whether a request's Host names this machine as itself.
func loopbackName(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "" || strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// Start binds the address and serves until Stop.
func (s *Server) Start(ctx context.Context) error {
	l, err := listen.TCP(ctx, s.address)
	if err != nil {
		return err
	}
	s.listener = l
	if s.http.TLSConfig != nil {
		l = tls.NewListener(l, s.http.TLSConfig)
	}
	go func() { s.served <- s.http.Serve(l) }()
	s.logger.Info("serving "+s.subject, "address", s.Addr())
	return nil
}

// Addr is the address that Start bound.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Stop ends serving; scrapes in progress may finish within a bound.
func (s *Server) Stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		s.logger.Warn("a scrape did not finish in time and was cut off", "after", stopTimeout)
		return s.http.Close() // the scrape may still read; the end of the process closes its files
	}
	if err = errors.Join(err, s.scraper.Close()); err != nil {
		return fmt.Errorf("could not stop serving %s: %w", s.subject, err)
	}
	return nil
}

// Run serves until ctx is done, which is no error, or serving fails.
func (s *Server) Run(ctx context.Context) error {
	if err := s.Start(ctx); err != nil {
		return err
	}
	select {
	case err := <-s.served:
		return fmt.Errorf("could not serve %s on %s: %w", s.subject, s.Addr(), err)
	case <-ctx.Done():
		return s.Stop(context.WithoutCancel(ctx))
	}
}
