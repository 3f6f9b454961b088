// Package viewer is what people see of the local Grafana: the sign-in that stands
// for IAM Identity Center's, and the pages for dashboards, data sources and
// exploring. The pages are a program in the browser that asks Grafana's HTTP API
// and nothing else; its source is in web, and make build puts it together.
package viewer

import (
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/parascope/parascope/localaws/grafana"
	"github.com/parascope/parascope/localaws/identity"
)

// Options are what the viewer is made of.
type Options struct {
	Now    func() time.Time
	Logger *slog.Logger
	// Directory has the people who may sign in.
	Directory *identity.Identity
	// Permissions are the roles of a workspace; they are asked for at every
	// request, so that one that was taken away is gone at once.
	Permissions func(workspaceID string) ([]grafana.Permission, error)
	// Dashboard reports whether a workspace has a dashboard of this uid.
	Dashboard func(workspaceID, uid string) (bool, error)
	Hints     Hints
	Mailbox   Mailbox
}

// Hints are how whoever runs the cloud does what a page says is missing. Without
// them the pages name AWS's and Grafana's own means.
type Hints struct {
	AddUser   func(email string) string // command that gives somebody the role of a viewer; nil: none
	AddSource string                    // sentence for a workspace without data sources
}

// Viewer has the sessions of all workspaces; they end with the process.
type Viewer struct {
	opts   Options
	pages  pages
	origin *http.CrossOriginProtection

	mu       sync.Mutex
	sessions map[string]session
}

// New makes a viewer.
func New(o Options) (*Viewer, error) {
	p, err := readPages()
	if err != nil {
		return nil, err
	}
	return &Viewer{opts: o, pages: p, origin: http.NewCrossOriginProtection(), sessions: map[string]session{}}, nil
}

// security are the headers of every page: nothing comes from elsewhere, and
// nobody puts the pages into a frame.
var security = map[string]string{
	"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
		"form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
	"X-Content-Type-Options": "nosniff",
	"Referrer-Policy":        "same-origin",
}

// Pages answers what is not under /api in a workspace's Grafana.
func (v *Viewer) Pages(workspaceID string) http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, serve func(http.ResponseWriter, *http.Request, string) error) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if err := serve(w, r, workspaceID); err != nil {
				v.opts.Logger.Error("could not serve the page", "workspace", workspaceID, "path", r.URL.Path, "err", err)
				http.Error(w, "Internal Server Error", http.StatusInternalServerError)
			}
		})
	}
	handle("GET /login", v.signInPage)
	handle("POST /login", v.signIn)
	handle("POST /logout", v.signOut)
	handle("GET /public/{path...}", v.asset)
	handle("GET /mailbox", v.mailbox)
	handle("POST /mailbox/confirm", v.confirmMail)
	handle("GET /", v.page)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, value := range security {
			w.Header().Set(name, value)
		}
		if err := v.trusted(r); err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// errForeignHost: a page elsewhere that has its name point here could otherwise
// sign in as anybody, since no password is asked for.
var errForeignHost = errors.New("use 127.0.0.1 or localhost as the host name of the local Grafana")

// page is the program, for who is signed in and has a role.
func (v *Viewer) page(w http.ResponseWriter, r *http.Request, workspaceID string) error {
	s, found := v.session(workspaceID, r)
	if !found {
		http.Redirect(w, r, loginPath(r.URL.RequestURI()), http.StatusFound)
		return nil
	}
	role, err := v.role(workspaceID, s.person.ID)
	if err != nil {
		return err
	}
	if role == "" {
		return v.refuse(w, workspaceID, s.person)
	}
	there, err := v.has(workspaceID, r.URL.Path)
	if err != nil {
		return err
	}
	return v.pages.app(w, there, v.opts.Hints.AddSource)
}

// places are the paths that the program has a page for, beside those of dashboards.
var places = []string{"/", "/dashboards", "/dashboard/new", "/dashboard/import", "/explore", "/connections/datasources", "/datasources"}

// has reports whether there is a page at the path.
func (v *Viewer) has(workspaceID, path string) (bool, error) {
	if rest, ok := strings.CutPrefix(path, "/d/"); ok {
		uid, _, _ := strings.Cut(rest, "/")
		return v.opts.Dashboard(workspaceID, uid)
	}
	return path == "/" || slices.Contains(places, strings.TrimSuffix(path, "/")), nil
}
