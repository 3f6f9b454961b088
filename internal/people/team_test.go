package people_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/grafana"
	"github.com/aws/aws-sdk-go-v2/service/grafana/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/google/go-cmp/cmp"

	"github.com/parascope/parascope/internal/amg"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/identity"
	"github.com/parascope/parascope/internal/people"
	"github.com/parascope/parascope/localaws"
	"github.com/parascope/parascope/localaws/localtest"
	"github.com/parascope/parascope/localaws/localtest/check"
)

// update is a call of UpdatePermissions as it passes the proxy: its body, and what
// to answer instead of AMG, which is nothing where answer stays empty.
type update struct {
	body   []byte
	answer string
}

// open starts a cloud with so many users, and a Grafana workspace in it. What is
// sent to UpdatePermissions goes by spy, which may be nil.
func open(t *testing.T, o localaws.Options, users int, spy func(*update)) aws.Config {
	t.Helper()
	dir := t.TempDir()
	var seed struct {
		Users  []map[string]string `json:"users"`
		Groups []map[string]any    `json:"groups"`
	}
	for i := range users {
		seed.Users = append(seed.Users, map[string]string{
			"userName": fmt.Sprintf("user%02d", i), "email": fmt.Sprintf("user%02d@example.com", i), "givenName": "U", "familyName": "Ser",
		})
	}
	seed.Groups = []map[string]any{{"displayName": "platform-team", "members": []string{"user00"}}}
	b, err := json.Marshal(seed)
	check.OK(t, err)
	o.People.Seed = filepath.Join(dir, "people.json")
	check.OK(t, os.WriteFile(o.People.Seed, b, 0o600))
	cloud := localtest.Start(t, o)

	target, err := url.Parse(cloud.URL())
	check.OK(t, err)
	forward := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host // it is signed
	}}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if spy != nil && r.Method == http.MethodPatch && strings.HasSuffix(r.URL.Path, "/permissions") {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			u := &update{body: body}
			spy(u)
			if u.answer != "" {
				w.Header().Set("Content-Type", "application/json")
				_, _ = io.WriteString(w, u.answer)
				return
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
		}
		forward.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	cfg := cloud.As("operator", config.WithBaseEndpoint(srv.URL))
	role, err := iam.NewFromConfig(cfg).CreateRole(t.Context(),
		&iam.CreateRoleInput{RoleName: aws.String("grafana"), AssumeRolePolicyDocument: aws.String(
			`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"grafana.amazonaws.com"},"Action":"sts:AssumeRole"}]}`)})
	check.OK(t, err)
	_, err = grafana.NewFromConfig(cfg).CreateWorkspace(t.Context(), &grafana.CreateWorkspaceInput{
		AccountAccessType: types.AccountAccessTypeCurrentAccount, PermissionType: types.PermissionTypeCustomerManaged,
		WorkspaceRoleArn:        role.Role.Arn,
		AuthenticationProviders: []types.AuthenticationProviderTypes{types.AuthenticationProviderTypesAwsSso}, WorkspaceName: aws.String("g"),
	})
	check.OK(t, err)
	return cfg
}

// give plans and applies.
func give(t *testing.T, cfg aws.Config, wants ...people.Want) (*people.Team, []people.Result) {
	t.Helper()
	team, err := people.Open(t.Context(), cfg, "")
	check.OK(t, err)
	steps, err := team.Plan(t.Context(), wants, false)
	check.OK(t, err)
	results, err := team.Apply(t.Context(), steps)
	check.OK(t, err)
	return team, results
}

func TestManyPeopleAreGivenTwentyToACall(t *testing.T) {
	var sizes []int
	cfg := open(t, localaws.Options{}, 45, func(u *update) {
		var in struct{ UpdateInstructionBatch []any }
		if err := json.Unmarshal(u.body, &in); err != nil {
			t.Error(err)
		}
		sizes = append(sizes, len(in.UpdateInstructionBatch))
	})
	var wants []people.Want
	for i := range 45 {
		wants = append(wants, people.Want{Who: fmt.Sprintf("user%02d", i), Role: "VIEWER"})
	}
	team, results := give(t, cfg, wants...)
	if diff := cmp.Diff([]int{20, 20, 5}, sizes); diff != "" {
		t.Errorf("instructions in each call:\n%s", diff)
	}
	for _, r := range results {
		if r.Why != "" {
			t.Errorf("%s: %s", r.Who, r.Why)
		}
	}
	members, err := team.Members(t.Context())
	if err != nil || len(members) != 45 {
		t.Errorf("%d members, %v", len(members), err)
	}

	// Changing a role is two changes, and nobody has two roles at the end.
	_, results = give(t, cfg, people.Want{Who: "user07@example.com", Role: "ADMIN"})
	if len(results) != 1 || results[0].Why != "" {
		t.Errorf("%+v", results)
	}
	members, err = team.Members(t.Context())
	check.OK(t, err)
	admins := 0
	for _, m := range members {
		if m.Role == "ADMIN" && m.Name == "user07" {
			admins++
		}
	}
	if len(members) != 45 || admins != 1 {
		t.Errorf("%d members, %d times user07 as admin", len(members), admins)
	}
}

func TestWhatGrafanaOnlySaysItDidIsAFailure(t *testing.T) {
	lies := false
	cfg := open(t, localaws.Options{}, 2, func(u *update) {
		if lies {
			u.answer = `{"errors":[]}`
		}
	})
	lies = true
	team, results := give(t, cfg, people.Want{Who: "user00", Role: "EDITOR"})
	if len(results) != 1 || results[0].Why != "Grafana accepted the change but did not apply it" {
		t.Errorf("%+v", results)
	}
	lies = false
	give(t, cfg, people.Want{Who: "user00", Role: "EDITOR"})
	lies = true
	_, results = give(t, cfg, people.Want{Who: "user00"})
	if len(results) != 1 || results[0].Why == "" {
		t.Errorf("a role that was not taken away: %+v", results)
	}
	members, err := team.Members(t.Context())
	if err != nil || len(members) != 1 || members[0].Role != "EDITOR" {
		t.Errorf("%+v, %v", members, err)
	}
}

// TestErrorsInsideA200: AMG answers 200 to a batch of which it refuses a part.
func TestErrorsInsideA200(t *testing.T) {
	cfg := open(t, localaws.Options{}, 1, nil)
	w, err := amg.FindWorkspace(t.Context(), cfg, "")
	check.OK(t, err)
	directory, err := identity.Open(t.Context(), cfg)
	check.OK(t, err)
	somebody, err := directory.Find(t.Context(), "user00")
	check.OK(t, err)
	nobody := amg.Change{Permission: amg.Permission{ID: "00000000-0000-4000-8000-000000000000", Role: "VIEWER"}}
	failed, err := amg.Apply(t.Context(), cfg, w.ID, []amg.Change{nobody, {Permission: amg.Permission{ID: somebody.ID, Role: "ADMIN"}}})
	check.OK(t, err)
	if len(failed) != 1 || failed[0].ID != nobody.ID || failed[0].Why == "" || strings.Contains(failed[0].Why, "did not apply it") {
		t.Errorf("%+v: want AMG's reason for the one that nobody is", failed)
	}
	has, err := amg.Permissions(t.Context(), cfg, w.ID)
	if err != nil || len(has) != 1 || has[0].ID != somebody.ID {
		t.Errorf("%+v, %v", has, err)
	}
}

func TestIdentityCenterInAnotherRegion(t *testing.T) {
	cfg := open(t, localaws.Options{People: localaws.People{Region: "eu-central-1"}}, 1, nil)
	directory, err := identity.Open(t.Context(), cfg)
	check.OK(t, err)
	if directory.Region != "eu-central-1" {
		t.Errorf("found in %s", directory.Region)
	}
	if _, results := give(t, cfg, people.Want{Who: "group:platform-team", Role: "VIEWER"}); len(results) != 1 || results[0].Why != "" {
		t.Errorf("%+v", results)
	}
	_, err = directory.Find(t.Context(), "nobody")
	if hint.CodeOf(err) != hint.NotFound || !strings.Contains(err.Error(), "Identity Center in eu-central-1 has no") {
		t.Errorf("%v", err)
	}
}

// TestAnAccountInstanceIsSaidFirst: before anything else, a workspace that is not
// there for example.
func TestAnAccountInstanceIsSaidFirst(t *testing.T) {
	cfg := localtest.Start(t, localaws.Options{People: localaws.People{Kind: "account", Region: "eu-central-1"}}).Operator()
	_, err := people.Open(t.Context(), cfg, "no such workspace")
	if hint.CodeOf(err) != hint.NotFound || !strings.Contains(err.Error(), "instance in eu-central-1 is an account instance of "+
		"111122223333") ||
		!strings.Contains(hint.Next(err), "in the organization's management account") {
		t.Errorf("%v; %s", err, hint.Next(err))
	}
}
