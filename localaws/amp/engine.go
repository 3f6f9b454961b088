package amp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/alertmanager/alert"
	prometheus "github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/rules"

	"github.com/parascope/parascope/localaws/amp/alertmanager"
	"github.com/parascope/parascope/localaws/amp/dataplane"
	"github.com/parascope/parascope/localaws/amp/ruler"
	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/principal"
	"github.com/parascope/parascope/localaws/state"
)

const (
	silences    = "amp-silences"      // bucket: workspace id → snapshot of Alertmanager's
	lookAgain   = 2 * time.Second     // how often files are looked at that come into force by the clock
	servicePart = "aps.amazonaws.com" // who AMP is when it publishes
)

// engines are what runs for workspaces that have rules or a definition in force. A
// workspace without costs nothing.
type engines struct {
	mu      sync.Mutex
	all     map[string]*engine
	woken   chan struct{} // holds a token when something may have changed
	ctx     context.Context
	stop    context.CancelFunc
	stopped chan struct{}
}

// engine evaluates the rules of a workspace, and notifies.
type engine struct {
	workspace  *dataplane.Evaluated
	ruler      *ruler.Ruler
	alerts     *alertmanager.Alertmanager // nil without a definition in force
	files      map[string][]byte
	definition []byte
	offset     time.Duration
	mu         sync.RWMutex // guards alerts
}

// wake has the engines look at what is in force, soon.
func (a *AMP) wake() {
	select {
	case a.engines.woken <- struct{}{}:
	default:
	}
}

// Start evaluates rules until Close. Of ctx only the values count.
func (a *AMP) Start(ctx context.Context) {
	e := &a.engines
	e.mu.Lock()
	e.ctx, e.stop = context.WithCancel(context.WithoutCancel(ctx))
	e.stopped = make(chan struct{})
	e.mu.Unlock()
	a.wake()
	go a.watch(e.ctx)
}

// watch brings the engines to what is in force. It sleeps while no workspace has files.
func (a *AMP) watch(ctx context.Context) {
	defer close(a.engines.stopped)
	timer := time.NewTimer(lookAgain)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-a.engines.woken:
		case <-timer.C:
		}
		more, err := a.bringUp(ctx)
		if err != nil {
			a.opts.Logger.Error("could not start the rule evaluation and the alert manager", "err", err)
		}
		timer.Stop()
		if more {
			timer.Reset(lookAgain)
		}
	}
}

// bringUp starts, changes and stops engines. more says that there are files, whose state
// the clock may change.
func (a *AMP) bringUp(ctx context.Context) (more bool, err error) {
	e := &a.engines
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ctx == nil || e.ctx.Err() != nil {
		return false, nil
	}
	now := a.opts.Now()
	want := map[string]*inForce{}
	if err := a.opts.State.View(func(tx *state.Tx) error { return collect(tx, now, want) }); err != nil {
		return false, err
	}
	var errs []error
	for id := range e.all {
		if w := want[id]; w == nil || w.nothing() {
			e.all[id].close()
			delete(e.all, id)
		}
	}
	for id, w := range want {
		if w.nothing() {
			continue
		}
		if err := a.bringUpOne(e.ctx, id, w); err != nil {
			errs = append(errs, fmt.Errorf("workspace %s: %w", id, err))
		}
	}
	return len(want) > 0, errors.Join(errs...)
}

// inForce is what a workspace works by.
type inForce struct {
	files      map[string][]byte
	definition []byte
	settings   dataplane.Settings
	region     string
}

func (w *inForce) nothing() bool { return len(w.files) == 0 && w.definition == nil }

// collect reads what is in force in the workspaces that have files.
func collect(tx *state.Tx, now time.Time, want map[string]*inForce) error {
	at := func(id string) *inForce {
		if want[id] == nil {
			want[id] = &inForce{files: map[string][]byte{}}
		}
		return want[id]
	}
	if err := tx.ForEach(namespaces, func(_ string, decode func(any) error) error {
		var n namespace
		if err := decode(&n); err != nil || n.gone(now) {
			return err
		}
		w := at(n.WorkspaceID)
		if data := n.inForce(now); data != nil {
			w.files[n.Name] = data
		}
		return nil
	}); err != nil {
		return err
	}
	if err := tx.ForEach(definitions, func(id string, decode func(any) error) error {
		var d document
		if err := decode(&d); err != nil || d.gone(now) {
			return err
		}
		at(id).definition = d.inForce(now)
		return nil
	}); err != nil {
		return err
	}
	for id, w := range want {
		var ws workspace
		found, err := tx.Get(workspaces, id, &ws)
		if err != nil {
			return err
		}
		if !found || ws.status(now) != active {
			delete(want, id)
			continue
		}
		w.settings, w.region = ws.Configuration.settings(), ws.Region
	}
	return nil
}

// bringUpOne brings one engine to what is in force.
func (a *AMP) bringUpOne(ctx context.Context, id string, w *inForce) error {
	e := a.engines.all[id]
	if e == nil {
		opened, err := a.data.Evaluated(id, w.settings)
		if err != nil {
			return err
		}
		e = &engine{workspace: opened}
		e.ruler = ruler.Open(ctx, ruler.Options{Logger: a.opts.Logger, Now: a.opts.Now, Workspace: opened, Query: opened.Query, Use: opened.Use,
			Notify: func(ctx context.Context, alerts []*rules.Alert) { a.notify(ctx, e, alerts) }, Manual: a.opts.ManualRules})
		opened.Show(e.ruler.Manager())
		a.engines.all[id] = e
	}
	if !maps.EqualFunc(e.files, w.files, bytes.Equal) || e.offset != w.settings.RuleQueryOffset {
		if err := e.ruler.Apply(w.files, w.settings.RuleQueryOffset); err != nil {
			return err
		}
		e.files, e.offset = w.files, w.settings.RuleQueryOffset
	}
	if bytes.Equal(e.definition, w.definition) {
		return nil
	}
	if err := a.define(ctx, e, id, w); err != nil {
		return err
	}
	e.definition = w.definition
	return nil
}

// define puts an alert manager definition in force; nil stops the alert manager.
func (a *AMP) define(ctx context.Context, e *engine, id string, w *inForce) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if w.definition == nil {
		if e.alerts != nil {
			e.alerts.Close()
		}
		e.alerts = nil
		return nil
	}
	d, err := alertmanager.ReadDefinition(w.definition)
	if err != nil {
		return err
	}
	if e.alerts == nil {
		var saved struct{ Data []byte }
		if err := a.opts.State.View(func(tx *state.Tx) error { _, err := tx.Get(silences, id, &saved); return err }); err != nil {
			return err
		}
		e.alerts, err = alertmanager.Open(ctx, alertmanager.Options{
			Logger: a.opts.Logger, Ahead: func() time.Duration { return time.Until(a.opts.Now()).Round(time.Millisecond) },
			Silences: saved.Data,
			SaveSilences: func(snapshot []byte) error {
				saved.Data = snapshot
				return a.opts.State.Update(func(tx *state.Tx) error { return tx.Put(silences, id, saved) })
			},
			Publish: func(ctx context.Context, region string, m alertmanager.Message) (bool, error) {
				return a.publish(ctx, w.region, id, region, m)
			},
		})
		if err != nil {
			return err
		}
	}
	return e.alerts.Apply(d)
}

// notify hands alerts of rules to the alert manager, where there is one.
func (a *AMP) notify(ctx context.Context, e *engine, alerts []*rules.Alert) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if e.alerts == nil || len(alerts) == 0 {
		return
	}
	var all []*alert.Alert
	for _, x := range alerts {
		one := &alert.Alert{Alert: prometheus.Alert{Labels: prometheus.LabelSet{}, Annotations: prometheus.LabelSet{}, StartsAt: x.FiredAt,
			EndsAt:       x.ValidUntil,
			GeneratorURL: "/graph"}}
		if !x.ResolvedAt.IsZero() {
			one.EndsAt = x.ResolvedAt
		}
		for name, value := range x.Labels.Map() {
			one.Labels[prometheus.LabelName(name)] = prometheus.LabelValue(value)
		}
		for name, value := range x.Annotations.Map() {
			one.Annotations[prometheus.LabelName(name)] = prometheus.LabelValue(value)
		}
		all = append(all, one)
	}
	if err := e.alerts.Put(ctx, all...); err != nil {
		a.opts.Logger.Warn("could not send alerts to the alert manager", "err", err)
	}
}

// publish sends a message to a topic of SNS, as AMP on behalf of a workspace.
func (a *AMP) publish(ctx context.Context, home, id, region string, m alertmanager.Message) (retry bool, err error) {
	if a.opts.Call == nil {
		return false, errors.New("could not publish to SNS: the local cloud runs without SNS")
	}
	form := url.Values{"TopicArn": {m.TopicARN}, "Message": {m.Text}}
	if m.Subject != "" {
		form.Set("Subject", m.Subject)
	}
	for i, name := range slices.Sorted(maps.Keys(m.Attributes)) {
		at := "MessageAttributes.entry." + strconv.Itoa(i+1)
		form.Set(at+".Name", name)
		form.Set(at+".Value.DataType", "String")
		form.Set(at+".Value.StringValue", m.Attributes[name])
	}
	answer, err := a.opts.Call(ctx, principal.Principal{Account: principal.Account, ARN: servicePart, UserID: servicePart}, gateway.Call{
		Service: "sns", Operation: "Publish", Region: region, Form: form, Keys: map[string][]string{
			"aws:SourceAccount": {principal.Account}, "aws:SourceArn": {(&workspace{ID: id, Region: home}).arn()},
		}})
	if err != nil {
		return true, err
	}
	if answer.Status >= http.StatusBadRequest {
		return answer.Status >= http.StatusInternalServerError,
			fmt.Errorf("could not publish to %s: status %d: %s", m.TopicARN, answer.Status, strings.TrimSpace(string(answer.Body)))
	}
	return false, nil
}

// EvaluateRules brings the engines to what is in force, and evaluates all rules at the
// cloud's time. Tests call it that move the clock.
func (a *AMP) EvaluateRules(ctx context.Context) error {
	if _, err := a.bringUp(ctx); err != nil {
		return err
	}
	a.engines.mu.Lock()
	all := slices.Collect(maps.Values(a.engines.all))
	a.engines.mu.Unlock()
	var errs []error
	for _, e := range all {
		errs = append(errs, e.ruler.Evaluate(ctx))
	}
	return errors.Join(errs...)
}

func (e *engine) close() {
	e.workspace.Show(nil)
	e.ruler.Close()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.alerts != nil {
		e.alerts.Close()
		e.alerts = nil
	}
}

// close ends all engines, before their workspaces are closed.
func (e *engines) close() {
	e.mu.Lock()
	started := e.stop != nil
	if started {
		e.stop()
	}
	all := slices.Collect(maps.Values(e.all))
	e.all = map[string]*engine{}
	e.mu.Unlock()
	for _, one := range all {
		one.close()
	}
	if started {
		<-e.stopped
	}
}
