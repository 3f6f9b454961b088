package ruler

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/storage"

	"github.com/parascope/parascope/localaws/amp/dataplane"
)

// DefaultInterval is that of groups that name none.
const DefaultInterval = time.Minute

const resendDelay = time.Minute // of an alert that still fires, to the alert manager

// Workspace is what rules are evaluated on and write to.
type Workspace interface {
	storage.AppendableV2
	storage.Queryable
}

// Options are what a Ruler is made of.
type Options struct {
	Logger    *slog.Logger
	Now       func() time.Time
	Workspace Workspace
	Query     rules.QueryFunc
	// Use calls f while the workspace is open, and not at all when it is closed.
	Use    func(f func()) error
	Notify func(ctx context.Context, alerts []*rules.Alert)
	// Manual: groups are evaluated by Evaluate only.
	Manual bool
}

// Ruler evaluates the rules of one workspace.
type Ruler struct {
	opts    Options
	manager *rules.Manager
	files   *files
	offset  atomic.Int64

	evaluating sync.Mutex
}

// Open starts a Ruler without rules. It runs until Close.
func Open(ctx context.Context, o Options) *Ruler {
	r := &Ruler{opts: o, files: &files{}}
	r.manager = rules.NewManager(&rules.ManagerOptions{
		NameValidationScheme: model.LegacyValidation, ExternalURL: &url.URL{}, Context: ctx, Logger: o.Logger, QueryFunc: o.Query,
		AppendableV2: o.Workspace, Queryable: o.Workspace, OutageTolerance: time.Hour, ForGracePeriod: 10 * time.Minute,
		ResendDelay: resendDelay,
		GroupLoader: r.files, Parser: dataplane.Parser(),
		DefaultRuleQueryOffset: func() time.Duration { return time.Duration(r.offset.Load()) },
		NotifyFunc:             func(ctx context.Context, _ string, alerts ...*rules.Alert) { o.Notify(ctx, alerts) },
	})
	if o.Manual {
		// What a group remembers of the time before a restart comes with its own ticks.
		_ = r.manager.Update(DefaultInterval, nil, labels.EmptyLabels(), "", r.iterate) // no files: nothing to fail
	}
	go r.manager.Run()
	return r
}

// files are rules files by the name of their namespace, which rules.Manager takes for files.
type files struct {
	mu  sync.Mutex
	all map[string][]byte
}

// Load reads a namespace's file.
func (f *files) Load(name string, _ bool, _ model.ValidationScheme) (*rulefmt.RuleGroups, []error) {
	f.mu.Lock()
	data := f.all[name]
	f.mu.Unlock()
	groups, err := ReadFile(name, data)
	if err != nil {
		return nil, []error{err}
	}
	return groups, nil
}

// Parse reads an expression.
func (f *files) Parse(query string) (parser.Expr, error) { return dataplane.Parser().ParseExpr(query) }

// Apply evaluates these files from now on, by the name of their namespace, at an offset
// behind the clock.
func (r *Ruler) Apply(all map[string][]byte, offset time.Duration) error {
	r.offset.Store(int64(offset))
	r.files.mu.Lock()
	r.files.all = all
	r.files.mu.Unlock()
	if err := r.manager.Update(DefaultInterval, slices.Sorted(maps.Keys(all)), labels.EmptyLabels(), "", r.iterate); err != nil {
		return fmt.Errorf("could not apply rules: %w", err)
	}
	return nil
}

// iterate evaluates a group when its time has come.
func (r *Ruler) iterate(ctx context.Context, g *rules.Group, _ time.Time) {
	if r.opts.Manual {
		return
	}
	// The slot by the local cloud's clock, which need not be the machine's.
	if err := r.evaluate(ctx, g, g.EvalTimestamp(r.opts.Now().UnixNano())); err != nil {
		r.opts.Logger.Debug("could not evaluate rules", "group", g.Name(), "err", err)
	}
}

func (r *Ruler) evaluate(ctx context.Context, g *rules.Group, at time.Time) error {
	r.evaluating.Lock()
	defer r.evaluating.Unlock()
	return r.opts.Use(func() { rules.DefaultEvalIterationFunc(ctx, g, at) })
}

// Evaluate evaluates all groups now.
func (r *Ruler) Evaluate(ctx context.Context) error {
	var errs []error
	for _, g := range r.manager.RuleGroups() {
		errs = append(errs, r.evaluate(ctx, g, r.opts.Now()))
	}
	return errors.Join(errs...)
}

// Manager is Prometheus' rule manager, for its HTTP API.
func (r *Ruler) Manager() *rules.Manager { return r.manager }

// Close stops the evaluation.
func (r *Ruler) Close() { r.manager.Stop() }
