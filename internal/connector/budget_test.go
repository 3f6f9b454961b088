package connector_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/cfn"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"go.yaml.in/yaml/v3"

	"github.com/parascope/parascope"
	"github.com/parascope/parascope/internal/connector"
	"github.com/parascope/parascope/localaws/localtest/check"
)

// slow is AWS with an empty Grafana in it that takes its time, in memory: only so can
// minutes be waited for in no time.
type slow struct {
	born       time.Time
	refuses    func(age time.Duration) int // status; 0: it answers
	prometheus time.Duration               // until the data source is healthy
	cloudWatch time.Duration
	status     string // of the Grafana workspace; "": ACTIVE
	sources    []map[string]any
	answer     string // to CloudFormation
}

func (s *slow) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	if status := s.refuses(time.Since(s.born)); status != 0 && strings.HasPrefix(r.URL.Path, "/api/") {
		w.WriteHeader(status)
		return w.Result(), nil
	}
	healthy := func(after time.Duration) string {
		if time.Since(s.born) < after {
			return `{"status": "ERROR", "message": "AccessDenied"}`
		}
		return `{"status": "OK", "message": "fine"}`
	}
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body) // it is in memory
	}
	switch r.Method + " " + r.URL.Path {
	case "GET /workspaces/g-1":
		fmt.Fprintf(w, `{"workspace": {"id": "g-1", "status": %q, "endpoint": "grafana.example.com", "grafanaVersion": "12.4"}}`,
			cmp.Or(s.status, "ACTIVE"))
	case "GET /workspaces/ws-1":
		fmt.Fprint(w, `{"workspace": {"workspaceId": "ws-1", "status": {"statusCode": "ACTIVE"}, "prometheusEndpoint": "https://aps.example.com/workspaces/ws-1/"}}`)
	case "GET /workspaces/g-1/serviceaccounts":
		fmt.Fprint(w, `{"serviceAccounts": []}`)
	case "POST /workspaces/g-1/serviceaccounts":
		fmt.Fprint(w, `{"id": "1"}`)
	case "POST /workspaces/g-1/serviceaccounts/1/tokens":
		fmt.Fprint(w, `{"serviceAccountToken": {"key": "hush"}}`)
	case "DELETE /workspaces/g-1/serviceaccounts/1":
		fmt.Fprint(w, `{}`)
	case "GET /api/datasources":
		if err := json.NewEncoder(w).Encode(s.sources); err != nil {
			return nil, err
		}
	case "POST /api/datasources":
		var source map[string]any
		if err := json.Unmarshal(body, &source); err != nil {
			return nil, err
		}
		s.sources = append(s.sources, source)
	case "GET /api/datasources/uid/amazon-managed-prometheus/health":
		fmt.Fprint(w, healthy(s.prometheus))
	case "GET /api/datasources/uid/cloudwatch/health":
		fmt.Fprint(w, healthy(s.cloudWatch))
	case "POST /api/folders", "POST /api/dashboards/db":
		fmt.Fprint(w, `{"url": "/d/x"}`)
	case "PUT /answer":
		s.answer = string(body)
	default:
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprintf(w, `{"message": "there is no %s %s"}`, r.Method, r.URL.Path)
	}
	return w.Result(), nil
}

// timeout is the function's, as the template has it.
func timeout(t *testing.T) time.Duration {
	t.Helper()
	var template struct {
		Resources struct {
			SetupFunction struct {
				Properties struct {
					Timeout int `yaml:"Timeout"`
				} `yaml:"Properties"`
			} `yaml:"SetupFunction"`
		} `yaml:"Resources"`
	}
	check.OK(t, yaml.Unmarshal([]byte(parascope.Template), &template))
	return time.Duration(template.Resources.SetupFunction.Properties.Timeout) * time.Second
}

// create lets the function, with the paces that ship, handle CloudFormation's request within a time. It returns
// how long it took, and whether its time was over.
func (s *slow) create(t *testing.T, within time.Duration) (took time.Duration, over bool) {
	t.Helper()
	s.born = time.Now()
	client := &http.Client{Transport: s}
	cfg := aws.Config{Region: "us-east-2", HTTPClient: client, Credentials: credentials.NewStaticCredentialsProvider("AKID", "hush", "")}
	f := &connector.Function{Connector: connector.New(cfg, connector.DefaultOptions()), HTTP: client, Logger: slog.New(slog.DiscardHandler),
		Results: io.Discard}
	f.Connector.HTTP = client
	payload, err := json.Marshal(cfn.Event{RequestType: cfn.RequestCreate, ResponseURL: "https://cloudformation.example.com/answer",
		ResourceProperties: map[string]any{"GrafanaWorkspaceId": "g-1", "PrometheusWorkspaceId": "ws-1"}})
	check.OK(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	_, err = f.Invoke(ctx, payload)
	check.OK(t, err)
	return time.Since(s.born), ctx.Err() != nil
}

// TestAnswersBeforeItsTimeIsOver: CloudFormation waits an hour for an answer that a
// function had no time to give.
func TestAnswersBeforeItsTimeIsOver(t *testing.T) {
	for within, says := range map[time.Duration]string{
		keptFree + 3*time.Second: "(last status: CREATING)",
		5 * time.Second:          "context deadline exceeded",
	} {
		synctest.Test(t, func(t *testing.T) {
			cloud := slow{status: "CREATING", refuses: func(time.Duration) int { return 0 }}
			took, over := cloud.create(t, within)
			var got answered
			check.OK(t, json.Unmarshal([]byte(cloud.answer), &got))
			if got.Status != "FAILED" || !strings.HasPrefix(got.Reason, "timeout: ") || !strings.Contains(got.Reason, says) ||
				!strings.Contains(got.Reason, "raise its timeout") {
				t.Errorf("%v: %+v", within, got)
			}
			if took > 5*time.Second || over {
				t.Errorf("of %v it took %v to answer", within, took)
			}
		})
	}
}

// TestTheDefaultsFitTheFunctionsTime: with what Grafana and IAM may take, and the
// paces that ship, the function answers CloudFormation before its time is over.
func TestTheDefaultsFitTheFunctionsTime(t *testing.T) {
	always := func(status int, d time.Duration) func(time.Duration) int {
		return func(age time.Duration) int {
			if age < d {
				return status
			}
			return 0
		}
	}
	minute := func(age time.Duration) int {
		switch {
		case age < 20*time.Second:
			return http.StatusBadGateway
		case age < time.Minute:
			return http.StatusForbidden
		}
		return 0
	}
	for name, test := range map[string]struct {
		cloud slow
		warns bool
		least time.Duration // that it must have waited
	}{
		"5xx for a minute": {cloud: slow{refuses: always(http.StatusServiceUnavailable, time.Minute)}, least: time.Minute},
		"403 for a minute": {cloud: slow{refuses: always(http.StatusForbidden, time.Minute)}, least: time.Minute},
		"5xx, 403, permissions late": {cloud: slow{refuses: minute, prometheus: 100 * time.Second, cloudWatch: 130 * time.Second},
			least: 130 * time.Second},
		"all that is waited for": {
			cloud: slow{refuses: always(http.StatusServiceUnavailable, 115*time.Second), prometheus: 155 * time.Second, cloudWatch: time.Hour},
			warns: true, least: 195 * time.Second,
		},
	} {
		t.Run(name, func(t *testing.T) {
			within := timeout(t)
			synctest.Test(t, func(t *testing.T) {
				cloud := test.cloud
				took, over := cloud.create(t, within)
				if !strings.Contains(cloud.answer, `"Status":"SUCCESS"`) || strings.Contains(cloud.answer, "Grafana cannot query") != test.warns {
					t.Errorf("after %v it answered %s", took, cloud.answer)
				}
				if over || took < test.least {
					t.Errorf("it took %v, want %v to %v", took, test.least, within)
				}
			})
		})
	}
}
