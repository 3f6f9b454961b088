package alerts_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/google/go-cmp/cmp"

	"github.com/parascope/parascope/internal/alerts"
	"github.com/parascope/parascope/internal/amp"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/rules"
)

// manager answers as an alert manager does, with the texts of answers by method and path.
func manager(t *testing.T, answers map[string]string) (cfg aws.Config, at alerts.Place, asked map[string]string) {
	t.Helper()
	asked = map[string]string{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		what := r.Method + " " + strings.TrimPrefix(r.URL.Path, "/workspaces/ws-1")
		body, err := io.ReadAll(r.Body)
		if err != nil || !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential=AKIDTEST/") {
			t.Errorf("%s: %v, %v", what, err, r.Header)
		}
		asked[what] = string(body)
		answer, ok := answers[what]
		if !ok {
			http.Error(w, `{"message":"no such route"}`, http.StatusNotFound)
			return
		}
		if _, err := io.WriteString(w, answer); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	cfg = aws.Config{Region: "eu-west-1", Credentials: credentials.NewStaticCredentialsProvider("AKIDTEST", "secret", "")}
	return cfg, alerts.Place{WorkspaceID: "ws-1", Endpoint: server.URL + "/workspaces/ws-1/"}, asked
}

// TestListSortsAndExplains: pages first, what is held back with its reason, the meaning of
// our own alerts, and others as they are.
func TestListSortsAndExplains(t *testing.T) {
	cfg, at, _ := manager(t, map[string]string{"GET /alertmanager/api/v2/alerts": `[
		{"labels":{"alertname":"GPUXidWarning","severity":"warn","cluster":"a"},"annotations":{"summary":"w"},"startsAt":"2026-01-02T03:04:05Z",
			"status":{"state":"active","silencedBy":[],"inhibitedBy":[]}},
		{"labels":{"alertname":"Theirs"},"annotations":{},"startsAt":"2026-01-02T03:04:05Z","status":{"state":"active"}},
		{"labels":{"alertname":"NodeDown","severity":"page","cluster":"b","node":"n"},"annotations":{"summary":"s","runbook_url":"u"},
			"startsAt":"2026-01-02T04:04:05+01:00","status":{"state":"suppressed","silencedBy":["id-1"],"inhibitedBy":[]}},
		{"labels":{"alertname":"TargetsDown","severity":"warn","cluster":"a"},"annotations":{"summary":"t"},"startsAt":"2026-01-02T03:04:05Z",
			"status":{"state":"suppressed","silencedBy":[],"inhibitedBy":["f"]}}]`})
	got, err := alerts.List(t.Context(), cfg, at)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, f := range got {
		lines = append(lines, strings.Join([]string{f.Name, f.Severity, f.Cluster, f.Summary, f.Page, f.Held, f.Since.Format(time.RFC3339)}, "|"))
	}
	if diff := cmp.Diff([]string{
		"NodeDown|page|b|s|u|silenced by id-1|2026-01-02T03:04:05Z",
		"GPUXidWarning|warn|a|w|||2026-01-02T03:04:05Z",
		"TargetsDown|warn|a|t||inhibited by another alert|2026-01-02T03:04:05Z",
		"Theirs||||||2026-01-02T03:04:05Z",
	}, lines); diff != "" {
		t.Error(diff)
	}
	if !strings.HasPrefix(got[0].Meaning, "The head scraped the node and got no answer") || got[3].Meaning != "" {
		t.Errorf("meanings %q, %q", got[0].Meaning, got[3].Meaning)
	}
}

func TestNoAlertsAreAnEmptyList(t *testing.T) {
	cfg, at, _ := manager(t, map[string]string{"GET /alertmanager/api/v2/alerts": `[]`})
	got, err := alerts.List(t.Context(), cfg, at)
	if text, _ := json.Marshal(got); err != nil || string(text) != "[]" {
		t.Errorf("%s, %v", text, err)
	}
	cfg, at, _ = manager(t, nil)
	if _, err := alerts.List(t.Context(), cfg, at); hint.CodeOf(err) != hint.NotFound || !strings.Contains(err.Error(), "no such route") {
		t.Errorf("%v", err)
	}
}

// TestEachAlertHasAMeaning of one sentence.
func TestEachAlertHasAMeaning(t *testing.T) {
	for _, g := range rules.Groups() {
		for _, a := range g.Alerts {
			if m := alerts.Meaning(a.Name); !strings.HasSuffix(m, ".") || strings.Contains(m, "\n") {
				t.Errorf("%s means %q", a.Name, m)
			}
		}
	}
	for _, name := range []string{"", "README", "../alerts/NodeDown", "NoSuchAlert", "a/b", "NodeDown.md"} {
		if m := alerts.Meaning(name); m != "" {
			t.Errorf("%q means %q", name, m)
		}
	}
}

func TestASilenceIsWhatWasAskedFor(t *testing.T) {
	cfg, at, asked := manager(t, map[string]string{"POST /alertmanager/api/v2/silences": `{"silenceID":"id-1"}`,
		"DELETE /alertmanager/api/v2/silence/id-1": ``,
		"GET /alertmanager/api/v2/silences": `[{"id":"old","status":{"state":"expired"},"endsAt":"2026-01-01T00:00:00Z","matchers":[]},
			{"id":"id-1","status":{"state":"active"},"endsAt":"2026-01-02T05:04:05Z","createdBy":"me","comment":"c",
			"matchers":[{"name":"alertname","value":"NodeDown","isRegex":false,"isEqual":true},
			{"name":"node","value":"n[0-9]","isRegex":true,"isEqual":false}]}]`})
	from := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	id, err := alerts.Mute(t.Context(), cfg, at, alerts.Quiet{Matchers: []string{"NodeDown", "node!~n[0-9]"}, From: from, For: 2 * time.Hour,
		By: "me", Comment: "c"})
	if err != nil || id != "id-1" {
		t.Fatal(id, err)
	}
	if diff := cmp.Diff(`{"matchers":[{"name":"alertname","value":"NodeDown","isRegex":false,"isEqual":true},`+
		`{"name":"node","value":"n[0-9]","isRegex":true,"isEqual":false}],"startsAt":"2026-01-02T03:04:05Z","endsAt":"2026-01-02T05:04:05Z",`+
		`"createdBy":"me","comment":"c"}`, asked["POST /alertmanager/api/v2/silences"]); diff != "" {
		t.Error(diff)
	}
	all, err := alerts.Silences(t.Context(), cfg, at)
	if diff := cmp.Diff([]alerts.Silence{{ID: "id-1", Matchers: []string{`alertname="NodeDown"`, `node!~"n[0-9]"`},
		Ends: from.Add(2 * time.Hour), By: "me", Comment: "c"}}, all); diff != "" || err != nil {
		t.Error(err, diff)
	}
	if err := alerts.Unmute(t.Context(), cfg, at, "id-1"); err != nil {
		t.Error(err)
	}
	if err := alerts.Unmute(t.Context(), cfg, at, "other/../id"); hint.CodeOf(err) != hint.NotFound {
		t.Errorf("another id: %v", err)
	}
}

func TestMatchers(t *testing.T) {
	for text, want := range map[string]string{
		"NodeDown": `alertname="NodeDown"`, "cluster=demo": `cluster="demo"`, `cluster="demo"`: `cluster="demo"`, "node=~n.*x": `node=~"n.*x"`,
	} {
		got, err := alerts.ReadMatchers([]string{text})
		if err != nil || len(got) != 1 || got[0].String() != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, texts := range [][]string{nil, {""}, {"a b"}, {"1=2"}, {"node=~["}, {"node=~.*"}, {"node=~"}, {"node="}, {"node!=n"}, {"{a=b}"},
		{"NodeDown", "a,b"}} {
		if got, err := alerts.ReadMatchers(texts); hint.CodeOf(err) != hint.BadInput {
			t.Errorf("%q: %v, %v", texts, got, err)
		}
	}
	if got, err := alerts.ReadMatchers([]string{"NodeDown", "node!=n"}); err != nil || len(got) != 2 {
		t.Errorf("%v, %v", got, err)
	}
}

func FuzzMatchers(f *testing.F) {
	for _, text := range []string{"NodeDown", "cluster=demo", `a!~"b"`, "a=~[", "=", "a=\x00"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		all, err := alerts.ReadMatchers([]string{text})
		if err == nil && (len(all) != 1 || all[0].Name == "" || !all[0].IsEqual) {
			t.Errorf("%q was read as %v", text, all)
		}
	})
}

// TestForget: only a cluster that HeadSilent knows, and whose head does not send.
func TestForget(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	known := func(seen, sends string) (aws.Config, alerts.Place, map[string]string) {
		answers := map[string]string{"POST /api/v1/remote_write": ""}
		cfg, at, asked := manager(t, answers)
		vector := func(cluster string) string {
			if cluster == "" {
				return `{"status":"success","data":{"resultType":"vector","result":[]}}`
			}
			return `{"status":"success","data":{"resultType":"vector","result":[{"metric":{"cluster":"` + cluster + `"},"value":[1,"1"]}]}}`
		}
		cfg.HTTPClient = by(func(body string) string {
			if strings.Contains(body, "head_seen") {
				return vector(seen)
			}
			return vector(sends)
		})
		return cfg, at, asked
	}
	for name, c := range map[string]struct {
		seen, sends string
		code        hint.Code
		says        string
	}{
		"none":    {"", "", hint.NotFound, "and no other cluster has"},
		"another": {"other", "", hint.NotFound, "does not track the cluster demo"},
		"sends":   {"demo", "demo", hint.BadInput, "sends metrics"},
		"silent":  {"demo", "", 0, ""},
	} {
		cfg, at, asked := known(c.seen, c.sends)
		err := alerts.Forget(t.Context(), cfg, at, "demo", now)
		if hint.CodeOf(err) != c.code || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
		if _, wrote := asked["POST /api/v1/remote_write"]; wrote != (c.code == 0) {
			t.Errorf("%s: wrote %v", name, wrote)
		}
	}
}

// by answers queries from f, and sends everything else on.
func by(f func(body string) string) aws.HTTPClient {
	return roundTrip(func(r *http.Request) (*http.Response, error) {
		if !strings.HasSuffix(r.URL.Path, "/query") {
			return http.DefaultClient.Do(r)
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(f(string(body))))}, nil
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) Do(r *http.Request) (*http.Response, error) { return f(r) }

func TestErrorsOfAnEndpoint(t *testing.T) {
	if err := amp.WriteSample(t.Context(), aws.Config{}, "nonsense", nil, 1, time.Now()); hint.CodeOf(err) != hint.BadInput {
		t.Errorf("%v", err)
	}
}
