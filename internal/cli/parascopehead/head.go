// Package parascopehead has the commands of the program parascope-head.
package parascopehead

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/parascope/parascope/internal/awserr"
	"github.com/parascope/parascope/internal/cli"
	"github.com/parascope/parascope/internal/head"
	"github.com/parascope/parascope/internal/hint"
)

// New makes the root command, with the list of its commands in the order of the help.
func New(p *cli.Process) *cobra.Command {
	o, cluster := head.DefaultOptions(), defaultClusterOptions()
	var level, format, webConfig string
	var agent, autoReload bool
	var features []string
	maxBytes, maxRequest := byteSize(o.QueueMaxBytes), requestSize(o.QueueMaxRequest)
	maxPage, maxReading := byteSize(o.MaxPageBytes), byteSize(o.MaxReadingBytes)
	c := &cobra.Command{
		Use:   "parascope-head",
		Short: "Discover, scrape and send, as Prometheus in agent mode does",
		Long: `Discover targets, scrape them and send the samples by remote write: Prometheus'
agent mode, with its flags and its configuration file. Targets come from
static_configs, file_sd_configs, http_sd_configs and ec2_sd_configs; requests to
AMP are signed where remote_write has a sigv4 section. SIGHUP reloads the file.

Samples wait in a queue on disk until the receiver has taken them, through
outages, refused credentials, restarts and kill -9; 'parascope head status' says
what became of every one.`,
		Example: `  parascope head --config.file prometheus.yml --storage.agent.path data-agent
  parascope head check --config.file prometheus.yml     # test the file, start nothing
  parascope head status                                 # is everything delivered?
  kill -HUP PID                                         # reload the file
  curl -s localhost:9090/api/v1/targets | jq '.data.activeTargets[] | {scrapeUrl,health,lastError}'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			logger, err := daemonLogger(p, level, format)
			if err != nil {
				return err
			}
			for _, f := range features {
				switch f {
				case "agent":
				case "extra-scrape-metrics":
					o.ExtraScrapeMetrics = true
				default:
					logger.Warn("feature is not known here and has no effect", "feature", f)
				}
			}
			if webConfig != "" {
				return hint.New(hint.Usage, errors.New("--web.config.file: TLS and passwords of the listener are not built in"),
					"bind a loopback address and put a proxy before it, with --web.external-url")
			}
			warnOfStockFlags(cmd.Flags(), logger)
			if !autoReload {
				o.AutoReload = 0
			}
			b := cli.ReadBuild()
			o.QueueMaxBytes, o.QueueMaxRequest = int64(maxBytes), int(maxRequest)
			o.MaxPageBytes, o.MaxReadingBytes = int64(maxPage), int64(maxReading)
			o.Version, o.Revision, o.Logger = b.Version, b.Revision, logger
			if err := o.Validate(); err != nil {
				return err
			}
			if err := useCABundle(p); err != nil {
				return err
			}
			o.TuneGC = p.Getenv("GOGC") == ""
			if err := cluster.serve(&o, logger); err != nil {
				return err
			}
			hup := make(chan os.Signal, 1)
			signal.Notify(hup, syscall.SIGHUP)
			defer signal.Stop(hup)
			o.Reload = hup
			return head.Run(cmd.Context(), o)
		},
	}
	c.PersistentFlags().StringVar(&o.ConfigFile, "config.file", o.ConfigFile, "Prometheus configuration `FILE`")
	c.PersistentFlags().BoolVar(&o.IgnoreRules, "ignore-rules", o.IgnoreRules, "continue without rule_files and alerting: AMP evaluates rules")
	f := c.Flags()
	f.StringVar(&o.StoragePath, "storage.agent.path", o.StoragePath, "`DIR` of the queue: samples that are not sent yet, and the count of those that are")
	f.IntVar(&o.QueueLanes, "queue.lanes", o.QueueLanes, "requests that may be on the way at once for each remote_write, from 1 to 64; a change takes force when the old lanes are drained")
	f.Var(&maxBytes, "queue.max-bytes", "`SIZE` on disk that samples of each remote_write may wait in; past it the oldest are dropped, and counted")
	f.Var(&maxRequest, "queue.max-request-bytes", "`SIZE` of a request before compression, from 64KB to 16MB; AMP's quota is 1 MB. How many samples it has is queue_config's max_samples_per_send")
	f.Var(&maxPage, "scrape.max-page-bytes", "`SIZE` of a page, unpacked, for jobs without body_size_limit; a larger page fails its scrape")
	f.Var(&maxReading, "scrape.max-reading-bytes", "`SIZE` of memory for all pages that are being read; a page that finds no room fails its scrape")
	f.StringVar(&o.ListenAddress, "web.listen-address", o.ListenAddress, "`HOST:PORT` of metrics, health and targets; port 0 takes a free one")
	f.BoolVar(&o.EnableLifecycle, "web.enable-lifecycle", o.EnableLifecycle, "let POST /-/reload reload the configuration")
	f.StringVar(&o.ExternalURL, "web.external-url", o.ExternalURL, "`URL` under which a proxy serves the head: its path precedes all paths, its host is let through on a loopback address")
	f.StringVar(&o.RoutePrefix, "web.route-prefix", o.RoutePrefix, "`PATH` that precedes all paths, if not that of --web.external-url")
	f.BoolVar(&autoReload, "config.auto-reload", false, "reload the configuration when its file changes")
	f.DurationVar(&o.AutoReload, "config.auto-reload-interval", 30*time.Second, "`DURATION` after which --config.auto-reload looks at the file again")
	f.BoolVar(&o.EnablePprof, "web.enable-pprof", o.EnablePprof, "serve profiles of this process on /debug/pprof/")
	f.StringVar(&cluster.binDir, "slurm.bin-dir", cluster.binDir,
		"`DIR` of Slurm's commands; where it has scontrol, "+slurmMetricsPath+", "+slurmTargetsPath+" and "+pclusterMetricsPath+" are served")
	f.IntVar(&cluster.jobSeriesMax, "slurm.job-series-max", cluster.jobSeriesMax, "series that say which job has which node and GPU; more are left out, and counted")
	f.BoolVar(&cluster.fairShare, "slurm.fair-share", cluster.fairShare, "ask sshare for fair share too; it needs accounting")
	f.StringVar(&level, "log.level", "info", "debug, info, warn or error")
	f.StringVar(&format, "log.format", "logfmt", "logfmt or json")
	f.BoolVar(&agent, "agent", true, "accepted as Prometheus has it: this is always an agent")
	f.StringSliceVar(&features, "enable-feature", nil, "accepted as Prometheus has it; agent and extra-scrape-metrics are known")
	f.StringVar(&webConfig, "web.config.file", "", "refused: TLS and passwords of the listener are not built in")
	_ = f.MarkHidden("web.config.file") // it is there
	addStockFlags(f)
	c.AddCommand(newCheck(p, &o.ConfigFile, &o.IgnoreRules), newStatus(p), newInspect(p), cli.NewVersion(p, "parascope-head"))
	return c
}

// useCABundle gives AWS_CA_BUNDLE to Go's own TLS instead of the AWS SDK, which
// cannot build the client of ec2_sd_configs while the variable is set.
func useCABundle(p *cli.Process) error {
	bundle := p.Getenv("AWS_CA_BUNDLE")
	if bundle == "" {
		return nil
	}
	err := os.Unsetenv("AWS_CA_BUNDLE")
	if p.Getenv("SSL_CERT_FILE") == "" {
		err = errors.Join(err, os.Setenv("SSL_CERT_FILE", bundle))
	}
	return err
}

// publicAttr keeps session tokens out of the log, whoever wrote an error into it:
// service discoveries are not ours, and ask AWS too.
func publicAttr(_ []string, a slog.Attr) slog.Attr {
	switch v := a.Value.Any().(type) {
	case error:
		a.Value = slog.StringValue(awserr.Public(v.Error()))
	case string:
		a.Value = slog.StringValue(awserr.Public(v))
	}
	return a
}

// daemonLogger writes a daemon's log to stderr, in the forms of Prometheus.
func daemonLogger(p *cli.Process, level, format string) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(strings.ToUpper(level))); err != nil {
		return nil, hint.New(hint.Usage, fmt.Errorf("--log.level %q is not a level", level), "write debug, info, warn or error")
	}
	opts := &slog.HandlerOptions{Level: l, ReplaceAttr: publicAttr}
	switch format {
	case "logfmt":
		return slog.New(slog.NewTextHandler(p.Stderr, opts)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(p.Stderr, opts)), nil
	}
	return nil, hint.New(hint.Usage, errors.New("--log.format is neither logfmt nor json"), "write logfmt or json")
}
