package queries_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/parascope/parascope/internal/cli"
	"github.com/parascope/parascope/internal/cli/parascope"
)

// startAMP answers like AMP with two workspaces, and every query with answer.
// It points the SDK at itself by the environment, as the local cloud does.
func startAMP(t *testing.T, status int, answer string) {
	mux := http.NewServeMux()
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	mux.HandleFunc("GET /workspaces", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"workspaces":[
			{"workspaceId":"ws-1","alias":"prod","status":{"statusCode":"ACTIVE"}},
			{"workspaceId":"ws-2","status":{"statusCode":"ACTIVE"}}]}`)
	})
	mux.HandleFunc("GET /workspaces/ws-1", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"workspace":{"workspaceId":"ws-1","alias":"prod","status":{"statusCode":"ACTIVE"},"prometheusEndpoint":"%s/workspaces/ws-1/"}}`, s.URL)
	})
	mux.HandleFunc("POST /workspaces/ws-1/api/v1/{op}", func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.Header.Get("Authorization"), "/us-east-2/aps/aws4_request") {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		w.WriteHeader(status)
		fmt.Fprint(w, answer)
	})
	t.Setenv("AWS_ENDPOINT_URL", s.URL)
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDTEST")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Setenv("HOME", t.TempDir())
	for _, name := range []string{"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_SESSION_TOKEN"} {
		t.Setenv(name, "")
	}
	t.Setenv("TZ", "UTC")
}

func run(env map[string]string, args ...string) (code int, stdout, stderr string) {
	var out, talk bytes.Buffer
	code = cli.Main(&cli.Process{
		Name: "parascope", Args: args, Stdin: strings.NewReader(""), Stdout: &out, Stderr: &talk,
		Getenv: func(name string) string {
			if v, ok := env[name]; ok {
				return v
			}
			return os.Getenv(name)
		},
	}, parascope.New)
	return code, out.String(), talk.String()
}

func success(kind, result string) string {
	return fmt.Sprintf(`{"status":"success","data":{"resultType":%q,"result":%s}}`, kind, result)
}

func TestQueryPrints(t *testing.T) {
	vector := success("vector", `[{"metric":{"__name__":"up","instance":"a:9100"},"value":[1795000000,"1"]},
		{"metric":{"__name__":"up","instance":"b:9100"},"value":[1795000000,"12.5"]},
		{"metric":{"job":"x"},"histogram":[1795000000,{"count":"3","sum":"4.5","buckets":[[0,"0","2","3"]]}]}]`)
	tests := []struct {
		name, answer string
		flags        []string
		stdout       string // a pattern of all of it
		stderr       string
	}{
		{"vector", vector, nil, `(?m)\A          VALUE  SERIES\n              1  up\{instance="a:9100"\}\n           12\.5  up\{instance="b:9100"\}\ncount 3 sum 4\.5  \{job="x"\}\n\z`, `\A\z`},
		{"json", vector, []string{"--json"}, `\A` + regexp.QuoteMeta(vector) + `\n\z`, `\A\z`},
		{"scalar", success("scalar", `[1795000000,"42"]`), nil, `\A42\n\z`, `\A\z`},
		{"string", success("string", `[1795000000,"text"]`), nil, `\Atext\n\z`, `\A\z`},
		{"samples", success("matrix", `[{"metric":{"__name__":"up"},"values":[[1795000000,"1"],[1795000015,"0"]]}]`), nil,
			`\AVALUE  TIME +SERIES\n    1  2026-11-18T\S+  up\n    0  2026-11-18T\S+  up\n\z`, `\A\z`},
		{"empty", success("vector", `[]`), nil, `\A\z`, `No series in workspace ws-1 match this query\.`},
		{"empty range", success("matrix", `[]`), []string{"--range", "1h", "--time", "1795000000"}, `\A\z`,
			`at 2026-11-18T.* or in the 1h before`},
		{"warning", `{"status":"success","warnings":["store c is down"],"data":{"resultType":"vector","result":[]}}`, nil, `\A\z`,
			`Warning: store c is down`},
		{"plot", success("matrix", `[{"metric":{"__name__":"node_load1"},"values":[[1794999940,"1"],[1794999970,"2"],[1795000000,"4"]]}]`),
			[]string{"--range", "1m", "--step", "30s", "--time", "1795000000"},
			`(?s)\A +4 ┤ .*╭.* 1 ┼.*MIN  MAX  LAST  SERIES\n─    1    4     4  node_load1\n\z`, `\A\z`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			startAMP(t, http.StatusOK, tt.answer)
			code, stdout, stderr := run(nil, append([]string{"query", "up", "--workspace", "prod"}, tt.flags...)...)
			if code != 0 || !regexp.MustCompile(tt.stdout).MatchString(stdout) || !regexp.MustCompile(tt.stderr).MatchString(stderr) {
				t.Errorf("exit code %d\nstdout:\n%s\nstderr:\n%s", code, stdout, stderr)
			}
		})
	}
}

// TestQueryDrawsOnlySoManySeries: more cannot be told apart, and it says so.
func TestQueryDrawsOnlySoManySeries(t *testing.T) {
	var series []string
	for i := range 9 {
		series = append(series, fmt.Sprintf(`{"metric":{"i":"%d"},"values":[[1795000000,"%d"]]}`, i, i))
	}
	startAMP(t, http.StatusOK, success("matrix", "["+strings.Join(series, ",")+"]"))
	code, stdout, stderr := run(nil, "query", "x", "--workspace", "ws-1", "--range", "1h", "--time", "1795000000")
	if code != 0 || !strings.Contains(stderr, "first 8 of 9") || !strings.Contains(stdout, `{i="8"}`) {
		t.Errorf("exit code %d\nstdout:\n%s\nstderr:\n%s", code, stdout, stderr)
	}
}

func TestQueryFails(t *testing.T) {
	startAMP(t, http.StatusBadRequest, `{"status":"error","errorType":"bad_data","error":"parse error: unclosed left parenthesis"}`)
	tests := []struct {
		name   string
		env    map[string]string
		args   []string
		code   int
		stderr string
	}{
		{"bad expression", nil, []string{"sum(", "--workspace", "prod"}, 3, "bad_data: parse error: unclosed left parenthesis"},
		{"workspace of the environment", map[string]string{"PARASCOPE_WORKSPACE": "prod"}, []string{"sum("}, 3, "bad_data"},
		{"no choice made", nil, []string{"up"}, 5, "ws-2"},
		{"unknown workspace", nil, []string{"up", "--workspace", "nope"}, 5, "prod"},
		{"wrong region", nil, []string{"up", "--workspace", "prod", "--region", "eu-west-1"}, 4, "403"},
		{"unknown profile", nil, []string{"up", "--profile", "nobody"}, 4, "nobody"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			code, stdout, stderr := run(tt.env, append([]string{"query"}, tt.args...)...)
			if code != tt.code || !strings.Contains(stderr, tt.stderr) || !strings.Contains(stderr, "Try: ") || stdout != "" {
				t.Errorf("exit code %d, want %d\nstdout:\n%s\nstderr:\n%s", code, tt.code, stdout, stderr)
			}
		})
	}
}

func TestWorkspaceCompletion(t *testing.T) {
	startAMP(t, http.StatusOK, "")
	_, stdout, _ := run(nil, "__complete", "query", "--workspace", "")
	for _, want := range []string{"prod\tws-1 ACTIVE\n", "ws-2\tACTIVE\n"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("completion lacks %q:\n%s", want, stdout)
		}
	}
}
