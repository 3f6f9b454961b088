package parascopehead

import (
	"bytes"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/parascope/parascope/internal/cli"
	"github.com/parascope/parascope/internal/head"
	"github.com/parascope/parascope/internal/hint"
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
		"--no-web.enable-lifecycle", "--no-config.auto-reload", "--no-web.enable-admin-api", "--config.auto-reload-interval=1d",
		"--config.auto-reload-interval=1m30s",
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

// TestNegatedFlags: what is given last holds, as in Prometheus.
func TestNegatedFlags(t *testing.T) {
	for args, want := range map[string]runFlags{
		"":                          {agent: true},
		"--web.enable-lifecycle":    {agent: true, o: head.Options{EnableLifecycle: true}},
		"--no-web.enable-lifecycle": {agent: true},
		"--config.auto-reload --no-web.enable-lifecycle":                                                {agent: true, autoReload: true},
		"--web.enable-lifecycle --no-web.enable-lifecycle --config.auto-reload --no-config.auto-reload": {agent: true},
		"--no-web.enable-lifecycle --web.enable-lifecycle --no-agent":                                   {o: head.Options{EnableLifecycle: true}},
	} {
		r, f := newRunFlags(), pflag.NewFlagSet("head", pflag.ContinueOnError)
		r.add(f)
		if err := f.Parse(strings.Fields(args)); err != nil || r.agent != want.agent || r.autoReload != want.autoReload ||
			r.o.EnableLifecycle != want.o.EnableLifecycle {
			t.Errorf("%q: agent %v, reload %v, lifecycle %v: %v", args, r.agent, r.autoReload, r.o.EnableLifecycle, err)
		}
	}
}

// TestNoServerMode: a head is no server, and says so.
func TestNoServerMode(t *testing.T) {
	for _, arg := range []string{"--no-agent", "--agent=false"} {
		c := New(&cli.Process{Getenv: func(string) string { return "" }, Stderr: io.Discard})
		c.SetArgs([]string{arg, "--config.file=" + t.TempDir() + "/none"})
		if err := c.Execute(); hint.CodeOf(err) != hint.Usage || !strings.Contains(err.Error(), "--no-agent") || hint.Next(err) == "" {
			t.Errorf("%s: code %d: %v", arg, hint.CodeOf(err), err)
		}
	}
}

// TestDurationFlag: a duration is Prometheus', or Go's as in earlier versions.
func TestDurationFlag(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"30s": 30 * time.Second, "1d": 24 * time.Hour, "1w2d": 9 * 24 * time.Hour, "1h30m": 90 * time.Minute, "1m0s": time.Minute,
		"1.5s": 1500 * time.Millisecond, "0": 0, "100ms": 100 * time.Millisecond, "-1s": -1, "": -1, "1": -1, "d": -1, "1.5d": -1,
	} {
		var d duration
		if err := d.Set(text); (err != nil) != (want < 0) || err == nil && time.Duration(d) != want {
			t.Errorf("%q: %s, %v", text, &d, err)
		}
	}
}
