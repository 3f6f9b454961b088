// Package ship takes the samples that the head scraped to the workspaces: it
// writes them to a log on disk and sends them from there by remote write.
//
// Whoever appends does not know how sending works. Today it is Prometheus' agent
// storage and remote write, which lose what was not sent when the process is
// killed; the durable queue takes their place behind the same methods.
package ship

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/scrape"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/storage/remote"
	"github.com/prometheus/prometheus/tsdb/agent"
	"github.com/prometheus/prometheus/util/compression"

	"github.com/parascope/parascope/internal/hint"
)

// flushTimeout bounds how long Close sends what is left: an endpoint that hangs
// must not keep the process from ending within 5 s.
const flushTimeout = 2 * time.Second

// Options are what a Ship is made of; all are needed.
type Options struct {
	Dir        string // log of samples not yet sent
	Logger     *slog.Logger
	Registerer prometheus.Registerer
	// Scrapes gives the scrape manager, which knows the metrics' metadata. It
	// returns an error until there is one.
	Scrapes func() (*scrape.Manager, error)
}

// Ship is the way out.
type Ship struct {
	remote *remote.Storage
	all    storage.Storage
}

type scrapes func() (*scrape.Manager, error)

func (s scrapes) Get() (*scrape.Manager, error) { return s() }

// Open opens the log in o.Dir. A directory that another process has open is an
// error with hint.Busy.
func Open(o Options) (*Ship, error) {
	noStart := func() (int64, error) { return 0, nil }
	sender := remote.NewStorage(o.Logger, o.Registerer, noStart, o.Dir, flushTimeout, scrapes(o.Scrapes), false)
	opts := agent.DefaultOptions()
	opts.WALCompression = compression.Snappy
	log, err := agent.Open(o.Logger, o.Registerer, sender, o.Dir, opts)
	if err != nil {
		return nil, errors.Join(explainOpen(err, o.Dir), sender.Close())
	}
	log.SetWriteNotified(sender) // without it, sending waits for a timer
	return &Ship{sender, storage.NewFanout(o.Logger, log, sender)}, nil
}

func explainOpen(err error, dir string) error {
	err = fmt.Errorf("open sample log %s: %w", dir, err)
	if !errors.Is(err, syscall.EWOULDBLOCK) {
		return err
	}
	if pid, readErr := os.ReadFile(filepath.Join(dir, "lock")); readErr == nil && len(pid) > 0 {
		err = fmt.Errorf("%w (pid %s)", err, strings.TrimSpace(string(pid)))
	}
	return hint.New(hint.Busy, err, "another head has this directory open; stop it, or give --storage.agent.path another directory")
}

// Appendable takes samples.
func (s *Ship) Appendable() storage.AppendableV2 { return s.all }

// ApplyConfig sends as the configuration's remote_write says from now on.
func (s *Ship) ApplyConfig(c *config.Config) error {
	err := s.remote.ApplyConfig(c)
	if err == nil {
		return nil
	}
	err = fmt.Errorf("apply remote_write: %w", err)
	if strings.Contains(err.Error(), "SigV4 credentials") {
		return hint.New(hint.Denied, err, "give the machine an instance role, or AWS_PROFILE a profile, that may aps:RemoteWrite")
	}
	return err
}

// Close sends what it can within a bound and closes the log.
func (s *Ship) Close() error {
	if err := s.all.Close(); err != nil {
		return fmt.Errorf("close sample log: %w", err)
	}
	return nil
}
