package amp_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parascope/parascope/internal/amp"
	"github.com/parascope/parascope/internal/hint"
)

const vectorAnswer = `{"status":"success","data":{"resultType":"vector","result":[{"metric":{"__name__":"up","job":"node"},"value":[1795000000.123,"1"]}]},"warnings":["partial"],"infos":["not a counter"]}`

func TestQuery(t *testing.T) {
	s := newStub(t, summary{"ws-1", "", "ACTIVE"})
	s.answer = vectorAnswer
	const path = "/workspaces/ws-1/api/v1/query"
	for _, end := range []string{"/", "", "/api/v1", "/api/v1/", "//"} {
		c, err := amp.NewQueryClient(s.config(), s.URL+"/workspaces/ws-1"+end)
		if err != nil {
			t.Fatal(err)
		}
		r, err := c.Query(t.Context(), `up{a="é +&"}`, time.UnixMilli(1795000000123))
		if err != nil {
			t.Fatalf("endpoint ending in %q: %v", end, err)
		}
		want := url.Values{"query": {`up{a="é +&"}`}, "time": {"1795000000.123"}}
		if diff := cmp.Diff(want, s.asked); diff != "" || s.path != path {
			t.Errorf("asked %s (-want +got):\n%s", s.path, diff)
		}
		if got := r.Value.String(); got != `up{job="node"} => 1 @[1795000000.123]` {
			t.Errorf("value %s", got)
		}
		if diff := cmp.Diff([]string{"partial", "not a counter"}, r.Warnings); diff != "" || r.Empty() || string(r.Raw) != s.answer {
			t.Errorf("empty %v, raw %s, warnings (-want +got):\n%s", r.Empty(), r.Raw, diff)
		}
	}
}

func TestQueryRange(t *testing.T) {
	s := newStub(t, summary{"ws-1", "", "ACTIVE"})
	s.answer = `{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1795000000,"1"],[1795000015,"NaN"]]}]}}`
	c, err := amp.NewQueryClient(s.config(), s.URL+"/workspaces/ws-1/")
	if err != nil {
		t.Fatal(err)
	}
	end := time.Unix(1795000060, 0)
	r, err := c.QueryRange(t.Context(), "sum(up)", end.Add(-time.Minute), end, 1500*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	want := url.Values{"query": {"sum(up)"}, "start": {"1795000000"}, "end": {"1795000060"}, "step": {"1.5"}}
	if diff := cmp.Diff(want, s.asked); diff != "" || !strings.HasSuffix(s.path, "/api/v1/query_range") || r.Empty() {
		t.Errorf("asked %s, empty %v (-want +got):\n%s", s.path, r.Empty(), diff)
	}
}

func TestRefusals(t *testing.T) {
	tests := []struct {
		name   string
		status int
		answer string
		code   hint.Code
		words  string
	}{
		{"bad expression", 400, `{"status":"error","errorType":"bad_data","error":"parse error: unexpected end of input"}`, hint.BadInput,
			"bad_data: parse error: unexpected end of input"},
		{"too much", 422, `{"status":"error","errorType":"execution","error":"query timed out - consider simplifying your query"}`, hint.BadInput,
			"execution: query timed out"},
		{"not allowed", 403, `{"Message":"User: arn:aws:iam::1:user/x is not authorized to perform: aps:QueryMetrics"}`, hint.Denied,
			"not authorized to perform: aps:QueryMetrics"},
		{"expired", 403, `{"message":"The security token included in the request is expired"}`, hint.Denied, "expired"},
		{"unknown workspace", 404, `{"message":"Workspace not found"}`, hint.NotFound, "HTTP 404: Workspace not found"},
		{"too often", 429, `{"message":"Rate exceeded"}`, hint.Failure, "Rate exceeded"},
		{"a proxy", 502, "<html>\n" + strings.Repeat("x", 1000), hint.Failure, "HTTP 502 Bad Gateway: <html>"},
		{"no Prometheus", 200, `<html>sign in</html>`, hint.Failure, "<html>sign in"},
		{"error with 200", 200, `{"status":"error","errorType":"internal","error":"oops"}`, hint.Failure, "internal: oops"},
		{"unknown type", 200, `{"status":"success","data":{"resultType":"tensor","result":[]}}`, hint.Failure, "tensor"},
		{"nothing", 200, ``, hint.Failure, "(empty)"},
	}
	s := newStub(t, summary{"ws-1", "", "ACTIVE"})
	c, err := amp.NewQueryClient(s.config(), s.URL+"/workspaces/ws-1/")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s.status, s.answer = tt.status, tt.answer
			_, err := c.Query(t.Context(), "up", time.Time{})
			if hint.CodeOf(err) != tt.code || !strings.Contains(err.Error(), tt.words) {
				t.Errorf("error %v, code %d; want %q, %d", err, hint.CodeOf(err), tt.words, tt.code)
			}
			if s.asked.Has("time") {
				t.Error("the zero time was sent, where the server's now is meant")
			}
			if len(err.Error()) > 400 {
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
		})
	}
}

func TestWrongSignatureIsDenied(t *testing.T) {
	s := newStub(t, summary{"ws-1", "", "ACTIVE"})
	cfg := s.config()
	cfg.Region = "us-west-1"
	c, err := amp.NewQueryClient(cfg, s.URL+"/workspaces/ws-1/")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Query(t.Context(), "up", time.Time{}); hint.CodeOf(err) != hint.Denied {
		t.Errorf("error %v, code %d; want Denied", err, hint.CodeOf(err))
	}
}

func TestUnusableEndpoint(t *testing.T) {
	for _, endpoint := range []string{"", "aps-workspaces.us-east-2.amazonaws.com/workspaces/ws-1", "ftp://host/", "http://%zz"} {
		if _, err := amp.NewQueryClient(newStub(t).config(), endpoint); hint.CodeOf(err) != hint.BadInput {
			t.Errorf("%q: error %v", endpoint, err)
		}
	}
}
