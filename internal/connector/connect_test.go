package connector_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/amp"
	amg "github.com/aws/aws-sdk-go-v2/service/grafana"
	"github.com/google/go-cmp/cmp"

	"github.com/parascope/parascope/internal/connector"
	"github.com/parascope/parascope/internal/connector/result"
	"github.com/parascope/parascope/internal/dashboard"
	"github.com/parascope/parascope/internal/grafana"
	"github.com/parascope/parascope/localaws"
	fault "github.com/parascope/parascope/localaws/grafana"
	"github.com/parascope/parascope/localaws/localtest/check"
)

const (
	amazonPlugin = "grafana-amazonprometheus-datasource"
	corePlugin   = "prometheus"
)

// actions are what had to be done for data sources and dashboards.
func actions(r result.Connection) []result.Action {
	var all []result.Action
	for _, d := range r.DataSources {
		all = append(all, d.Action)
	}
	for _, d := range r.Dashboards {
		all = append(all, d.Action)
	}
	return all
}

func TestFirstRunCreatesAndTheSecondChangesNothing(t *testing.T) {
	for version, plugin := range map[string]string{"10.4": corePlugin, "12.4": amazonPlugin} {
		t.Run(version, func(t *testing.T) {
			s := start(t, plan{version: version})
			first := s.connect(t)
			want := []result.DataSource{
				{Name: "Amazon Managed Prometheus", UID: "amazon-managed-prometheus", Type: plugin, Default: true, Action: result.Created,
					Health: "OK: Successfully queried the Prometheus API."},
				{Name: "CloudWatch", UID: "cloudwatch", Type: "cloudwatch", Action: result.Created, Health: first.DataSources[1].Health},
			}
			if diff := cmp.Diff(want, first.DataSources); diff != "" || !strings.HasPrefix(first.DataSources[1].Health, "OK: ") {
				t.Errorf("first run (-want +got):\n%s\n%+v", diff, first.DataSources[1])
			}
			if len(first.Dashboards) == 0 || first.GrafanaVersion != version || len(first.Warnings) > 0 ||
				first.GrafanaWorkspaceID != s.target.GrafanaWorkspaceID {
				t.Errorf("first run: %+v", first)
			}
			second := s.connect(t)
			if all := slices.Compact(actions(second)); !slices.Equal(all, []result.Action{result.Unchanged}) {
				t.Errorf("second run: %v", actions(second))
			}
			sources, err := s.person(t).DataSources(t.Context())
			check.OK(t, err)
			if len(sources) != 2 || sources[0].URL != s.endpoint || !sources[0].IsDefault {
				t.Errorf("Grafana has %+v", sources)
			}
		})
	}
}

// TestRepairs: whatever was done to the data source, one run makes it good, under
// the uid that people's dashboards refer to.
func TestRepairs(t *testing.T) {
	for name, broken := range map[string]struct {
		version string
		uid     string // that the data source must keep
		intact  bool   // whether it is good as it is
		change  func(*grafana.DataSource)
		other   *grafana.DataSource // that is there as well
	}{
		"another uid": {uid: "chosen-by-hand", intact: true, change: func(d *grafana.DataSource) { d.UID = "chosen-by-hand" }},
		"uid and no region": {uid: "chosen-by-hand", change: func(d *grafana.DataSource) {
			d.UID = "chosen-by-hand"
			delete(d.JSONData, "sigV4Region")
		}},
		"renamed":         {change: func(d *grafana.DataSource) { d.Name = "AMP of the team" }},
		"another URL":     {change: func(d *grafana.DataSource) { d.URL = "http://127.0.0.1:9/workspaces/ws-of-yesterday" }},
		"signing off":     {change: func(d *grafana.DataSource) { d.JSONData["sigV4Auth"] = false }},
		"another region":  {change: func(d *grafana.DataSource) { d.JSONData["sigV4Region"] = "eu-west-1" }},
		"not the default": {change: func(d *grafana.DataSource) { d.IsDefault = false }},
		"default elsewhere": {other: &grafana.DataSource{Name: "a team's own", Type: corePlugin, Access: "proxy", URL: "http://127.0.0.1:9",
			IsDefault: true}},
		"older type": {change: func(d *grafana.DataSource) { d.Type = corePlugin; delete(d.JSONData, "sigv4Service") }},
		"newer type": {version: "10.4", change: func(d *grafana.DataSource) { d.Type = amazonPlugin }},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, plan{version: broken.version})
			s.connect(t)
			person := s.person(t)
			sources, err := person.DataSources(t.Context())
			check.OK(t, err)
			before := sources[0]
			if broken.change != nil {
				changed := before
				changed.JSONData["customQueryParameters"] = "max_samples=1" // a setting of people's own
				broken.change(&changed)
				check.OK(t, person.UpdateDataSource(t.Context(), before.UID, changed))
			}
			if broken.other != nil {
				check.OK(t, person.CreateDataSource(t.Context(), *broken.other))
			}
			want := result.DataSource{Name: connector.PrometheusName, UID: before.UID, Type: amazonPlugin, Default: true, Action: result.Repaired,
				Health: "OK: Successfully queried the Prometheus API."}
			if broken.uid != "" {
				want.UID = broken.uid
			}
			if broken.intact {
				want.Action = result.Unchanged
			}
			if broken.version == "10.4" {
				want.Type = corePlugin
			}
			if diff := cmp.Diff(want, s.connect(t).DataSources[0]); diff != "" {
				t.Errorf("repair (-want +got):\n%s", diff)
			}
			after, err := person.DataSources(t.Context())
			check.OK(t, err)
			i := slices.IndexFunc(after, func(d grafana.DataSource) bool { return d.UID == want.UID })
			if i < 0 || after[i].Name != want.Name || after[i].URL != s.endpoint || !after[i].IsDefault || after[i].JSONData["sigV4Auth"] != true ||
				after[i].JSONData["sigV4Region"] != "us-east-2" {
				t.Errorf("Grafana has %+v", after)
			}
			if broken.change != nil && after[i].JSONData["customQueryParameters"] != "max_samples=1" {
				t.Errorf("a setting of people's own is gone: %+v", after[i].JSONData)
			}
			if again := actions(s.connect(t)); slices.Contains(again, result.Repaired) || slices.Contains(again, result.Created) {
				t.Errorf("the next run: %v", again)
			}
		})
	}
}

// TestRepairOfADashboard: what lies in our folder is ours; what was moved or changed is put
// back, and what a person made of it kept aside, once, and said.
func TestRepairOfADashboard(t *testing.T) {
	s := start(t, plan{})
	uid := s.connect(t).Dashboards[0].UID
	person := s.person(t)
	mine := grafana.Dashboard{JSON: fmt.Appendf(nil, `{"uid": %q, "title": "mine now", "panels": []}`, uid)}
	for range 2 {
		_, err := person.SaveDashboard(t.Context(), mine, "a person")
		check.OK(t, err)
		again := s.connect(t)
		got := again.Dashboards[0]
		if got.Action != result.Repaired || got.Kept == "" || len(again.Warnings) != 1 || !strings.Contains(again.Warnings[0], got.Kept) {
			t.Errorf("%+v, %q", got, again.Warnings)
		}
		if d, found, err := person.Dashboard(t.Context(), uid); err != nil || !found || d.FolderUID != "parascope" ||
			strings.Contains(string(d.JSON), "mine now") {
			t.Errorf("%v, %v: %+v", found, err, d)
		}
		content, err := dashboard.Content(mine.JSON)
		check.OK(t, err)
		kept, found, err := person.Dashboard(t.Context(), "parascope-kept-"+content)
		if err != nil || !found || kept.FolderUID != "parascope-kept" || kept.URL != got.Kept || !strings.Contains(string(kept.JSON),
			"changed by hand") {
			t.Errorf("the copy: %v, %v: %+v", found, err, kept)
		}
	}
	moved, _, err := person.Dashboard(t.Context(), uid)
	check.OK(t, err)
	moved.FolderUID = ""
	_, err = person.SaveDashboard(t.Context(), moved, "moved")
	check.OK(t, err)
	if got := s.connect(t).Dashboards[0]; got.Action != result.Repaired || got.Kept != "" {
		t.Errorf("moved: %+v", got)
	}
}

// TestDashboardThatGrafanaRewrote: what Grafana adds, or brings into another form, is no
// change of a person's, and is left as it is.
func TestDashboardThatGrafanaRewrote(t *testing.T) {
	s := start(t, plan{})
	uid := s.connect(t).Dashboards[0].UID
	person := s.person(t)
	d, _, err := person.Dashboard(t.Context(), uid)
	check.OK(t, err)
	var model map[string]any
	check.OK(t, json.Unmarshal(d.JSON, &model))
	model["elements"] = model["panels"] // as schema v2 calls them
	delete(model, "panels")
	model["schemaVersion"] = 42
	d.JSON, err = json.Marshal(model)
	check.OK(t, err)
	_, err = person.SaveDashboard(t.Context(), d, "migrated")
	check.OK(t, err)
	if got := s.connect(t); got.Dashboards[0].Action != result.Unchanged || len(got.Warnings) > 0 {
		t.Errorf("%+v, %q", got.Dashboards[0], got.Warnings)
	}
}

func TestGrafanaThatRefusesAtFirst(t *testing.T) {
	for _, status := range []int{http.StatusServiceUnavailable, http.StatusForbidden} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			s := start(t, plan{options: localaws.Options{Grafana: localaws.Grafana{Faults: map[string]fault.Fault{"": {Refuse: status,
				RefuseFor: time.Hour}}}}})
			repaired := make(chan error, 1)
			go func() {
				var err error
				for err == nil && !strings.Contains(s.log.String(), fmt.Sprint(status)) {
					select {
					case <-time.After(s.options.Poll):
					case <-t.Context().Done():
						err = errors.New("it never refused")
					}
				}
				repaired <- errors.Join(err, s.cloud.BreakGrafana(s.target.GrafanaWorkspaceID, fault.Fault{}))
			}()
			if got := s.connect(t).DataSources[0]; got.Action != result.Created {
				t.Errorf("%+v", got)
			}
			check.OK(t, <-repaired)
		})
	}
}

// TestGrafanaThatRefusesForGood ends with what Grafana said last; when it answers,
// the same command succeeds.
func TestGrafanaThatRefusesForGood(t *testing.T) {
	unavailable := map[string]fault.Fault{"": {Refuse: http.StatusServiceUnavailable, RefuseFor: time.Hour}}
	s := start(t, plan{options: localaws.Options{Grafana: localaws.Grafana{Faults: unavailable}}})
	options := s.options
	err := longer(time.Second, "503", func(wait time.Duration) error {
		s.options.GrafanaStarts = wait
		_, err := s.connector().Connect(t.Context(), s.target)
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "wait for Grafana to answer") || !strings.Contains(err.Error(), "503") {
		t.Errorf("%v", err)
	}
	s.noAccounts(t)
	check.OK(t, s.cloud.BreakGrafana(s.target.GrafanaWorkspaceID, fault.Fault{}))
	s.options = options
	s.connect(t)
}

func TestWorkspaceThatFailed(t *testing.T) {
	s := start(t, plan{})
	for _, status := range []string{"CREATION_FAILED", "FAILED"} {
		check.OK(t, s.cloud.BreakGrafana(s.target.GrafanaWorkspaceID, fault.Fault{Status: status}))
		asked := &counting{path: "GET /workspaces/" + s.target.GrafanaWorkspaceID}
		plain := s.function.HTTPClient
		s.function.HTTPClient = asked
		s.expectNow(t, s.target.GrafanaWorkspaceID+" is "+status, "Amazon Managed Grafana console")
		s.function.HTTPClient = plain
		if asked.n != 1 {
			t.Errorf("%s: the workspace was asked about %d times, want once", status, asked.n)
		}
	}
	check.OK(t, s.cloud.BreakGrafana(s.target.GrafanaWorkspaceID, fault.Fault{}))
	s.connect(t)
}

// expectNow is fail for a workspace whose accounts cannot be listed.
func (s *site) expectNow(t *testing.T, says ...string) {
	t.Helper()
	_, err := s.connector().Connect(t.Context(), s.target)
	for _, text := range says {
		if err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%v\ndoes not say %q", err, text)
		}
	}
}

func TestDegradedWorkspaceIsUsedWithAWarning(t *testing.T) {
	s := start(t, plan{})
	check.OK(t, s.cloud.BreakGrafana(s.target.GrafanaWorkspaceID, fault.Fault{Status: "DEGRADED", Reason: "the KMS key is disabled"}))
	got := s.connect(t)
	if len(got.Warnings) != 1 || !strings.Contains(got.Warnings[0], "DEGRADED") ||
		!strings.Contains(got.Warnings[0], "the KMS key is disabled") {
		t.Errorf("warnings %q", got.Warnings)
	}
	check.OK(t, s.cloud.BreakGrafana(s.target.GrafanaWorkspaceID, fault.Fault{}))
	if got := s.connect(t); len(got.Warnings) > 0 {
		t.Errorf("repaired, and still %q", got.Warnings)
	}
}

func TestWorkspaceInTheMaking(t *testing.T) {
	s := start(t, plan{options: localaws.Options{
		AMP: localaws.AMP{CreateDelay: 500 * time.Millisecond}, Grafana: localaws.Grafana{CreateDelay: 500 * time.Millisecond},
	}})
	s.connect(t)
}

func TestWorkspaceThatIsNotThere(t *testing.T) {
	s := start(t, plan{})
	target := s.target
	s.target.PrometheusWorkspaceID = "ws-00000000-0000-4000-8000-000000000000"
	s.fail(t, "describe Prometheus workspace ws-00000000-0000-4000-8000-000000000000")
	s.target = target
	s.connect(t)
}

// TestWorkspaceThatWasDeletedByHand: what is left of the stack cannot be connected,
// and the error says how to get a new workspace.
func TestWorkspaceThatWasDeletedByHand(t *testing.T) {
	s := start(t, plan{})
	_, err := amp.NewFromConfig(s.operator).DeleteWorkspace(t.Context(),
		&amp.DeleteWorkspaceInput{WorkspaceId: &s.target.PrometheusWorkspaceID})
	check.OK(t, err)
	s.fail(t, "the Prometheus workspace "+s.target.PrometheusWorkspaceID+" does not exist",
		"MonitoringType=none, then with MonitoringType=amp+amg")
	_, err = amg.NewFromConfig(s.operator).DeleteWorkspace(t.Context(), &amg.DeleteWorkspaceInput{WorkspaceId: &s.target.GrafanaWorkspaceID})
	check.OK(t, err)
	_, err = s.connector().Connect(t.Context(), s.target)
	if err == nil || !strings.Contains(err.Error(), s.target.GrafanaWorkspaceID+" does not exist") ||
		!strings.Contains(err.Error(), "MonitoringType=amp-only") || strings.Contains(err.Error(), "RequestID") {
		t.Errorf("%v", err)
	}
}

// TestRoleThatMayNotQuery: the data source is there, unhealthy, and the error says
// whose permission is missing.
func TestRoleThatMayNotQuery(t *testing.T) {
	s := start(t, plan{})
	s.withoutPolicy(t, "grafana", "QueryPolicy")
	options := s.options
	err := longer(2*time.Second, "aps:QueryMetrics", func(wait time.Duration) error {
		s.options.PermissionsSpread = wait
		_, err := s.connector().Connect(t.Context(), s.target)
		return err
	})
	s.failed(t, err, `data source "Amazon Managed Prometheus" exists, but Grafana cannot query it`, "aps:QueryMetrics",
		"the workspace's role is allowed to query Prometheus")
	s.withPolicy(t, "grafana", "QueryPolicy")
	s.options = options
	s.connect(t)
}

func TestTokenQuotaFull(t *testing.T) {
	s := start(t, plan{})
	id := s.account(t, "hoarder")
	client := amg.NewFromConfig(s.operator)
	var last string
	for i := range 100 {
		out, err := client.CreateWorkspaceServiceAccountToken(t.Context(), &amg.CreateWorkspaceServiceAccountTokenInput{
			WorkspaceId: &s.target.GrafanaWorkspaceID, ServiceAccountId: &id, Name: aws.String(fmt.Sprint("t", i)), SecondsToLive: aws.Int32(1),
		})
		check.OK(t, err)
		last = *out.ServiceAccountToken.Id
	}
	s.fail(t, "create a token in Grafana workspace "+s.target.GrafanaWorkspaceID, "limit of 100", "expired tokens count",
		"aws grafana list-workspace-service-accounts")
	_, err := client.DeleteWorkspaceServiceAccountToken(t.Context(), &amg.DeleteWorkspaceServiceAccountTokenInput{
		WorkspaceId: &s.target.GrafanaWorkspaceID, ServiceAccountId: &id, TokenId: &last})
	check.OK(t, err)
	s.connect(t)
}

func TestAccountQuotaFull(t *testing.T) {
	s := start(t, plan{})
	var last string
	for i := range 100 {
		last = s.account(t, fmt.Sprint("hoarder-", i))
	}
	s.fail(t, "create a service account in Grafana workspace "+s.target.GrafanaWorkspaceID, "limit of 100",
		"delete unused service accounts or tokens")
	_, err := amg.NewFromConfig(s.operator).DeleteWorkspaceServiceAccount(t.Context(), &amg.DeleteWorkspaceServiceAccountInput{
		WorkspaceId: &s.target.GrafanaWorkspaceID, ServiceAccountId: &last})
	check.OK(t, err)
	s.connect(t)
}

// TestLeftovers: the account of a run that was killed goes when that run's time is
// over, not before.
func TestLeftovers(t *testing.T) {
	s := start(t, plan{})
	over := fmt.Sprintf("parascope-setup-until-%d-killed", time.Now().Add(-time.Second).Unix())
	running := fmt.Sprintf("parascope-setup-until-%d-runs", time.Now().Add(time.Hour).Unix())
	s.account(t, over)
	s.account(t, running)
	s.account(t, "somebody-else")
	_, err := s.connector().Connect(t.Context(), s.target)
	check.OK(t, err)
	if diff := cmp.Diff([]string{running}, s.accounts(t)); diff != "" {
		t.Errorf("accounts of ours (-want +got):\n%s", diff)
	}
}

// cutting cancels a context as soon as AWS has answered a request: what was asked
// for is done, and whoever asked does not get to know.
type cutting struct {
	at     int // which request
	cancel context.CancelFunc
	seen   int
}

func (c *cutting) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(r)
	if c.seen++; c.seen == c.at {
		c.cancel()
	}
	if gone := r.Context().Err(); err == nil && gone != nil {
		resp.Body.Close()
		return nil, gone
	}
	return resp, err
}

// TestCancelled: wherever a run is interrupted, nothing of it stays.
func TestCancelled(t *testing.T) {
	s := start(t, plan{})
	calls := 1
	for at := 1; at <= calls; at++ {
		ctx, cancel := context.WithCancel(t.Context())
		transport := &cutting{at: at, cancel: cancel}
		cfg := s.function.Copy()
		cfg.HTTPClient = &http.Client{Transport: transport}
		c := s.connector()
		c.Grafana, c.Prometheus = amg.NewFromConfig(cfg), amp.NewFromConfig(cfg)
		_, err := c.Connect(ctx, s.target)
		cancel()
		calls = max(calls, transport.seen, at+1)
		if transport.seen < at {
			break // this run went through
		}
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled at call %d: %v", at, err)
		}
		s.noAccounts(t)
	}
	if calls < 6 {
		t.Errorf("cancelled in %d places, want one after each call to AWS", calls)
	}
	s.connect(t)
}

// losing loses the first answer to every kind of request that makes or deletes
// something, as a connection that breaks does.
type losing struct{ lost map[string]bool }

func (l *losing) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(r)
	kind := fmt.Sprint(r.Method, strings.Count(r.URL.Path, "/"))
	if err != nil || r.Method == http.MethodGet || l.lost[kind] {
		return resp, err
	}
	l.lost[kind] = true
	resp.Body.Close()
	return nil, &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
}

// TestLostAnswers: the SDK asks again for what is done already. A token's key cannot
// be asked for twice; that run fails, leaves nothing, and the next one succeeds.
func TestLostAnswers(t *testing.T) {
	s := start(t, plan{})
	transport := &losing{lost: map[string]bool{}}
	cfg := s.function.Copy()
	cfg.HTTPClient, cfg.RetryMaxAttempts = &http.Client{Transport: transport}, 3
	for run := range 2 {
		c := s.connector()
		c.Grafana = amg.NewFromConfig(cfg)
		_, err := c.Connect(t.Context(), s.target)
		if run == 0 && (err == nil || !strings.Contains(err.Error(), "create a token")) || run == 1 && err != nil {
			t.Errorf("run %d: %v", run, err)
		}
		s.noAccounts(t)
	}
	if len(transport.lost) != 3 {
		t.Errorf("lost answers to %v, want one for the account, the token and the deletion", transport.lost)
	}
}

func TestTwoRunsAtOnce(t *testing.T) {
	for range 5 {
		s := start(t, plan{})
		var runs sync.WaitGroup
		for range 2 {
			runs.Go(func() {
				if _, err := s.connector().Connect(t.Context(), s.target); err != nil {
					t.Error(err)
				}
			})
		}
		runs.Wait()
		s.noAccounts(t)
		sources, err := s.person(t).DataSources(t.Context())
		if err != nil || len(sources) != 2 {
			t.Errorf("%v: %+v", err, sources)
		}
	}
}
