// Package grafana is the local Amazon Managed Grafana: the control plane, which
// keeps workspaces with their permissions and service accounts, and over package
// server the Grafana of each workspace, on an address of its own.
package grafana

import (
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/grafana/accounts"
	"github.com/parascope/parascope/localaws/grafana/server"
	"github.com/parascope/parascope/localaws/principal"
	"github.com/parascope/parascope/localaws/state"
)

// Options are what the service is made of. The delays, the faults, Session and
// Pages may be left out.
type Options struct {
	State  *state.DB
	Now    func() time.Time
	NewID  func() string // UUIDs
	Logger *slog.Logger

	// Listen is the host that the workspaces' Grafanas are on; 127.0.0.1 when empty.
	Listen string
	// CloudURL is the local cloud itself, for data sources that ask CloudWatch.
	CloudURL func() string
	// AssumeForService gives credentials of a role that a service may assume: iam.IAM's.
	AssumeForService func(roleARN, service, session string, keys map[string][]string, lifetime time.Duration) (principal.AccessKey, error)
	// OrganizationInstance reports whether the account has an organization
	// instance of IAM Identity Center, in any region.
	OrganizationInstance func() (bool, error)
	// InDirectory reports whether the identity store has the user ("SSO_USER") or
	// group ("SSO_GROUP") with this id.
	InDirectory func(kind, id string) (bool, error)

	// Session finds the person who is signed in to a workspace's pages; see server.Options.
	Session func(workspaceID string, r *http.Request) (server.Identity, bool, error)
	// Pages answers what is not under /api; see server.Options.
	Pages func(workspaceID string) http.Handler

	CreateDelay time.Duration // how long a new workspace is CREATING
	UpdateDelay time.Duration // how long a changed one is UPDATING
	DeleteDelay time.Duration // how long a deleted one is DELETING
	// Faults are what goes wrong with new workspaces, by the workspace's name;
	// the one under "" is that of all others.
	Faults map[string]Fault
}

// Grafana is the service.
type Grafana struct {
	opts      Options
	accounts  *accounts.Accounts
	server    *server.Server
	listeners listeners
}

// New opens the service on its state, and the address of every workspace in it.
func New(o Options) (*Grafana, error) {
	if o.Listen == "" {
		o.Listen = "127.0.0.1"
	}
	g := &Grafana{opts: o}
	g.accounts = accounts.New(accounts.Options{State: o.State, Now: o.Now, Workspace: g.usable})
	g.server = server.New(server.Options{
		State: o.State, Now: o.Now, NewID: o.NewID, Logger: o.Logger, CloudURL: o.CloudURL,
		Workspace: g.running, Token: g.authenticate, Credentials: g.credentials, Session: o.Session, Pages: o.Pages,
	})
	g.listeners = listeners{host: o.Listen, handler: g.server.Handler, logger: o.Logger, open: map[string]*listener{}}
	err := g.finishDeletions(o.Now())
	if err == nil {
		err = g.resume()
	}
	if err != nil {
		return nil, errors.Join(err, g.Close())
	}
	return g, nil
}

// HasDashboard reports whether a workspace's Grafana has a dashboard of this uid.
func (g *Grafana) HasDashboard(workspaceID, uid string) (bool, error) {
	return g.server.HasDashboard(workspaceID, uid)
}

// Close closes the workspaces' addresses.
func (g *Grafana) Close() error { return g.listeners.close() }

// usable is the workspace that a request about its accounts names.
func (g *Grafana) usable(r *gateway.Request) (accounts.Workspace, error) {
	w, err := g.steady(r)
	if err != nil {
		return accounts.Workspace{}, err
	}
	return accounts.Workspace{ID: w.ID, Version: w.Version, APIKeys: w.hasAPIKeys()}, nil
}

// authenticate finds whom a bearer token stands for in a workspace.
func (g *Grafana) authenticate(workspaceID, key string) (server.Identity, error) {
	w, err := g.load(g.opts.Now(), workspaceID)
	if err == nil && w == nil {
		err = server.ErrInvalidKey
	}
	if err != nil {
		return server.Identity{}, err
	}
	return g.accounts.Authenticate(w.ID, w.hasAPIKeys(), key)
}

// roleLifetime is how long credentials of a workspace's role are asked for.
const roleLifetime = time.Hour

// credentials are those of the workspace's role, which its queries are signed with.
func (g *Grafana) credentials(w server.Workspace) (principal.AccessKey, error) {
	if w.RoleARN == "" {
		return principal.AccessKey{}, errors.New("the workspace has no IAM role (workspaceRoleArn)")
	}
	return g.opts.AssumeForService(w.RoleARN, serviceName, w.ID, map[string][]string{
		"aws:SourceAccount": {principal.Account},
		"aws:SourceArn":     {arnOf(w.Region, w.ID)},
	}, roleLifetime)
}
