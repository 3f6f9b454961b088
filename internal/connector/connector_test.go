package connector

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/cfn"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"

	"github.com/parascope/parascope/internal/connector/result"
	"github.com/parascope/parascope/internal/grafana"
)

func TestDataSourceOfEachVersion(t *testing.T) {
	for version, want := range map[string]string{"9.4": corePlugin, "10.4": corePlugin, "12.4": amazonPlugin, "13.0": amazonPlugin} {
		for _, endpoint := range []string{"https://aps/workspaces/ws-1/", "https://aps/workspaces/ws-1", "https://aps/workspaces/ws-1/api/v1/"} {
			sources, err := dataSources(version, endpoint, "us-east-2")
			if err != nil {
				t.Fatal(err)
			}
			p := sources[0]
			if p.Type != want || p.URL != "https://aps/workspaces/ws-1" || !p.IsDefault || p.Name != "Amazon Managed Prometheus" {
				t.Errorf("Grafana %s, %s: %+v", version, endpoint, p)
			}
			if _, has := p.JSONData["sigv4Service"]; has != (want == amazonPlugin) {
				t.Errorf("Grafana %s: %v", version, p.JSONData)
			}
		}
	}
	if _, err := dataSources("latest", "https://aps/", "us-east-2"); err == nil {
		t.Error("a version that is not a number was taken")
	}
}

func TestRepairKeepsPeoplesOwnSettings(t *testing.T) {
	want := grafana.DataSource{Name: "n", Type: "prometheus", URL: "https://aps/w", JSONData: map[string]any{"sigV4Auth": true}}
	has := want
	has.JSONData = map[string]any{"sigV4Auth": true, "customQueryParameters": "max_samples=1"}
	has.URL += "/"
	if !same(has, want) {
		t.Error("settings of people's own count as broken")
	}
	has.JSONData["sigV4Auth"] = false
	if same(has, want) {
		t.Error("switched off signing goes unnoticed")
	}
	got := withSettingsOf(has, want)
	if diff := cmp.Diff(map[string]any{"sigV4Auth": true, "customQueryParameters": "max_samples=1"}, got.JSONData); diff != "" {
		t.Error(diff)
	}
}

func TestLeftoversAreThoseOfRunsThatAreOver(t *testing.T) {
	now := time.Unix(1_764_000_000, 0)
	for name, want := range map[string]bool{
		accountPrefix + strconv.FormatInt(now.Unix()-1, 10) + "-abcdef": true,
		accountPrefix + strconv.FormatInt(now.Unix()+1, 10) + "-abcdef": false,
		accountPrefix + "soon": false,
		"somebody-else":        false,
	} {
		if got := isLeftover(name, now); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestOptions(t *testing.T) {
	if err := DefaultOptions().Validate(); err != nil {
		t.Error(err)
	}
	for name, spoil := range map[string]func(*Options){
		"no logger": func(o *Options) { o.Logger = nil }, "no clock": func(o *Options) { o.Now = nil },
		"no pause": func(o *Options) { o.Poll = 0 }, "no start": func(o *Options) { o.GrafanaStarts = 0 },
		"a spread below 0": func(o *Options) { o.PermissionsSpread = -1 },
	} {
		o := DefaultOptions()
		spoil(&o)
		c := New(aws.Config{}, o)
		if _, err := c.Connect(t.Context(), Target{}); err == nil || o.Validate() == nil || err.Error() != o.Validate().Error() {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAnswersFitCloudFormation(t *testing.T) {
	event := cfn.Event{RequestType: cfn.RequestCreate, RequestID: "r-1", StackID: strings.Repeat("s", 300),
		LogicalResourceID: strings.Repeat("l", 255)}
	long := strings.Repeat("größer ", 2000)
	failed := answerTo(event)
	failed.fail(errors.New(long))
	quotes := answerTo(event) // six bytes each when they are encoded
	quotes.fail(errors.New(strings.Repeat("\x01", 2000)))
	connected := answerTo(event)
	connected.succeed(result.Connection{GrafanaURL: "https://g", DataSources: []result.DataSource{{UID: "u", Type: "t"}},
		Warnings: []string{strings.Repeat("\x01", 2000), long}})
	for _, a := range []answer{failed, quotes, connected} {
		var got map[string]any
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil || len(body) > 4096 || json.Unmarshal(body, &got) != nil {
				t.Errorf("%d bytes, %v: %s", len(body), err, body)
			}
			if r.Method != http.MethodPut || len(r.Header.Values("Content-Type")) > 0 {
				t.Errorf("%s with content type %q: the URL is signed for none", r.Method, r.Header.Values("Content-Type"))
			}
		}))
		if err := a.send(t.Context(), srv.Client(), srv.URL); err != nil {
			t.Error(err)
		}
		srv.Close()
		if got["PhysicalResourceId"] != "r-1" || got["Status"] != string(a.Status) {
			t.Errorf("sent %v", got)
		}
	}
}

func TestTheResponseURLStaysOutOfErrors(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }))
	defer srv.Close()
	for _, url := range []string{srv.URL + "/?X-Amz-Signature=hush", "http://127.0.0.1:1/?X-Amz-Signature=hush",
		"http://%zz/?X-Amz-Signature=hush"} {
		err := put(t.Context(), srv.Client(), url, nil)
		if err == nil || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %v", url, err)
		}
	}
}
