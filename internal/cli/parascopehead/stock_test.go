package parascopehead

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/parascope/parascope/internal/cli"
)

// TestStockFlags: what Prometheus v3 takes in agent mode, a head takes, and says what
// has no effect.
func TestStockFlags(t *testing.T) {
	p := &cli.Process{Getenv: func(string) string { return "" }}
	args := []string{
		"--config.file=f", "--config.auto-reload", "--config.auto-reload-interval=1m", "--web.listen-address=127.0.0.1:0", "--auto-gomaxprocs",
		"--no-auto-gomemlimit",
		"--auto-gomemlimit.ratio=0.5", "--auto-gomemlimit.refresh-interval=1m", "--web.config.file=", "--web.read-timeout=5m",
		"--web.max-connections=512",
		"--web.max-notifications-subscribers=16", "--web.external-url=http://x/", "--web.route-prefix=/", "--web.user-assets=x",
		"--web.local-assets=x", "--storage.agent.use-lockfile",
		"--web.enable-lifecycle",
		"--web.enable-admin-api", "--web.enable-remote-write-receiver", "--web.remote-write-receiver.accepted-protobuf-messages=x",
		"--web.enable-otlp-receiver",
		"--web.console.templates=x", "--web.console.libraries=x", "--web.page-title=x", "--web.cors.origin=.*", "--storage.agent.path=x",
		"--storage.agent.wal-segment-size=1MB",
		"--storage.agent.wal-compression", "--no-storage.agent.wal-compression", "--storage.agent.wal-compression-type=zstd",
		"--storage.agent.wal-truncate-frequency=1h",
		"--storage.agent.retention.min-time=5m", "--storage.agent.retention.max-time=4h", "--storage.agent.checkpoint-from-in-memory-series",
		"--storage.agent.checkpoint-batch-size=1", "--storage.agent.no-lockfile", "--storage.remote.flush-deadline=1m",
		"--scrape.adjust-timestamps",
		"--no-scrape.adjust-timestamps", "--scrape.timestamp-tolerance=2ms", "--scrape.discovery-reload-interval=5s",
		"--enable-feature=extra-scrape-metrics,agent",
		"--agent", "--log.level=info", "--log.format=json",
	}
	for _, arg := range args {
		if err := New(p).ParseFlags([]string{arg}); err != nil {
			t.Errorf("%s: %v", arg, err)
		}
	}
	c := New(p)
	if err := c.ParseFlags(args); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	warnOfStockFlags(c.Flags(), slog.New(slog.NewTextHandler(&log, nil)))
	if n := strings.Count(log.String(), "has no effect"); n != len(stockFlags()) {
		t.Errorf("%d warnings, want %d:\n%s", n, len(stockFlags()), &log)
	}
	if err := New(p).ParseFlags([]string{"--storage.tsdb.path=x"}); err == nil {
		t.Error("a flag of the server mode is taken")
	}
}
