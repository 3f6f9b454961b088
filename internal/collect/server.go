// Package collect measures a machine and serves what it measured to Prometheus:
// node metrics, under the names that node_exporter gave them.
package collect

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/listen"
)

// Options configure a Server. DefaultOptions has the values to begin with.
type Options struct {
	Address string // host:port to bind
	Path    string // of the metrics page
	ProcFS  string
	SysFS   string
	RootFS  string // where the host's root is mounted in a container
	Full    bool   // node_exporter's default collectors instead of the lean set

	Version  string // of this build, for parascope_build_info
	Revision string
	Logger   *slog.Logger
}

// DefaultOptions are node_exporter's, with a log that is discarded.
func DefaultOptions() Options {
	return Options{Address: ":9100", Path: "/metrics", ProcFS: "/proc", SysFS: "/sys", RootFS: "/", Logger: slog.New(slog.DiscardHandler)}
}

// Validate returns what is wrong with the options.
func (o Options) Validate() error {
	if !strings.HasPrefix(o.Path, "/") || o.Path == "/" || o.Path == "/healthz" {
		return hint.New(hint.Usage, fmt.Errorf("metrics path %q is not usable", o.Path),
			"it begins with a slash and is neither / nor /healthz")
	}
	if o.Address == "" {
		return hint.New(hint.Usage, errors.New("no address to serve on"), "leave --web.listen-address out, or give HOST:PORT")
	}
	if o.Logger == nil {
		return errors.New("the server has no logger")
	}
	return checkPaths(o)
}

// stopTimeout bounds how long a scrape in progress may hold up the end.
const stopTimeout = 3 * time.Second

// Server serves the metrics page, /healthz and a landing page.
type Server struct {
	address  string
	logger   *slog.Logger
	http     *http.Server
	listener net.Listener
	served   chan error
}

// New prepares a Server. The embedded collectors keep their configuration in
// globals of their own, so one process measures one machine: the paths and Full
// of the first Server hold for all.
func New(o Options) (*Server, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	metrics, err := newMetrics(o)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET "+o.Path, metrics)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if err := landing.Execute(w, o); err != nil {
			o.Logger.Debug("landing page not delivered", "err", err)
		}
	})
	return &Server{
		address: o.Address,
		logger:  o.Logger,
		served:  make(chan error, 1),
		http: &http.Server{
			Handler:           mux,
			ReadHeaderTimeout: 10 * time.Second,
			ErrorLog:          slog.NewLogLogger(o.Logger.Handler(), slog.LevelWarn),
		},
	}, nil
}

var landing = template.Must(template.New("landing").Parse(`<!DOCTYPE html>
<html lang="en"><head><title>parascope node</title></head>
<body><h1>parascope node</h1>
<p>Node metrics, under the names of node_exporter. Version {{.Version}}.</p>
<ul><li><a href="{{.Path}}">Metrics</a></li><li><a href="/healthz">Health</a></li></ul>
</body></html>
`))

// Start binds the address and serves until Stop.
func (s *Server) Start(ctx context.Context) error {
	l, err := listen.TCP(ctx, s.address)
	if err != nil {
		return err
	}
	s.listener = l
	go func() { s.served <- s.http.Serve(l) }()
	s.logger.Info("serving node metrics", "address", s.Addr())
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
		err = s.http.Close()
	}
	if err != nil {
		return fmt.Errorf("stop serving node metrics: %w", err)
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
		return fmt.Errorf("serve node metrics on %s: %w", s.Addr(), err)
	case <-ctx.Done():
		return s.Stop(context.WithoutCancel(ctx))
	}
}
