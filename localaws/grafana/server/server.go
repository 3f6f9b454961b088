// Package server is the Grafana of the local workspaces: the part of its HTTP API
// that clients need for data sources, folders, dashboards and queries, with the
// differences between the versions that Amazon Managed Grafana has. Queries go
// over HTTP to the data source, signed with the workspace's role. It is written
// from Grafana's documentation and the behaviour seen by its users.
package server

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/parascope/parascope/localaws/bounded"
	"github.com/parascope/parascope/localaws/principal"
	"github.com/parascope/parascope/localaws/state"
)

// Errors that Options.Token answers with.
var (
	ErrInvalidKey = errors.New("invalid API key")
	ErrExpiredKey = errors.New("expired API key")
)

// Workspace is what a Grafana knows of the workspace that it belongs to.
type Workspace struct {
	ID, Region, Version string // Version is "12.4"
	RoleARN             string // "": it has no role
	Status              string
	Answers             bool // whether Status is one in which Grafana runs
	Refuse              int  // an HTTP status that everything is answered with; 0: none
}

// Identity is who makes a request.
type Identity struct {
	ID                      int64
	UID, Login, Email, Name string
	Role                    string // ADMIN, EDITOR, VIEWER
}

// Options are what the Grafanas are made of; Session and Pages may be left out.
type Options struct {
	State  *state.DB
	Now    func() time.Time
	NewID  func() string // UUIDs
	Logger *slog.Logger

	Workspace   func(id string) (w Workspace, found bool, err error)
	Token       func(workspaceID, key string) (Identity, error) // ErrInvalidKey, ErrExpiredKey
	Credentials func(Workspace) (principal.AccessKey, error)    // of the workspace's role
	CloudURL    func() string                                   // where CloudWatch and its logs are

	// Session finds the person signed in whose cookie a request has. Pages answers
	// what is not under /api. Both are for a user interface.
	Session func(workspaceID string, r *http.Request) (who Identity, found bool, err error)
	Pages   func(workspaceID string) http.Handler
}

// Server has the Grafanas of all workspaces.
type Server struct {
	opts   Options
	client *http.Client
	bodies *bounded.Bodies // of who is let in
	forms  *bounded.Bodies // of anybody, to sign in
	// answers are what data sources have answered to the requests in work. What is made
	// of them takes ten times as much.
	answers *bounded.Room

	mu   sync.Mutex
	keys map[string]principal.AccessKey // workspace id and role → credentials, while they last
}

// Bounds of the bodies of all requests.
const (
	maxBodies = 128 << 20
	bodyTime  = time.Minute
	maxForms  = 16 << 20
	formTime  = 10 * time.Second

	maxAnswers = 2 * maxAnswer
)

// queryTimeout bounds a request to a data source: AMP's own limit is a minute.
const queryTimeout = 70 * time.Second

// New makes a server.
func New(o Options) *Server {
	return &Server{opts: o, keys: map[string]principal.AccessKey{}, bodies: bounded.NewBodies(maxBodies, bodyTime),
		forms: bounded.NewBodies(maxForms, formTime), answers: bounded.NewRoom(maxAnswers), client: &http.Client{
			Timeout: queryTimeout,
			// A data source that sends its caller elsewhere must not get the signature there.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}}
}

// renewBefore is how long before their end credentials are not used any more.
const renewBefore = 5 * time.Minute

// credentials are those of the workspace's role, asked for once and kept.
func (s *Server) credentials(w Workspace) (principal.AccessKey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := w.ID + " " + w.RoleARN
	if key, ok := s.keys[id]; ok && s.opts.Now().Before(key.Expires.Add(-renewBefore)) {
		return key, nil
	}
	key, err := s.opts.Credentials(w)
	if err != nil {
		return principal.AccessKey{}, err
	}
	s.keys[id] = key
	return key, nil
}

// call is one request to a workspace's Grafana.
type call struct {
	*http.Request
	rw  http.ResponseWriter
	ws  Workspace
	who Identity

	body func() ([]byte, error) // the whole body of a request that was let in
	left int                    // bytes that data sources may still answer its queries with
	held int64                  // bytes of their answers, counted in Server.answers
}

func (c *call) ctx() context.Context { return c.Request.Context() }
