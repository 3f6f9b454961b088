package parascopehead

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/common/model"
	"github.com/spf13/pflag"
)

// stockFlag is a flag of Prometheus in agent mode that changes nothing here. It is
// accepted, so that a unit file works as it is, and a warning says why it has no
// effect.
type stockFlag struct {
	name, why string
	isBool    bool
}

func stockFlags() []stockFlag {
	const queue, pages = "samples wait in the queue, not in a WAL; see --queue.max-bytes", "the head has no web pages"
	return []stockFlag{
		{name: "storage.agent.retention.max-time",
			why: "samples wait until the receiver accepts them or they are older than sample_age_limit"},
		{name: "storage.agent.retention.min-time", why: "sent samples are removed at once"},
		{name: "storage.agent.wal-compression", why: "the queue is always compressed", isBool: true},
		{name: "storage.agent.wal-compression-type", why: "the queue is always compressed"},
		{name: "storage.agent.wal-segment-size", why: queue},
		{name: "storage.agent.wal-truncate-frequency", why: queue},
		{name: "storage.agent.checkpoint-from-in-memory-series", why: queue, isBool: true},
		{name: "storage.agent.checkpoint-batch-size", why: queue},
		{name: "storage.agent.no-lockfile", why: "two heads in one directory would lose samples", isBool: true},
		{name: "storage.agent.use-lockfile", why: "the directory is always locked", isBool: true},
		{name: "storage.remote.flush-deadline", why: "the head stops within 5 seconds; waiting samples are kept and sent after the next start"},
		{name: "scrape.adjust-timestamps", why: "timestamps are always aligned within 2ms", isBool: true},
		{name: "scrape.timestamp-tolerance", why: "timestamps are aligned to the scrape schedule if within 2ms"},
		{name: "scrape.discovery-reload-interval", why: "target changes are applied every second"},
		{name: "auto-gomaxprocs", why: "the Go runtime sets GOMAXPROCS itself", isBool: true},
		{name: "auto-gomemlimit", why: "the Go memory limit is adjusted to the memory in use; set GOMEMLIMIT for a fixed limit", isBool: true},
		{name: "auto-gomemlimit.ratio", why: "set GOMEMLIMIT for a fixed limit"},
		{name: "auto-gomemlimit.refresh-interval", why: "set GOMEMLIMIT for a fixed limit"},
		{name: "web.read-timeout", why: "the read timeout is fixed at 10 seconds"},
		{name: "web.max-connections", why: "the number of connections is not limited"},
		{name: "web.max-notifications-subscribers", why: "the head has no notifications API"},
		{name: "web.local-assets", why: pages},
		{name: "web.user-assets", why: pages},
		{name: "web.console.templates", why: pages},
		{name: "web.console.libraries", why: pages},
		{name: "web.page-title", why: pages},
		{name: "web.cors.origin", why: "the head does not allow other origins"},
		{name: "web.enable-admin-api", why: "the head has no admin API", isBool: true},
		{name: "web.enable-remote-write-receiver", why: "the head does not receive samples", isBool: true},
		{name: "web.remote-write-receiver.accepted-protobuf-messages", why: "the head does not receive samples"},
		{name: "web.enable-otlp-receiver", why: "the head does not receive samples", isBool: true},
	}
}

// addStockFlags adds them to a command's flags, out of its help, and the negations that
// Prometheus has of its flags.
func addStockFlags(f *pflag.FlagSet) {
	for _, s := range stockFlags() {
		f.String(s.name, "", "accepted for compatibility with Prometheus: "+s.why)
		flag := f.Lookup(s.name)
		flag.Hidden = true
		if s.isBool {
			flag.NoOptDefVal = "true"
			f.String("no-"+s.name, "", "")
			f.Lookup("no-"+s.name).Hidden, f.Lookup("no-"+s.name).NoOptDefVal = true, "true"
		}
	}
	for _, name := range []string{"web.enable-lifecycle", "config.auto-reload", "agent"} {
		f.BoolFunc("no-"+name, "", func(string) error { return f.Set(name, "false") })
		f.Lookup("no-" + name).Hidden = true
	}
}

// warnOfStockFlags logs those that were given.
func warnOfStockFlags(f *pflag.FlagSet, logger *slog.Logger) {
	for _, s := range stockFlags() {
		if f.Changed(s.name) || s.isBool && f.Changed("no-"+s.name) {
			logger.Warn("flag is accepted and has no effect", "flag", "--"+s.name, "why", s.why)
		}
	}
}

// duration is a flag's, written as Prometheus writes it, such as 1d. What Go writes, such as
// 1.5s, is one too.
type duration time.Duration

func (d *duration) String() string { return model.Duration(*d).String() }
func (d *duration) Type() string   { return "duration" }

func (d *duration) Set(text string) error {
	if given, err := model.ParseDuration(text); err == nil {
		*d = duration(given)
		return nil
	}
	given, err := time.ParseDuration(text)
	if err != nil || given < 0 {
		return fmt.Errorf("%q is not a duration, such as 30s, 5m or 1d", text)
	}
	*d = duration(given)
	return nil
}
