package alertmanager

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/alertmanager/config"
	"github.com/prometheus/alertmanager/dispatch"
	"github.com/prometheus/alertmanager/eventrecorder"
	"github.com/prometheus/alertmanager/featurecontrol"
	"github.com/prometheus/alertmanager/inhibit"
	"github.com/prometheus/alertmanager/marker"
	"github.com/prometheus/alertmanager/nflog"
	"github.com/prometheus/alertmanager/notify"
	"github.com/prometheus/alertmanager/provider/mem"
	"github.com/prometheus/alertmanager/silence"
	"github.com/prometheus/alertmanager/template"
	"github.com/prometheus/alertmanager/timeinterval"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
)

const (
	retention   = 5 * 24 * time.Hour // of silences that have ended, and of what was notified
	maxRepeat   = 5 * 24 * time.Hour
	maxAlerts   = 1000
	maxSilences = 1000
	maxSilence  = 16 << 10 // bytes of one
	collectTime = 5 * time.Minute
)

// Options are what an Alertmanager is made of.
type Options struct {
	Logger *slog.Logger
	// Publish sends a message to a topic of SNS. retry says that another try may help.
	Publish func(ctx context.Context, region string, m Message) (retry bool, err error)
	// Ahead is how far the cloud's clock is ahead of the machine's, by which Alertmanager goes.
	Ahead func() time.Duration
	// Silences is a snapshot that SaveSilences was given; empty for none.
	Silences     []byte
	SaveSilences func(snapshot []byte) error
}

// Alertmanager is that of one workspace, with a definition in force.
type Alertmanager struct {
	opts     Options
	cancel   context.CancelFunc
	alerts   *mem.Alerts
	silences *silence.Silences
	silencer *silence.Silencer
	log      *nflog.Log
	groups   marker.GroupMarker
	builder  *notify.PipelineBuilder

	mu         sync.RWMutex // guards what a definition makes
	definition *Definition
	route      *dispatch.Route
	inhibitor  *inhibit.Inhibitor
	dispatcher *dispatch.Dispatcher
}

// Open prepares an Alertmanager, which does nothing before Apply. It runs until Close.
func Open(ctx context.Context, o Options) (*Alertmanager, error) {
	a := &Alertmanager{opts: o, groups: marker.NewGroupMarker()}
	registry := prometheus.NewRegistry()
	var err error
	settings := silence.Options{Retention: retention, Logger: o.Logger, Metrics: registry, Limits: silence.Limits{
		MaxSilences: func() int { return maxSilences }, MaxSilenceSizeBytes: func() int { return maxSilence }}}
	if len(o.Silences) > 0 {
		settings.SnapshotReader = bytes.NewReader(o.Silences)
	}
	if a.silences, err = silence.New(settings); err != nil {
		return nil, fmt.Errorf("could not open silences: %w", err)
	}
	if a.log, err = nflog.New(nflog.Options{Retention: retention, Logger: o.Logger, Metrics: registry}); err != nil {
		return nil, fmt.Errorf("could not open the notification log: %w", err)
	}
	a.silencer = silence.NewSilencer(a.silences, o.Logger, eventrecorder.Recorder{})
	ctx, a.cancel = context.WithCancel(ctx)
	a.alerts, err = mem.NewAlerts(ctx, collectTime, 0, &limited{Silencer: a.silencer}, o.Logger, eventrecorder.Recorder{}, registry,
		featurecontrol.NoopFlags{})
	if err != nil {
		a.cancel()
		return nil, fmt.Errorf("could not open alerts: %w", err)
	}
	a.builder = notify.NewPipelineBuilder(registry, featurecontrol.NoopFlags{}, eventrecorder.Recorder{})
	return a, nil
}

// limited holds the number of alerts down to AMP's.
type limited struct {
	*silence.Silencer
	mu sync.Mutex
	n  int
}

var errTooManyAlerts = errors.New("the alert manager has reached its limit of alerts")

// PreStore refuses a new alert above the limit.
func (l *limited) PreStore(a *alert.Alert, existing bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !existing && l.n >= maxAlerts {
		return errTooManyAlerts
	}
	return l.Silencer.PreStore(a, existing)
}

// PostStore counts a new alert.
func (l *limited) PostStore(a *alert.Alert, existing bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !existing {
		l.n++
	}
	l.Silencer.PostStore(a, existing)
}

// PostDelete counts one that is gone.
func (l *limited) PostDelete(a *alert.Alert) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.n--
	l.Silencer.PostDelete(a)
}

// Apply puts a definition in force, in the place of the one before.
func (a *Alertmanager) Apply(d *Definition) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	tmpl, err := d.template()
	if err != nil {
		return err
	}
	tmpl.ExternalURL = externalURL
	routes := dispatch.NewRoute(d.Config.Route, nil)
	routes.Walk(func(r *dispatch.Route) { r.RouteOpts.RepeatInterval = min(r.RouteOpts.RepeatInterval, maxRepeat) })
	receivers := map[string][]notify.Integration{}
	for _, r := range d.Config.Receivers {
		receivers[r.Name] = a.integrations(r, tmpl)
	}
	intervals := map[string][]timeinterval.TimeInterval{}
	for _, t := range d.Config.MuteTimeIntervals {
		intervals[t.Name] = t.TimeIntervals
	}
	for _, t := range d.Config.TimeIntervals {
		intervals[t.Name] = t.TimeIntervals
	}
	a.stop()
	inhibitor := inhibit.NewInhibitor(a.alerts, d.Config.InhibitRules, a.opts.Logger, eventrecorder.Recorder{})
	pipeline := a.builder.New(receivers, func() time.Duration { return 0 }, inhibitor, a.silencer, timeinterval.NewIntervener(intervals),
		a.groups, a.log, nil)
	dispatcher := dispatch.NewDispatcher(a.alerts, routes, pipeline, a.groups,
		func(d time.Duration) time.Duration { return max(d, notify.MinTimeout) }, collectTime, nil, a.opts.Logger, eventrecorder.Recorder{},
		nil, tmpl)
	go inhibitor.Run()
	inhibitor.WaitForLoading()
	go dispatcher.Run(time.Now())
	dispatcher.WaitForLoading()
	a.definition, a.route, a.inhibitor, a.dispatcher = d, routes, inhibitor, dispatcher
	return nil
}

// integrations are the topics of a receiver. PagerDuty is not reached from here.
func (a *Alertmanager) integrations(r config.Receiver, tmpl *template.Template) []notify.Integration {
	var all []notify.Integration
	for i, c := range r.SNSConfigs {
		n := &notifier{conf: c, tmpl: tmpl, publish: a.opts.Publish, logger: a.opts.Logger}
		all = append(all, notify.NewIntegration(n, c, "sns", i, r.Name))
	}
	return all
}

func (a *Alertmanager) stop() {
	if a.inhibitor != nil {
		a.inhibitor.Stop()
		a.dispatcher.Stop()
	}
}

// Put takes alerts, whose times are the cloud's. Those above AMP's limit are refused.
func (a *Alertmanager) Put(ctx context.Context, all ...*alert.Alert) error {
	ahead, now := a.opts.Ahead(), time.Now()
	var good []*alert.Alert
	var errs []error
	for _, x := range all {
		x.StartsAt, x.EndsAt, x.UpdatedAt = back(x.StartsAt, ahead), back(x.EndsAt, ahead), now
		if x.StartsAt.IsZero() {
			x.StartsAt = now
			if !x.EndsAt.IsZero() {
				x.StartsAt = x.EndsAt
			}
		}
		if x.EndsAt.IsZero() {
			a.mu.RLock()
			x.Timeout, x.EndsAt = true, now.Add(time.Duration(a.definition.Config.Global.ResolveTimeout))
			a.mu.RUnlock()
		}
		for name, value := range x.Labels {
			if value == "" {
				delete(x.Labels, name)
			}
		}
		if err := x.Validate(); err != nil {
			errs = append(errs, err)
			continue
		}
		good = append(good, x)
	}
	return errors.Join(errors.Join(errs...), a.alerts.Put(ctx, good...))
}

// back is a time of the local cloud's clock by the machine's.
func back(t time.Time, ahead time.Duration) time.Time {
	if t.IsZero() {
		return t
	}
	return t.Add(-ahead)
}

// Close stops it; what waits in groups is not notified.
func (a *Alertmanager) Close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.stop()
	a.alerts.Close()
	a.cancel()
}

// status is an alert's, by what silences and inhibits it now.
func (a *Alertmanager) status(ctx context.Context, labels model.LabelSet) alert.AlertStatus {
	m := marker.NewAlertMarker()
	ctx = marker.WithContext(ctx, m)
	a.inhibitor.Mutes(ctx, labels)
	a.silencer.Mutes(ctx, labels)
	return m.Status(labels.Fingerprint())
}
