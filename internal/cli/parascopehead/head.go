// Package parascopehead has the commands of the program parascope-head.
package parascopehead

import (
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/parascope/parascope/internal/awserr"
	"github.com/parascope/parascope/internal/cli"
	"github.com/parascope/parascope/internal/head"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/receiver"
)

// New makes the root command, with the list of its commands in the order of the help.
func New(p *cli.Process) *cobra.Command {
	r := newRunFlags()
	c := &cobra.Command{
		Use:   "parascope-head",
		Short: "Discover, scrape and send, as Prometheus in agent mode does",
		Long: `Discover targets, scrape them and send the samples by remote write: Prometheus'
agent mode, with its flags and its configuration file. Targets come from
static_configs, file_sd_configs, http_sd_configs and ec2_sd_configs; requests to
AMP are signed where remote_write has a sigv4 section. SIGHUP reloads the file.

Samples wait in a queue on disk until the receiver has taken them, through
outages, refused credentials, restarts and kill -9; 'parascope head status' shows
how many are delivered, waiting and dropped.`,
		Example: `  parascope head --config.file prometheus.yml --storage.agent.path data-agent
  parascope head check --config.file prometheus.yml     # test the file, start nothing
  parascope head status                                 # is everything delivered?
  kill -HUP PID                                         # reload the file
  curl -s localhost:9090/api/v1/targets | jq '.data.activeTargets[] | {scrapeUrl,health,lastError}'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return r.run(cmd, p) },
	}
	c.PersistentFlags().StringVar(&r.o.ConfigFile, "config.file", r.o.ConfigFile, "Prometheus configuration `FILE`")
	c.PersistentFlags().BoolVar(&r.o.IgnoreRules, "ignore-rules", r.o.IgnoreRules,
		"continue without rule_files and alerting: AMP evaluates rules")
	r.add(c.Flags())
	c.AddCommand(newCheck(p, &r.o.ConfigFile, &r.o.IgnoreRules), newSetup(p), newStatus(p),
		newDoctor(p, &r.o.ConfigFile), newInspect(p), cli.NewVersion(p, "parascope-head"))
	return c
}

// runFlags are the flags of a head that runs.
type runFlags struct {
	o                   head.Options
	cluster             clusterOptions
	level, format       string
	agent, autoReload   bool
	reloadEvery         duration
	features            []string
	maxBytes            byteSize
	maxRequest          requestSize
	maxPage, maxReading byteSize
	maxSeries           byteSize
}

func newRunFlags() *runFlags {
	o := head.DefaultOptions()
	return &runFlags{
		o: o, cluster: defaultClusterOptions(), maxBytes: byteSize(o.QueueMaxBytes), maxRequest: requestSize(o.QueueMaxRequest),
		reloadEvery: duration(30 * time.Second),
		maxPage:     byteSize(o.MaxPageBytes), maxReading: byteSize(o.MaxReadingBytes), maxSeries: byteSize(o.MaxSeriesBytes),
	}
}

// add defines the flags.
func (r *runFlags) add(f *pflag.FlagSet) {
	f.StringVar(&r.o.StoragePath, "storage.agent.path", r.o.StoragePath,
		"`DIR` of the queue: samples that are not sent yet, and the delivery counts")
	f.IntVar(&r.o.QueueLanes, "queue.lanes", r.o.QueueLanes, "concurrent requests for each remote_write, from 1 to 64; a "+
		"change takes effect when the old lanes are empty")
	f.Var(&r.maxBytes, "queue.max-bytes", "maximum `SIZE` of each remote_write's queue on disk; beyond it the oldest samples are dropped "+
		"and counted")
	f.Var(&r.maxRequest, "queue.max-request-bytes",
		"maximum `SIZE` of a remote-write request before compression, from 64KB to 16MB (AMP's quota is 1 MB); the number of "+
			"samples is limited by max_samples_per_send of queue_config")
	f.Var(&r.maxPage, "scrape.max-page-bytes", "maximum uncompressed `SIZE` of a scraped page, for jobs without body_size_limit; the "+
		"scrape of a larger page fails")
	f.Var(&r.maxReading, "scrape.max-reading-bytes",
		"maximum `SIZE` of memory for all pages that are read at the same time; the scrape of a page that does not fit fails")
	f.Var(&r.maxSeries, "scrape.max-series-bytes",
		"maximum `SIZE` of memory for the series of all targets, beyond 1MB of each target; the scrapes of the largest pages fail")
	f.StringVar(&r.o.ListenAddress, "web.listen-address", r.o.ListenAddress,
		"`HOST:PORT` that serves metrics, health and targets; port 0 selects a free one")
	f.BoolVar(&r.o.EnableLifecycle, "web.enable-lifecycle", r.o.EnableLifecycle, "allow POST /-/reload to reload the configuration")
	f.StringVar(&r.o.ExternalURL, "web.external-url", r.o.ExternalURL,
		"external `URL` of the head behind a reverse proxy: its path is the prefix of all paths, and its host name is accepted on a loopback "+
			"address")
	f.StringVar(&r.o.RoutePrefix, "web.route-prefix", r.o.RoutePrefix, "prefix `PATH` of all HTTP paths (default: the path of "+
		"--web.external-url)")
	f.BoolVar(&r.autoReload, "config.auto-reload", false, "reload the configuration when its file changes")
	f.Var(&r.reloadEvery, "config.auto-reload-interval",
		"`DURATION` between two checks of the file by --config.auto-reload")
	f.BoolVar(&r.o.EnablePprof, "web.enable-pprof", r.o.EnablePprof, "serve profiles of this process on /debug/pprof/")
	f.StringVar(&r.cluster.binDir, "slurm.bin-dir", r.cluster.binDir,
		"`DIR` of Slurm's commands; if it contains scontrol, "+slurmMetricsPath+", "+slurmTargetsPath+" and "+pclusterMetricsPath+" are served")
	f.IntVar(&r.cluster.jobSeriesMax, "slurm.job-series-max", r.cluster.jobSeriesMax,
		"maximum number of series that map jobs to nodes and GPUs; further ones are left out and counted")
	f.BoolVar(&r.cluster.fairShare, "slurm.fair-share", r.cluster.fairShare, "run sshare for fair share, if the cluster has accounting")
	f.StringVar(&r.cluster.region, "cost.region", "", "`REGION` whose instance prices are exported as metrics (default: the region of this "+
		"machine)")
	f.StringArrayVar(&r.cluster.rates, "cost.rate", nil,
		"hourly price `TYPE=DOLLARS` of an instance type, instead of its on-demand price; may be repeated")
	f.Float64Var(&r.cluster.expected, "cost.expected-samples-per-month", 0,
		"`SAMPLES` that the cluster is expected to send in a month, for the alert BillAboveExpectation (default: computed from the "+
			"running nodes)")
	f.StringVar(&r.level, "log.level", "info", "debug, info, warn or error")
	f.StringVar(&r.format, "log.format", "logfmt", "logfmt or json")
	f.BoolVar(&r.agent, "agent", true, "accepted for compatibility with Prometheus: the head always runs in agent mode")
	f.StringSliceVar(&r.features, "enable-feature", nil, "accepted for compatibility; only agent and extra-scrape-metrics are recognized")
	f.StringVar(&r.o.WebConfigFile, "web.config.file", "",
		"web configuration `FILE` that enables TLS or basic authentication, as for Prometheus; the head reloads the file when it changes")
	addStockFlags(f)
}

// run runs a head as the flags say.
func (r *runFlags) run(cmd *cobra.Command, p *cli.Process) error {
	logger, err := daemonLogger(p, r.level, r.format)
	if err != nil {
		return err
	}
	log.SetFlags(0)
	log.SetOutput(slog.NewLogLogger(logger.Handler(), slog.LevelWarn).Writer()) // net/http writes there what targets send unasked
	if !r.agent {
		return hint.New(hint.Usage, errors.New("--no-agent asks for Prometheus' server mode, which the head does not have"),
			"omit the flag; to store samples on this machine, run Prometheus itself")
	}
	for _, f := range r.features {
		switch f {
		case "agent":
		case "extra-scrape-metrics":
			r.o.ExtraScrapeMetrics = true
		default:
			logger.Warn("feature is not recognized and has no effect", "feature", f)
		}
	}
	warnOfStockFlags(cmd.Flags(), logger)
	if r.autoReload {
		r.o.AutoReload = time.Duration(r.reloadEvery)
	}
	b := cli.ReadBuild()
	r.o.QueueMaxBytes, r.o.QueueMaxRequest = int64(r.maxBytes), int(r.maxRequest)
	r.o.MaxPageBytes, r.o.MaxReadingBytes = int64(r.maxPage), int64(r.maxReading)
	r.o.MaxSeriesBytes = int64(r.maxSeries)
	r.o.Version, r.o.Revision, r.o.Logger = b.Version, b.Revision, logger
	if err := r.o.Validate(); err != nil {
		return err
	}
	if err := useCABundle(p); err != nil {
		return err
	}
	r.o.TuneGC, r.o.TuneMemory = p.Getenv("GOGC") == "", p.Getenv("GOMEMLIMIT") == ""
	if err := r.cluster.serve(&r.o, logger); err != nil {
		return err
	}
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	r.o.Reload = hup
	return head.Run(cmd.Context(), r.o)
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

// publicAttr keeps session tokens and the secrets of URLs out of the log, whoever wrote an
// error into it: service discoveries are not ours, and ask AWS too.
func publicAttr(_ []string, a slog.Attr) slog.Attr {
	switch v := a.Value.Any().(type) {
	case error:
		a.Value = slog.StringValue(awserr.Public(receiver.PublicText(v.Error())))
	case string:
		a.Value = slog.StringValue(awserr.Public(receiver.PublicText(v)))
	}
	return a
}

// daemonLogger writes a daemon's log to stderr, in the forms of Prometheus.
func daemonLogger(p *cli.Process, level, format string) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(strings.ToUpper(level))); err != nil {
		return nil, hint.New(hint.Usage, fmt.Errorf("--log.level %q is not a log level", level), "write debug, info, warn or error")
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
