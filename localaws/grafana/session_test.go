package grafana_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/grafana"
	"github.com/aws/aws-sdk-go-v2/service/grafana/types"

	"github.com/parascope/parascope/localaws/grafana"
	"github.com/parascope/parascope/localaws/grafana/server"
	"github.com/parascope/parascope/localaws/principal"
)

// TestSessionsAndPages: a user interface can say who is signed in, and answers
// what is not the API's.
func TestSessionsAndPages(t *testing.T) {
	c := start(t, t.TempDir(), func(o *grafana.Options) {
		o.Session = func(workspaceID string, r *http.Request) (server.Identity, bool, error) {
			cookie, err := r.Cookie("grafana_session")
			if err != nil || cookie.Value != "anna in "+workspaceID {
				return server.Identity{}, false, nil
			}
			return server.Identity{ID: 7, Login: "anna", Email: "anna@example.com", Role: "VIEWER"}, true, nil
		}
		o.Pages = func(workspaceID string) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "page of "+workspaceID) })
		}
	})
	s := &site{cloud: c, workspace: create(t, c.client(), nil)}
	with := func(path, cookie string) int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+*s.workspace.Endpoint+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.AddCookie(&http.Cookie{Name: "grafana_session", Value: cookie, Quoted: true})
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	anna := "anna in " + *s.workspace.Id
	for path, want := range map[string]int{"/api/user": 200, "/api/search": 200, "/api/datasources": 403} {
		if got := with(path, anna); got != want {
			t.Errorf("%s as anna: %d, want %d", path, got, want)
		}
		if got := with(path, "anna in another"); got != 401 {
			t.Errorf("%s with a session of another workspace: %d", path, got)
		}
	}
	if status, body := s.raw(t, "GET", "/d/overview", nil); status != 200 || string(body) != "page of "+*s.workspace.Id {
		t.Errorf("page: %d %s", status, body)
	}
	if status, _ := s.raw(t, "GET", "/api/nothing", nil); status != 404 {
		t.Errorf("an API path that is none went to the pages: %d", status)
	}
}

// TestRoleThatGrafanaMayNotAssume: health says so, and works once the role allows
// it. The credentials are then kept.
func TestRoleThatGrafanaMayNotAssume(t *testing.T) {
	trusted, assumed := false, 0
	c := start(t, t.TempDir(), func(o *grafana.Options) {
		assume := o.AssumeForService
		o.AssumeForService = func(role, service, session string, keys map[string][]string, lifetime time.Duration) (principal.AccessKey, error) {
			if !trusted {
				return principal.AccessKey{}, errors.New("AccessDenied: User: " + service +
					" is not authorized to perform: sts:AssumeRole on resource: " + role)
			}
			assumed++
			return assume(role, service, session, keys, lifetime)
		}
	})
	s := &site{cloud: c, workspace: create(t, c.client(), func(in *sdk.CreateWorkspaceInput) { in.WorkspaceName = aws.String("x") })}
	s.amp = c.URL() + "/workspaces/ws-none/"
	s.key = s.token(t, types.RoleAdmin)
	if _, err := s.grafana().Datasources.AddDataSource(s.amazonPrometheus()); err != nil {
		t.Fatal(err)
	}
	want := "failed to retrieve credentials: AccessDenied: User: grafana.amazonaws.com is not authorized to perform: sts:AssumeRole on " +
		"resource: " + role
	if _, got := s.call(t, "GET", "/api/datasources/uid/amp/health", nil); !strings.HasPrefix(fmt.Sprint(got["message"]), want) {
		t.Errorf("health %v, want %s", got, want)
	}
	trusted = true
	for range 3 {
		if _, got := s.call(t, "GET", "/api/datasources/uid/amp/health", nil); !strings.HasPrefix(fmt.Sprint(got["message"]),
			"404 Not Found: Workspace not found: ws-none - ") {
			t.Errorf("health of an AMP workspace that is none: %v", got)
		}
	}
	if assumed != 1 {
		t.Errorf("the role was assumed %d times", assumed)
	}
	c.Clock.Pass(56 * time.Minute)
	s.key = tokenAgain(t, s)
	if s.call(t, "GET", "/api/datasources/uid/amp/health", nil); assumed != 2 {
		t.Errorf("the role was assumed %d times before its credentials ended", assumed)
	}
}

// tokenAgain is a token of a service account made after the clock was moved; the
// SDK signs with the real time, so it is moved back for that.
func tokenAgain(t *testing.T, s *site) string {
	t.Helper()
	ahead := s.Clock.Ahead()
	s.Clock.Set(0)
	id := account(t, s.client(), s.workspace.Id, "later", types.RoleAdmin)
	token, err := tokenOf(t, s.client(), s.workspace.Id, id, "t", 2*3600)
	s.Clock.Set(ahead)
	if err != nil {
		t.Fatal(err)
	}
	return *token.Key
}
