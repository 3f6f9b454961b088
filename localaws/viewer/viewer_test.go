package viewer_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/grafana"
	"github.com/parascope/parascope/localaws/grafana/server"
	"github.com/parascope/parascope/localaws/identity"
	"github.com/parascope/parascope/localaws/localtest/check"
	"github.com/parascope/parascope/localaws/localtest/servicetest"
	"github.com/parascope/parascope/localaws/sns"
	"github.com/parascope/parascope/localaws/viewer"
)

const workspace = "g-0123456789"

// door is a viewer with the people that there are by default, and their roles.
type door struct {
	*servicetest.Base
	t           *testing.T
	viewer      *viewer.Viewer
	people      *identity.Identity
	permissions []grafana.Permission
	failure     error // of reading the permissions
	mails       []sns.Mail
	confirmed   []string // topic and token
}

func newDoor(t *testing.T) *door {
	t.Helper()
	d := &door{t: t, Base: servicetest.Open(t, t.TempDir())}
	var err error
	d.people, err = identity.New(identity.Options{State: d.State, Now: d.Clock.Now, NewID: uuid.NewString})
	check.OK(t, err)
	d.viewer, err = viewer.New(viewer.Options{
		Now: d.Clock.Now, Logger: d.Logger, Directory: d.people,
		Permissions: func(id string) ([]grafana.Permission, error) {
			if id != workspace {
				return nil, d.failure
			}
			return d.permissions, d.failure
		},
		Dashboard: func(id, uid string) (bool, error) { return id == workspace && uid == "there", nil },
		Hints:     hints(),
		Mailbox: viewer.Mailbox{
			Mails: func() ([]sns.Mail, error) { return d.mails, nil },
			Confirm: func(topic, token string, _ bool) (string, error) {
				if token != "good" {
					return "", &gateway.Error{Status: 400, Message: "Invalid parameter: Token"}
				}
				d.confirmed = append(d.confirmed, topic+" "+token)
				return topic + ":s", nil
			},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *door) add(role, name string) {
	d.t.Helper()
	id, found := d.people.UserByEmail(name + "@example.com")
	if !found {
		d.t.Fatalf("no %s", name)
	}
	d.permissions = append(d.permissions, grafana.Permission{Role: role, Type: "SSO_USER", ID: id})
}

// ask asks a workspace's pages; change may alter the request.
func (d *door) ask(id, method, path string, form url.Values, change func(*http.Request)) *http.Response {
	d.t.Helper()
	r := httptest.NewRequestWithContext(d.t.Context(), method, "http://127.0.0.1:3000"+path, strings.NewReader(form.Encode()))
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	d.viewer.Pages(id).ServeHTTP(w, r)
	return w.Result()
}

func (d *door) signIn(name, back string) (answer *http.Response, cookie *http.Cookie) {
	d.t.Helper()
	answer = d.ask(workspace, "POST", "/login", url.Values{"email": {name + "@example.com"}, "redirectTo": {back}}, nil)
	if len(answer.Cookies()) == 1 {
		cookie = answer.Cookies()[0]
	}
	return answer, cookie
}

// who is whom the API takes a request for.
func (d *door) who(id, method string, cookie *http.Cookie, change func(*http.Request)) (server.Identity, bool) {
	d.t.Helper()
	r := httptest.NewRequestWithContext(d.t.Context(), method, "http://127.0.0.1:3000/api/user", nil)
	r.AddCookie(cookie)
	if change != nil {
		change(r)
	}
	who, found, err := d.viewer.Session(id, r)
	if err != nil {
		d.t.Fatal(err)
	}
	return who, found
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestSignInGivesASession(t *testing.T) {
	d := newDoor(t)
	d.add("EDITOR", "alice")
	if answer := d.ask(workspace, "GET", "/d/x?from=now-1h", nil,
		nil); answer.Header.Get("Location") != "/login?redirectTo=%2Fd%2Fx%3Ffrom%3Dnow-1h" {
		t.Errorf("nobody is sent to %q", answer.Header.Get("Location"))
	}
	answer, cookie := d.signIn("Alice", "/d/x?from=now-1h")
	if answer.StatusCode != http.StatusSeeOther || answer.Header.Get("Location") != "/d/x?from=now-1h" {
		t.Fatalf("signed in: %d to %q", answer.StatusCode, answer.Header.Get("Location"))
	}
	if !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || len(cookie.Value) < 40 || cookie.Path != "/" {
		t.Errorf("cookie %+v", cookie)
	}
	who, found := d.who(workspace, "GET", cookie, nil)
	if !found || who.Email != "alice@example.com" || who.Name != "Alice Adams" || who.Role != "EDITOR" || who.ID == 0 {
		t.Errorf("signed in as %+v, %v", who, found)
	}
	if _, other := d.signIn("alice", "/"); other.Value == cookie.Value {
		t.Error("two sessions have one cookie")
	}
	if _, found := d.who("g-another000", "GET", cookie, nil); found {
		t.Error("the session counts in another workspace")
	}
	d.Clock.Pass(12 * time.Hour)
	if _, found := d.who(workspace, "GET", cookie, nil); found {
		t.Error("the session does not end")
	}
}

func TestSigningOutEndsTheSession(t *testing.T) {
	d := newDoor(t)
	d.add("VIEWER", "alice")
	_, cookie := d.signIn("alice", "/")
	answer := d.ask(workspace, "POST", "/logout", nil, func(r *http.Request) { r.AddCookie(cookie) })
	if answer.Header.Get("Location") != "/login" || answer.Cookies()[0].MaxAge >= 0 {
		t.Errorf("signed out to %q with %v", answer.Header.Get("Location"), answer.Cookies())
	}
	if _, found := d.who(workspace, "GET", cookie, nil); found {
		t.Error("the cookie still counts")
	}
}

func TestTheHighestRoleOfUserAndGroupsCounts(t *testing.T) {
	d := newDoor(t)
	d.add("VIEWER", "alice")
	_, cookie := d.signIn("alice", "/")
	role := func() string { who, _ := d.who(workspace, "GET", cookie, nil); return who.Role }
	if got := role(); got != "VIEWER" {
		t.Errorf("role %q", got)
	}
	id, _ := d.people.UserByEmail("alice@example.com")
	d.permissions = append(d.permissions, grafana.Permission{Role: "ADMIN", Type: "SSO_GROUP", ID: d.people.GroupsOf(id)[0]})
	if got := role(); got != "ADMIN" {
		t.Errorf("in a group: role %q", got)
	}
	d.permissions = nil
	if _, found := d.who(workspace, "GET", cookie, nil); found {
		t.Error("a role that was taken away still counts")
	}
	page := d.ask(workspace, "GET", "/", nil, func(r *http.Request) { r.AddCookie(cookie) })
	if text := body(t, page); page.StatusCode != http.StatusForbidden ||
		!strings.Contains(text, "grant alice@example.com") || !strings.Contains(text, id) {
		t.Errorf("without a role: %d %s", page.StatusCode, text)
	}
	d.failure = errors.New("disk on fire")
	if page := d.ask(workspace, "GET", "/", nil, func(r *http.Request) {
		r.AddCookie(cookie)
	}); page.StatusCode != http.StatusInternalServerError || strings.Contains(body(t, page), "fire") {
		t.Errorf("permissions not readable: %d", page.StatusCode)
	}
}

func TestNobodyOfThatAddress(t *testing.T) {
	d := newDoor(t)
	answer := d.ask(workspace, "POST", "/login", url.Values{"email": {`<b>"x"@example.com`}}, nil)
	text := body(t, answer)
	if answer.StatusCode != http.StatusUnauthorized || len(answer.Cookies()) != 0 || !strings.Contains(text, "has no user") ||
		!strings.Contains(text, "carol@example.com") {
		t.Errorf("%d %s", answer.StatusCode, text)
	}
	if strings.Contains(text, "<b>&#34;") || strings.Contains(text, `<b>"x"`) {
		t.Error("what was typed became markup")
	}
}

func TestSigningInLeadsNowhereElse(t *testing.T) {
	d := newDoor(t)
	for _, back := range []string{"", "https://example.com/", "//example.com/", `/\example.com`, "javascript:alert(1)", "d/x",
		"/\t/example.com", "/\x00", "/..//example.com\n"} {
		if answer, _ := d.signIn("alice", back); answer.Header.Get("Location") != "/" {
			t.Errorf("%q leads to %q", back, answer.Header.Get("Location"))
		}
	}
}

// No password is asked for, so another site's page must not get to act as somebody.
func TestOtherSitesGetNothing(t *testing.T) {
	d := newDoor(t)
	d.add("ADMIN", "alice")
	_, cookie := d.signIn("alice", "/")
	foreign := map[string]func(*http.Request){
		"another site":      func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
		"another port":      func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-site") },
		"another origin":    func(r *http.Request) { r.Header.Set("Origin", "http://127.0.0.1:8080") },
		"another host name": func(r *http.Request) { r.Host = "rebound.example.com:3000" },
	}
	for name, change := range foreign {
		if _, found := d.who(workspace, "POST", cookie, change); found {
			t.Errorf("%s: the API takes its request", name)
		}
		if answer := d.ask(workspace, "POST", "/login", url.Values{"email": {"alice@example.com"}},
			change); answer.StatusCode != http.StatusForbidden || len(answer.Cookies()) != 0 {
			t.Errorf("%s signs in: %d", name, answer.StatusCode)
		}
	}
	for _, host := range []string{"localhost:3000", "[::1]:3000", "127.0.0.1"} {
		if _, found := d.who(workspace, "POST", cookie, func(r *http.Request) {
			r.Host = host
			r.Header.Set("Sec-Fetch-Site", "same-origin")
		}); !found {
			t.Errorf("%s is refused", host)
		}
	}
	page := d.ask(workspace, "GET", "/login", nil, nil)
	if policy := page.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") ||
		!strings.Contains(policy, "frame-ancestors 'none'") {
		t.Errorf("policy %q", policy)
	}
}

// A page that is not there answers 404; the program, where it was built, says so.
func TestPagesThatAreNotThere(t *testing.T) {
	d := newDoor(t)
	d.add("EDITOR", "alice")
	_, cookie := d.signIn("alice", "/")
	there := http.StatusOK
	if !viewer.Built() {
		there = http.StatusNotImplemented
	}
	for path, want := range map[string]bool{
		"/": true, "/dashboards": true, "/dashboards/": true, "/dashboard/new": true, "/dashboard/import": true, "/explore?expr=up": true,
		"/connections/datasources": true, "/datasources": true, "/d/there": true, "/d/there/its-title?from=now-1h": true,
		"/nothing": false, "/d/elsewhere": false, "/d/": false, "/dashboardsx": false, "/explore/more": false, "/favicon.ico": false,
	} {
		answer := d.ask(workspace, "GET", path, nil, func(r *http.Request) { r.AddCookie(cookie) })
		if got := answer.StatusCode == there; viewer.Built() && got != want {
			t.Errorf("%s: %d", path, answer.StatusCode)
		}
	}
}

func TestAssets(t *testing.T) {
	d := newDoor(t)
	page := body(t, d.ask(workspace, "GET", "/login", nil, nil))
	_, rest, _ := strings.Cut(page, `rel="stylesheet" href="`)
	path, _, _ := strings.Cut(rest, `"`)
	for path, want := range map[string]struct {
		status int
		cache  string
	}{
		path:                              {200, "public, max-age=31536000, immutable"},
		"/public/style.css":               {200, "no-cache"},
		"/public/style.css?v=old":         {200, "no-cache"},
		"/public/login.html":              {404, ""},
		"/public/none.css":                {404, ""},
		"/public/..%2f..%2fviewer.go":     {404, ""},
		"/public/%2e%2e/pages/style.css?": {404, ""},
	} {
		answer := d.ask(workspace, "GET", path, nil, nil)
		if answer.StatusCode != want.status || answer.Header.Get("Cache-Control") != want.cache {
			t.Errorf("%s: %d %q, want %v", path, answer.StatusCode, answer.Header.Get("Cache-Control"), want)
		}
	}
}
