package dataplane

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/grafana/regexp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"github.com/prometheus/common/route"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/scrape"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/util/features"
	"github.com/prometheus/prometheus/util/notifications"
	v1 "github.com/prometheus/prometheus/web/api/v1"

	"github.com/parascope/parascope/localaws/principal"
)

const (
	queryTimeout        = time.Minute
	lookback            = 5 * time.Minute
	defaultSubqueryStep = time.Minute // of a subquery that names none: Prometheus' evaluation interval
)

// workspace is an open one.
type workspace struct {
	id     string // ws-…
	tenant string // as AMP's messages name it: account_workspace
	limits Limits
	db     *tsdb.DB
	api    http.Handler // Prometheus' /api/v1, without that prefix
	engine *promql.Engine
	rules  *atomic.Pointer[rules.Manager] // nil while there are no rules
	rate   *bucket
	window time.Duration // of samples out of order; changes while no request runs

	writing sync.Mutex // held from the first look at a request's samples until they are stored

	metadataMu sync.Mutex
	metadata   map[string][]metadata
}

func openWorkspace(dir, id string, settings Settings, o Options, queries slots) (*workspace, error) {
	opts := tsdb.DefaultOptions()
	// A laptop's workspace has thousands of series, not millions: what the
	// TSDB sets aside per instance is most of its memory then.
	opts.StripeSize, opts.WALSegmentSize, opts.HeadChunksWriteBufferSize = 512, 4<<20, 64<<10
	opts.RetentionDuration = retention(settings).Milliseconds()
	opts.OutOfOrderTimeWindow = settings.OutOfOrderWindow.Milliseconds()
	logger := o.Logger.With("workspace", id)
	registry := prometheus.NewRegistry()
	db, err := tsdb.Open(dir, logger, registry, opts, nil)
	if err != nil {
		return nil, fmt.Errorf("could not open TSDB: %w", err)
	}
	engine, held := newEngine(logger, registry, queries), &atomic.Pointer[rules.Manager]{}
	return &workspace{
		engine: engine, rules: held,
		id: id, tenant: principal.Account + "_" + id, limits: o.Limits, db: db,
		api:      newAPI(engine, held, db, dir, logger, registry),
		rate:     newBucket(o.Limits, o.Now()),
		window:   settings.OutOfOrderWindow,
		metadata: map[string][]metadata{},
	}, nil
}

func retention(s Settings) time.Duration { return time.Duration(s.RetentionDays) * 24 * time.Hour }

func (ws *workspace) apply(s Settings) error {
	err := ws.db.ApplyConfig(&config.Config{StorageConfig: config.StorageConfig{TSDBConfig: &config.TSDBConfig{
		OutOfOrderTimeWindow: s.OutOfOrderWindow.Milliseconds(),
		Retention:            &config.TSDBRetentionConfig{Time: model.Duration(retention(s))},
	}}})
	if err != nil {
		return fmt.Errorf("could not apply settings to workspace %s: %w", ws.id, err)
	}
	ws.window = s.OutOfOrderWindow
	return nil
}

func newEngine(logger *slog.Logger, registry *prometheus.Registry, queries slots) *promql.Engine {
	return promql.NewEngine(promql.EngineOpts{
		Logger: logger, Reg: registry, MaxSamples: maxQuerySamples, Timeout: queryTimeout, LookbackDelta: lookback,
		EnableAtModifier: true, EnableNegativeOffset: true, Parser: Parser(),
		ActiveQueryTracker:       queries,
		NoStepSubqueryIntervalFn: func(int64) int64 { return defaultSubqueryStep.Milliseconds() },
	})
}

// newAPI is Prometheus' own HTTP API over the TSDB. Only the paths in
// Store.Operations reach it, so what it asks about targets and
// configuration has empty answers.
func newAPI(engine *promql.Engine, held *atomic.Pointer[rules.Manager], db *tsdb.DB, dir string, logger *slog.Logger,
	registry *prometheus.Registry) http.Handler {
	p := Parser()
	api := v1.NewAPI(engine, db, nil, db,
		func(context.Context) v1.ScrapePoolsRetriever { return nothing{} },
		func(context.Context) v1.TargetRetriever { return nothing{} },
		func(context.Context) v1.AlertmanagerRetriever { return nothing{} },
		func() config.Config { return config.DefaultConfig },
		nil, v1.GlobalURLOptions{}, func(f http.HandlerFunc) http.HandlerFunc { return f },
		stats{db}, dir, false, false, 0, logger,
		func(context.Context) v1.RulesRetriever {
			if m := held.Load(); m != nil {
				return m
			}
			return nothing{}
		},
		0, 0, 0, false, regexp.MustCompile("^$"),
		func() (v1.RuntimeInfo, error) { return v1.RuntimeInfo{}, nil },
		&v1.PrometheusVersion{},
		func() []notifications.Notification { return nil },
		func() (<-chan notifications.Notification, func(), bool) { return nil, nil, false },
		registry, registry, nil,
		false, nil, false, false, false,
		lookback, false, false, nil, features.NewRegistry(),
		v1.OpenAPIOptions{IncludePaths: []string{"/query"}}, // all paths would cost memory for a document nobody reads
		p, false, queryTimeout,
	)
	router := route.New()
	api.Register(router)
	return router
}

// nothing has no targets, alertmanagers and rules.
type nothing struct{}

func (nothing) ScrapePools() []string                                 { return nil }
func (nothing) TargetsActive() map[string][]*scrape.Target            { return nil }
func (nothing) TargetsDropped() map[string][]*scrape.Target           { return nil }
func (nothing) TargetsDroppedCounts() map[string]int                  { return nil }
func (nothing) ScrapePoolConfig(string) (*config.ScrapeConfig, error) { return nil, nil }
func (nothing) Alertmanagers() []*url.URL                             { return nil }
func (nothing) DroppedAlertmanagers() []*url.URL                      { return nil }
func (nothing) RuleGroups() []*rules.Group                            { return nil }
func (nothing) AlertingRules() []*rules.AlertingRule                  { return nil }

// stats is what the API wants of a TSDB beyond reading it.
type stats struct{ *tsdb.DB }

func (s stats) Stats(by string, limit int) (*tsdb.Stats, error) {
	return s.Head().Stats(by, limit), nil
}
func (s stats) WALReplayStatus() (tsdb.WALReplayStatus, error) { return tsdb.WALReplayStatus{}, nil }
func (s stats) BlockMetas() ([]tsdb.BlockMeta, error)          { return s.DB.BlockMetas(), nil }
