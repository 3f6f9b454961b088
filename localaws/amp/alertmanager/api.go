package alertmanager

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/alertmanager/dispatch"
	"github.com/prometheus/alertmanager/pkg/labels"
	"github.com/prometheus/alertmanager/silence"
	"github.com/prometheus/alertmanager/silence/silencepb"
	"github.com/prometheus/common/model"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// Alert is one as Alertmanager's API v2 has it.
type Alert struct {
	Annotations  map[string]string `json:"annotations"`
	EndsAt       time.Time         `json:"endsAt"`
	Fingerprint  string            `json:"fingerprint,omitempty"`
	Receivers    []Receiver        `json:"receivers,omitempty"`
	StartsAt     time.Time         `json:"startsAt"`
	Status       *Status           `json:"status,omitempty"`
	UpdatedAt    time.Time         `json:"updatedAt"`
	GeneratorURL string            `json:"generatorURL,omitempty"`
	Labels       map[string]string `json:"labels"`
}

// Receiver is one by its name.
type Receiver struct {
	Name string `json:"name"`
}

// Status is what an alert is notified of, or not.
type Status struct {
	InhibitedBy []string `json:"inhibitedBy"`
	MutedBy     []string `json:"mutedBy"`
	SilencedBy  []string `json:"silencedBy"`
	State       string   `json:"state"`
}

// Group is a group of alerts.
type Group struct {
	Alerts   []Alert           `json:"alerts"`
	Labels   map[string]string `json:"labels"`
	Receiver Receiver          `json:"receiver"`
}

// filter is what a request asks to see.
type filter struct {
	matchers                    []*labels.Matcher
	active, silenced, inhibited bool
	receiver                    func(string) bool
}

// BadRequest is what a request is refused for.
type BadRequest struct{ Message string }

func (e *BadRequest) Error() string { return e.Message }

func readFilter(query url.Values) (f filter, err error) {
	for _, text := range query["filter"] {
		m, err := labels.ParseMatcher(text)
		if err != nil {
			return f, &BadRequest{"bad matcher format: " + err.Error()}
		}
		f.matchers = append(f.matchers, m)
	}
	f.active, f.silenced, f.inhibited = query.Get("active") != "false", query.Get("silenced") != "false", query.Get("inhibited") != "false"
	f.receiver = func(string) bool { return true }
	if pattern := query.Get("receiver"); pattern != "" {
		m, err := labels.NewMatcher(labels.MatchRegexp, "receiver", pattern)
		if err != nil {
			return f, &BadRequest{"failed to parse receiver param: " + err.Error()}
		}
		f.receiver = m.Matches
	}
	return f, nil
}

func (f filter) wants(a *alert.Alert, s alert.AlertStatus) bool {
	matches := !slices.ContainsFunc(f.matchers, func(m *labels.Matcher) bool { return !m.Matches(string(a.Labels[model.LabelName(m.Name)])) })
	return matches && (f.active || s.State != alert.AlertStateActive) && (f.silenced || len(s.SilencedBy) == 0) &&
		(f.inhibited || len(s.InhibitedBy) == 0) && !a.Resolved()
}

// Alerts serves GET alerts.
func (a *Alertmanager) Alerts(ctx context.Context, query url.Values) ([]Alert, error) {
	f, err := readFilter(query)
	if err != nil {
		return nil, err
	}
	a.mu.RLock()
	defer a.mu.RUnlock()
	all := a.alerts.GetPending()
	defer all.Close()
	out := []Alert{}
	for x := range all.Next() {
		status := a.status(ctx, x.Data.Labels)
		var receivers []string
		for _, r := range a.route.Match(x.Data.Labels) {
			receivers = append(receivers, r.RouteOpts.Receiver)
		}
		if slices.ContainsFunc(receivers, f.receiver) && f.wants(x.Data, status) {
			out = append(out, a.shown(x.Data, status, receivers))
		}
	}
	slices.SortFunc(out, func(x, y Alert) int { return strings.Compare(x.Fingerprint, y.Fingerprint) })
	return out, all.Err()
}

// shown is an alert with the cloud's times.
func (a *Alertmanager) shown(x *alert.Alert, s alert.AlertStatus, receivers []string) Alert {
	ahead := a.opts.Ahead()
	out := Alert{
		Annotations: texts(x.Annotations), Labels: texts(x.Labels), EndsAt: x.EndsAt.Add(ahead).UTC(), StartsAt: x.StartsAt.Add(ahead).UTC(),
		UpdatedAt: x.UpdatedAt.Add(ahead).UTC(), Fingerprint: x.Fingerprint().String(), GeneratorURL: x.GeneratorURL,
		Status: &Status{InhibitedBy: append([]string{}, s.InhibitedBy...), MutedBy: []string{}, SilencedBy: append([]string{}, s.SilencedBy...),
			State: string(s.State)},
	}
	for _, r := range receivers {
		out.Receivers = append(out.Receivers, Receiver{r})
	}
	return out
}

func texts(set model.LabelSet) map[string]string {
	out := map[string]string{}
	for name, value := range set {
		out[string(name)] = string(value)
	}
	return out
}

// AlertGroups serves GET alerts/groups.
func (a *Alertmanager) AlertGroups(ctx context.Context, query url.Values) ([]Group, error) {
	f, err := readFilter(query)
	if err != nil {
		return nil, err
	}
	a.mu.RLock()
	defer a.mu.RUnlock()
	groups, receivers, err := a.dispatcher.Groups(ctx, func(r *dispatch.Route) bool { return f.receiver(r.RouteOpts.Receiver) },
		func(x *alert.Alert, _ time.Time) bool { return f.wants(x, a.status(ctx, x.Labels)) })
	if err != nil {
		return nil, fmt.Errorf("could not read alert groups: %w", err)
	}
	out := []Group{}
	for _, g := range groups {
		one := Group{Alerts: []Alert{}, Labels: texts(g.Labels), Receiver: Receiver{g.Receiver}}
		for _, x := range g.Alerts {
			one.Alerts = append(one.Alerts, a.shown(x, a.status(ctx, x.Labels), receivers[x.Fingerprint()]))
		}
		out = append(out, one)
	}
	return out, nil
}

// PostAlerts serves POST alerts.
func (a *Alertmanager) PostAlerts(ctx context.Context, body []byte) error {
	var in []Alert
	if err := json.Unmarshal(body, &in); err != nil {
		return &BadRequest{"parsing alerts body failed"}
	}
	var all []*alert.Alert
	for _, x := range in {
		all = append(all, &alert.Alert{Alert: model.Alert{Labels: set(x.Labels), Annotations: set(x.Annotations), StartsAt: x.StartsAt,
			EndsAt: x.EndsAt, GeneratorURL: x.GeneratorURL}})
	}
	if err := a.Put(ctx, all...); err != nil {
		return &BadRequest{err.Error()}
	}
	return nil
}

func set(texts map[string]string) model.LabelSet {
	out := model.LabelSet{}
	for name, value := range texts {
		out[model.LabelName(name)] = model.LabelValue(value)
	}
	return out
}

// Receivers serves GET receivers.
func (a *Alertmanager) Receivers() []Receiver {
	a.mu.RLock()
	defer a.mu.RUnlock()
	out := []Receiver{}
	for _, r := range a.definition.Config.Receivers {
		out = append(out, Receiver{r.Name})
	}
	return out
}

// Original is the configuration as it was given.
func (a *Alertmanager) Original() string {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.definition.Original
}

// Matcher is one of a silence.
type Matcher struct {
	Name    string `json:"name"`
	Value   string `json:"value"`
	IsRegex bool   `json:"isRegex"`
	IsEqual *bool  `json:"isEqual,omitempty"`
}

// Silence is one as Alertmanager's API v2 has it.
type Silence struct {
	ID        string            `json:"id"`
	Status    map[string]string `json:"status,omitempty"`
	UpdatedAt *time.Time        `json:"updatedAt,omitempty"`
	Comment   string            `json:"comment"`
	CreatedBy string            `json:"createdBy"`
	EndsAt    time.Time         `json:"endsAt"`
	StartsAt  time.Time         `json:"startsAt"`
	Matchers  []Matcher         `json:"matchers"`
}

// matcherTypes are a matcher's types by [isRegex][isEqual].
var matcherTypes = map[[2]bool]silencepb.Matcher_Type{
	{false, true}: silencepb.Matcher_EQUAL, {false, false}: silencepb.Matcher_NOT_EQUAL,
	{true, true}: silencepb.Matcher_REGEXP, {true, false}: silencepb.Matcher_NOT_REGEXP,
}

// PutSilence serves POST silences: a new one, or the next version of that with its id.
func (a *Alertmanager) PutSilence(ctx context.Context, body []byte) (id string, err error) {
	var in Silence
	if err := json.Unmarshal(body, &in); err != nil {
		return "", &BadRequest{"parsing silence body failed"}
	}
	ahead := a.opts.Ahead()
	starts, ends := back(in.StartsAt, ahead), back(in.EndsAt, ahead)
	switch {
	case !starts.Before(ends):
		return "", &BadRequest{"Failed to create silence: start time must be before end time"}
	case ends.Before(time.Now()):
		return "", &BadRequest{"Failed to create silence: end time can't be in the past"}
	}
	set := &silencepb.MatcherSet{}
	for _, m := range in.Matchers {
		set.Matchers = append(set.Matchers, &silencepb.Matcher{Name: m.Name, Pattern: m.Value,
			Type: matcherTypes[[2]bool{m.IsRegex, m.IsEqual == nil || *m.IsEqual}]})
	}
	s := &silencepb.Silence{Id: in.ID, MatcherSets: []*silencepb.MatcherSet{set}, StartsAt: timestamppb.New(starts),
		EndsAt:    timestamppb.New(ends),
		CreatedBy: in.CreatedBy, Comment: in.Comment}
	if err := a.silences.Set(ctx, s); err != nil {
		if errors.Is(err, silence.ErrNotFound) {
			return "", err
		}
		return "", &BadRequest{err.Error()}
	}
	return s.Id, a.save()
}

// ErrNoSilence is for a silence that is not there.
var ErrNoSilence = silence.ErrNotFound

func (a *Alertmanager) save() error {
	var b bytes.Buffer
	if _, err := a.silences.Snapshot(&b); err != nil {
		return fmt.Errorf("could not save silences: %w", err)
	}
	return a.opts.SaveSilences(b.Bytes())
}

// Silences serves GET silences, newest first as Alertmanager has them within their states.
func (a *Alertmanager) Silences(ctx context.Context, query url.Values) ([]Silence, error) {
	f, err := readFilter(query)
	if err != nil {
		return nil, err
	}
	all, _, err := a.silences.Query(ctx)
	if err != nil {
		return nil, fmt.Errorf("could not read silences: %w", err)
	}
	out := []Silence{}
	for _, s := range all {
		one := a.silence(s)
		if !slices.ContainsFunc(f.matchers, func(m *labels.Matcher) bool { return !silenceMatches(one, m) }) {
			out = append(out, one)
		}
	}
	order := map[string]int{"active": 0, "pending": 1, "expired": 2}
	slices.SortStableFunc(out, func(x, y Silence) int {
		if d := order[x.Status["state"]] - order[y.Status["state"]]; d != 0 {
			return d
		}
		return x.EndsAt.Compare(y.EndsAt)
	})
	return out, nil
}

// silenceMatches: a filter of silences is about what their matchers are for.
func silenceMatches(s Silence, m *labels.Matcher) bool {
	value := ""
	for _, x := range s.Matchers {
		if x.Name == m.Name {
			value = x.Value
		}
	}
	return m.Matches(value)
}

// Silence serves GET silence/ID.
func (a *Alertmanager) Silence(ctx context.Context, id string) (Silence, error) {
	all, _, err := a.silences.Query(ctx, silence.QIDs(id))
	if err != nil {
		return Silence{}, fmt.Errorf("could not read silence %s: %w", id, err)
	}
	if len(all) == 0 {
		return Silence{}, ErrNoSilence
	}
	return a.silence(all[0]), nil
}

// EndSilence serves DELETE silence/ID: the silence expires.
func (a *Alertmanager) EndSilence(ctx context.Context, id string) error {
	if err := a.silences.Expire(ctx, id); err != nil {
		return err
	}
	return a.save()
}

func (a *Alertmanager) silence(s *silencepb.Silence) Silence {
	ahead := a.opts.Ahead()
	updated := s.UpdatedAt.AsTime().Add(ahead)
	out := Silence{ID: s.Id, UpdatedAt: &updated, Comment: s.Comment, CreatedBy: s.CreatedBy, StartsAt: s.StartsAt.AsTime().Add(ahead),
		EndsAt: s.EndsAt.AsTime().Add(ahead), Matchers: []Matcher{},
		Status: map[string]string{"state": string(silence.CurrentState(s.StartsAt.AsTime(), s.EndsAt.AsTime()))}}
	for _, group := range s.MatcherSets {
		for _, m := range group.Matchers {
			regex := m.Type == silencepb.Matcher_REGEXP || m.Type == silencepb.Matcher_NOT_REGEXP
			equal := m.Type == silencepb.Matcher_EQUAL || m.Type == silencepb.Matcher_REGEXP
			out.Matchers = append(out.Matchers, Matcher{m.Name, m.Pattern, regex, &equal})
		}
	}
	return out
}

// StatusOf is the HTTP status and text of an error of the functions above.
func StatusOf(err error) (int, string) {
	if bad, ok := errors.AsType[*BadRequest](err); ok {
		return http.StatusBadRequest, bad.Message
	}
	if errors.Is(err, ErrNoSilence) {
		return http.StatusNotFound, err.Error()
	}
	return http.StatusInternalServerError, err.Error()
}
