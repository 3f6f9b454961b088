package connector_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/cfn"
	"github.com/google/go-cmp/cmp"

	"github.com/parascope/parascope/internal/connector"
	"github.com/parascope/parascope/internal/connector/result"
	"github.com/parascope/parascope/localaws/localtest/check"
)

// keptFree is what the function keeps of its time for signing out and answering.
const keptFree = 45 * time.Second

// answered is what CloudFormation would read.
type answered struct {
	Status, Reason, PhysicalResourceID string
	Data                               map[string]string
}

// function is the setup function over the site, in this process.
func (s *site) setup() *connector.Function {
	return &connector.Function{Connector: s.connector(), Default: s.target, HTTP: &http.Client{Timeout: time.Minute},
		Logger: slog.New(slog.NewTextHandler(s.log, nil)), Results: s.log}
}

// request lets the function handle a request of CloudFormation's within a time, and
// returns the one answer that it gave.
func (s *site) request(t *testing.T, event cfn.Event, within time.Duration) answered {
	t.Helper()
	answers := make(chan answered, 4)
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var a answered
		if err != nil || json.Unmarshal(body, &a) != nil || len(body) > 4096 {
			t.Errorf("answered %d bytes, %v: %s", len(body), err, body)
		}
		noSecret(t, "the answer", string(body))
		answers <- a
	}))
	defer srv.Close()
	event.ResponseURL = srv.URL + "/answer?X-Amz-Signature=hush"
	event.RequestID, event.StackID, event.LogicalResourceID = "r-1", "arn:aws:cloudformation:us-east-2:111122223333:stack/s/1", "Connection"
	payload, err := json.Marshal(event)
	check.OK(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	out, err := s.setup().Invoke(ctx, payload)
	if err != nil || len(out) > 0 {
		t.Errorf("the invocation ended with %q, %v", out, err)
	}
	if ctx.Err() != nil {
		t.Errorf("it took longer than the %v it had", within)
	}
	if n := len(answers); n != 1 {
		t.Fatalf("%d answers, want one", n)
	}
	return <-answers
}

func (s *site) properties() map[string]any {
	return map[string]any{"GrafanaWorkspaceId": s.target.GrafanaWorkspaceID, "PrometheusWorkspaceId": s.target.PrometheusWorkspaceID}
}

func TestLifeOfTheCustomResource(t *testing.T) {
	s := start(t, plan{})
	created := s.request(t, cfn.Event{RequestType: cfn.RequestCreate, ResourceProperties: s.properties()}, 5*time.Minute)
	if created.Status != "SUCCESS" || created.PhysicalResourceID != "grafana-datasource-of-"+s.target.GrafanaWorkspaceID ||
		created.Data["DataSourceUid"] != "amazon-managed-prometheus" || created.Data["GrafanaVersion"] != "12.4" {
		t.Errorf("created: %+v", created)
	}
	updated := s.request(t, cfn.Event{RequestType: cfn.RequestUpdate, PhysicalResourceID: created.PhysicalResourceID,
		ResourceProperties: s.properties()}, 5*time.Minute)
	if updated.Status != "SUCCESS" || updated.PhysicalResourceID != created.PhysicalResourceID {
		t.Errorf("updated: %+v: another physical id makes CloudFormation delete the first", updated)
	}
	deleted := s.request(t, cfn.Event{RequestType: cfn.RequestDelete, PhysicalResourceID: created.PhysicalResourceID,
		ResourceProperties: s.properties()}, 5*time.Minute)
	if deleted.Status != "SUCCESS" || deleted.PhysicalResourceID != created.PhysicalResourceID {
		t.Errorf("deleted: %+v", deleted)
	}
	s.noAccounts(t)
}

// runs are those that the function logged.
func (s *site) runs() []result.Run {
	var all []result.Run
	for line := range strings.Lines(s.log.String()) {
		if r, ok := result.ReadLine(strings.TrimSuffix(line, "\n")); ok {
			all = append(all, r)
		}
	}
	return all
}

// TestEachRunLogsItsResult: 'parascope status' reads it there.
func TestEachRunLogsItsResult(t *testing.T) {
	s := start(t, plan{})
	s.request(t, cfn.Event{RequestType: cfn.RequestCreate, ResourceProperties: s.properties()}, 5*time.Minute)
	out, err := s.setup().Invoke(t.Context(), nil)
	check.OK(t, err)
	s.request(t, cfn.Event{RequestType: cfn.RequestDelete, ResourceProperties: s.properties()}, 5*time.Minute) // connects nothing
	s.withoutPolicy(t, "grafana", "QueryPolicy")
	err = longer(2*time.Second, "cannot query", func(wait time.Duration) error {
		s.options.PermissionsSpread = wait
		_, err := s.setup().Invoke(t.Context(), nil)
		return err
	})
	if err == nil {
		t.Fatal("Grafana queries without permissions")
	}
	runs := s.runs()
	if len(runs) < 3 || runs[0].Outcome != result.Connected || runs[0].DataSources[0].Action != result.Created {
		t.Fatalf("logged %+v", runs)
	}
	var answered result.Connection
	check.OK(t, json.Unmarshal(out, &answered))
	for i, d := range answered.DataSources {
		answered.DataSources[i].Health = strings.ReplaceAll(d.Health, "\n", " ")
	}
	if diff := cmp.Diff(answered, runs[1].Connection); diff != "" || runs[1].Finished.Before(runs[1].Started) {
		t.Errorf("the second run, from %s to %s (-answered +logged):\n%s", runs[1].Started, runs[1].Finished, diff)
	}
	failed := runs[len(runs)-1]
	if failed.Outcome != result.Failed || failed.Error != err.Error() || len(failed.DataSources) != 2 ||
		strings.HasPrefix(failed.DataSources[0].Health, "OK") {
		t.Errorf("the last run failed with %v, logged %+v", err, failed)
	}
}

func TestDeletionOfWhatNeverWas(t *testing.T) {
	s := start(t, plan{})
	for _, workspace := range []string{s.target.GrafanaWorkspaceID, "g-0000000000", "no id at all", ""} {
		got := s.request(t, cfn.Event{RequestType: cfn.RequestDelete, ResourceProperties: map[string]any{"GrafanaWorkspaceId": workspace}},
			5*time.Minute)
		if got.Status != "SUCCESS" || got.PhysicalResourceID == "" {
			t.Errorf("%q: %+v", workspace, got)
		}
	}
	// The stack's Grafana is gone, and the function's permissions with it.
	s.withoutPolicy(t, "function", "SetupFunctionRole")
	if got := s.request(t, cfn.Event{RequestType: cfn.RequestDelete, ResourceProperties: s.properties()},
		5*time.Minute); got.Status != "SUCCESS" {
		t.Errorf("without permissions: %+v", got)
	}
}

func TestUnknownWorkspaceFails(t *testing.T) {
	s := start(t, plan{})
	properties := s.properties()
	properties["GrafanaWorkspaceId"] = "g-0000000000"
	got := s.request(t, cfn.Event{RequestType: cfn.RequestCreate, ResourceProperties: properties}, 5*time.Minute)
	if got.Status != "FAILED" || !strings.Contains(got.Reason, "describe Grafana workspace g-0000000000") || len(got.Data) > 0 {
		t.Errorf("%+v", got)
	}
	if got = s.request(t, cfn.Event{RequestType: cfn.RequestCreate, ResourceProperties: s.properties()},
		5*time.Minute); got.Status != "SUCCESS" {
		t.Errorf("then: %+v", got)
	}
}

func TestByHand(t *testing.T) {
	s := start(t, plan{})
	want := result.Created
	for _, payload := range []string{"", "{}", "null", " \n", `{"anything": ["else"]}`} {
		out, err := s.setup().Invoke(t.Context(), []byte(payload))
		var got result.Connection
		if err != nil || json.Unmarshal(out, &got) != nil || got.GrafanaWorkspaceID != s.target.GrafanaWorkspaceID ||
			got.DataSources[0].Action != want {
			t.Errorf("payload %q: %v: %s", payload, err, out)
		}
		if !strings.HasPrefix(string(out), "{\n") || !strings.HasSuffix(string(out), "}\n") {
			t.Errorf("a person reads this badly: %s", out)
		}
		noSecret(t, "the result", string(out))
		want = result.Unchanged
	}
	for _, payload := range []string{"{", "yes", "[]", `"text"`, `{"RequestType": 1}`} {
		if out, err := s.setup().Invoke(t.Context(), []byte(payload)); err == nil || len(out) > 0 ||
			!strings.Contains(err.Error(), "read the payload: ") || !strings.Contains(err.Error(), "invoke the function without one") {
			t.Errorf("payload %q: %s, %v", payload, out, err)
		}
	}
	s.noAccounts(t)
}

// TestAnswerThatDoesNotArrive is an error of the function, which Lambda counts, and
// keeps the signed URL to itself.
func TestAnswerThatDoesNotArrive(t *testing.T) {
	s := start(t, plan{})
	_, err := s.setup().Invoke(t.Context(),
		[]byte(`{"RequestType": "Delete", "ResponseURL": "http://127.0.0.1:9/?X-Amz-Signature=hush", "LogicalResourceId": "Connection"}`))
	if err == nil || !strings.Contains(err.Error(),
		"send the response to CloudFormation for Delete of Connection: 127.0.0.1:9 could not be reached") {
		t.Fatalf("%v", err)
	}
	noSecret(t, "the error", err.Error())
}

// TestRequestWithoutAnAddress: what somebody typed after CloudFormation's manner is
// refused before anything is done.
func TestRequestWithoutAnAddress(t *testing.T) {
	s := start(t, plan{})
	for _, kind := range []string{"Create", "Update", "Delete"} {
		out, err := s.setup().Invoke(t.Context(), fmt.Appendf(nil, `{"RequestType": %q}`, kind))
		if err == nil || len(out) > 0 || !strings.Contains(err.Error(), "no ResponseURL") ||
			!strings.Contains(err.Error(), "invoke the function without a payload") {
			t.Errorf("%s: %s, %v", kind, out, err)
		}
	}
	sources, err := s.person(t).DataSources(t.Context())
	if err != nil || len(sources) > 0 {
		t.Errorf("Grafana has %+v, %v", sources, err)
	}
}
