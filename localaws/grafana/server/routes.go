package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/parascope/parascope/localaws/bounded"
)

// route is a place of the API: who may use it, and what does.
type route struct {
	pattern    string
	role       string // the least role: "" for everybody, signed in or not
	permission string // as Grafana names it in its refusal
	serve      func(*call) error
	until      string // the first version that does not have it; "": all have it
}

// ranks orders the roles.
var ranks = []string{"VIEWER", "EDITOR", "ADMIN"}

func (s *Server) routes() []route {
	const viewer, editor, admin = "VIEWER", "EDITOR", "ADMIN"
	return []route{
		{pattern: "GET /healthz", serve: healthz},
		{pattern: "GET /api/user", role: viewer, serve: currentUser},
		{pattern: "GET /api/user/orgs", role: viewer, serve: currentUserOrgs},
		{pattern: "GET /api/org", role: viewer, permission: "orgs:read", serve: currentOrg},
		{pattern: "GET /api/org/users", role: admin, permission: "org.users:read", serve: orgUsers},
		{pattern: "GET /api/frontend/settings", role: viewer, serve: s.frontendSettings},
		{pattern: "GET /api/frontend/settings/{$}", role: viewer, serve: s.frontendSettings},

		{pattern: "GET /api/datasources", role: admin, permission: "datasources:read", serve: s.listDataSources},
		{pattern: "POST /api/datasources", role: admin, permission: "datasources:create", serve: s.addDataSource},
		{pattern: "GET /api/datasources/uid/{uid}", role: admin, permission: "datasources:read", serve: s.getDataSource},
		{pattern: "PUT /api/datasources/uid/{uid}", role: admin, permission: "datasources:write", serve: s.updateDataSource},
		{pattern: "DELETE /api/datasources/uid/{uid}", role: admin, permission: "datasources:delete", serve: s.deleteDataSource},
		{pattern: "GET /api/datasources/name/{name}", role: admin, permission: "datasources:read", serve: s.getDataSource},
		{pattern: "DELETE /api/datasources/name/{name}", role: admin, permission: "datasources:delete", serve: s.deleteDataSource},
		{pattern: "GET /api/datasources/id/{name}", role: viewer, permission: "datasources.id:read", serve: s.dataSourceID},
		{pattern: "GET /api/datasources/{id}", role: admin, permission: "datasources:read", serve: s.getDataSource, until: noNumericIDs},
		{pattern: "PUT /api/datasources/{id}", role: admin, permission: "datasources:write", serve: s.updateDataSource, until: noNumericIDs},
		{pattern: "DELETE /api/datasources/{id}", role: admin, permission: "datasources:delete", serve: s.deleteDataSource, until: noNumericIDs},
		{pattern: "GET /api/datasources/uid/{uid}/health", role: viewer, permission: "datasources:query", serve: s.health},
		{pattern: "GET /api/datasources/uid/{uid}/resources/{path...}", role: viewer, permission: "datasources:query", serve: s.proxy},
		{pattern: "POST /api/datasources/uid/{uid}/resources/{path...}", role: viewer, permission: "datasources:query", serve: s.proxy},
		{pattern: "GET /api/datasources/proxy/uid/{uid}/{path...}", role: viewer, permission: "datasources:query", serve: s.proxy},
		{pattern: "POST /api/datasources/proxy/uid/{uid}/{path...}", role: viewer, permission: "datasources:query", serve: s.proxy},
		{pattern: "POST /api/ds/query", role: viewer, permission: "datasources:query", serve: s.query},

		{pattern: "GET /api/folders", role: viewer, permission: "folders:read", serve: s.listFolders},
		{pattern: "POST /api/folders", role: editor, permission: "folders:create", serve: s.createFolder},
		{pattern: "GET /api/folders/{uid}", role: viewer, permission: "folders:read", serve: s.getFolder},
		{pattern: "PUT /api/folders/{uid}", role: editor, permission: "folders:write", serve: s.updateFolder},
		{pattern: "DELETE /api/folders/{uid}", role: editor, permission: "folders:delete", serve: s.deleteFolder},

		{pattern: "POST /api/dashboards/db", role: editor, permission: "any of dashboards:create, dashboards:write", serve: s.saveDashboard},
		{pattern: "POST /api/dashboards/import", role: editor, permission: "dashboards:create", serve: s.importDashboard},
		{pattern: "GET /api/dashboards/uid/{uid}", role: viewer, permission: "dashboards:read", serve: s.getDashboard},
		{pattern: "DELETE /api/dashboards/uid/{uid}", role: editor, permission: "dashboards:delete", serve: s.deleteDashboard},
		{pattern: "GET /api/dashboards/home", role: viewer, serve: homeDashboard},
		{pattern: "GET /api/search", role: viewer, serve: s.search},
	}
}

// noNumericIDs is the first version whose data sources are known by uid only.
const noNumericIDs = "13"

// maxBody is above what Grafana accepts, and enough for any dashboard; maxForm is for
// the form of signing in, which anybody may send.
const (
	maxBody = 16 << 20
	maxForm = 16 << 10
)

// Handler is the Grafana of one workspace.
func (s *Server) Handler(workspaceID string) http.Handler {
	mux := http.NewServeMux()
	for _, rt := range s.routes() {
		mux.HandleFunc(rt.pattern, func(rw http.ResponseWriter, r *http.Request) { s.serve(rw, r, workspaceID, rt) })
	}
	// Amazon Managed Grafana does not expose /api/health: it is a path like any other.
	mux.HandleFunc("/api/", func(rw http.ResponseWriter, r *http.Request) {
		s.serve(rw, r, workspaceID, route{serve: func(*call) error { return refuse(http.StatusNotFound, "Not found") }})
	})
	mux.HandleFunc("/", func(rw http.ResponseWriter, r *http.Request) {
		s.serve(rw, r, workspaceID, route{serve: func(c *call) error {
			if s.opts.Pages == nil {
				return refuse(http.StatusNotFound, "Not found")
			}
			form, release, err := s.forms.Read(rw, r, maxForm)
			defer release()
			if err != nil {
				return err
			}
			r.Body = io.NopCloser(bytes.NewReader(form))
			s.opts.Pages(workspaceID).ServeHTTP(rw, r)
			return nil
		}})
	})
	return mux
}

// serve takes a request through the checks that all have in common.
func (s *Server) serve(rw http.ResponseWriter, r *http.Request, workspaceID string, rt route) {
	release := func() {}
	defer func() { release() }()
	c, sent := &call{Request: r, rw: rw}, r.Body
	defer func() { s.answers.Give(c.held) }()
	c.body = func() (body []byte, err error) {
		body, release, err = s.bodies.Read(rw, r, maxBody)
		return body, err
	}
	err := s.admit(c, workspaceID, rt)
	if err == nil {
		err = rt.serve(c)
	}
	switch {
	case unread(err) != 0:
		bounded.AnswerUnread(rw, sent, func() { s.writeError(c, err) })
	case err != nil:
		s.writeError(c, err)
	}
	s.opts.Logger.Debug("grafana request", "workspace", workspaceID, "method", r.Method, "path", r.URL.Path, "login", c.who.Login, "err", err)
}

// admit finds out who asks, and whether the workspace and the role allow it.
func (s *Server) admit(c *call, workspaceID string, rt route) error {
	w, found, err := s.opts.Workspace(workspaceID)
	switch {
	case err != nil:
		return err
	case !found:
		return refuse(http.StatusNotFound, "workspace "+workspaceID+" does not exist")
	case !w.Answers:
		return refuse(http.StatusServiceUnavailable, "workspace "+workspaceID+" is "+w.Status)
	case w.Refuse != 0:
		return refuse(w.Refuse, http.StatusText(w.Refuse))
	}
	c.ws = w
	if rt.role == "" {
		return nil
	}
	if c.who, err = s.identify(c); err != nil {
		return err
	}
	if rt.until != "" && c.atLeast(rt.until) {
		return refuse(http.StatusNotFound, "Not found")
	}
	if slices.Index(ranks, c.who.Role) >= slices.Index(ranks, rt.role) {
		return nil
	}
	return &refusal{status: http.StatusForbidden, message: "You'll need additional permissions to perform this action. Permissions needed: " +
		rt.permission,
		more: map[string]any{"title": "Access denied", "accessErrorId": "ACE" + strings.ReplaceAll(s.opts.NewID(), "-", "")[:10]}}
}

// identify finds whom the request comes from: a bearer token's service account,
// or the person who is signed in.
func (s *Server) identify(c *call) (Identity, error) {
	if key, ok := strings.CutPrefix(c.Header.Get("Authorization"), "Bearer "); ok {
		who, err := s.opts.Token(c.ws.ID, strings.TrimSpace(key))
		switch {
		case errors.Is(err, ErrInvalidKey):
			return who, c.unauthorized("Invalid API key", "api-key.invalid")
		case errors.Is(err, ErrExpiredKey):
			return who, c.unauthorized("Expired API key", "api-key.expired")
		}
		return who, err
	}
	if s.opts.Session != nil {
		who, found, err := s.opts.Session(c.ws.ID, c.Request)
		if found || err != nil {
			return who, err
		}
	}
	return Identity{}, c.unauthorized("Unauthorized", "auth.unauthorized")
}

func (c *call) unauthorized(message, id string) error {
	answer := &refusal{status: http.StatusUnauthorized, message: message}
	if c.atLeast("10") {
		answer.more = map[string]any{"messageId": id, "statusCode": http.StatusUnauthorized, "traceID": ""}
	}
	return answer
}

// refusal is an answer that Grafana would give to a request it refuses.
type refusal struct {
	status  int
	message string
	more    map[string]any // further members of the body
}

func (r *refusal) Error() string { return r.message }

func refuse(status int, message string) error { return &refusal{status: status, message: message} }

// conditional is a refusal with Grafana's word for what is wrong.
func conditional(status int, message, word string) error {
	return &refusal{status, message, map[string]any{"status": word}}
}

// writeError answers with err. What is no answer of Grafana is a defect of the
// cloud: it is logged here, once.
func (s *Server) writeError(c *call, err error) {
	answer, ok := errors.AsType[*refusal](err)
	if status := unread(err); status != 0 {
		answer, ok = &refusal{status: status, message: err.Error()}, true
	}
	if !ok {
		s.opts.Logger.Error("request failed because of an internal error of the local "+
			"Grafana", "method", c.Method, "path", c.URL.Path, "err", err)
		answer = &refusal{status: http.StatusInternalServerError, message: "Internal Server Error"}
	}
	body := map[string]any{"message": answer.message}
	for k, v := range answer.more {
		body[k] = v
	}
	if err := c.write(answer.status, body); err != nil {
		s.opts.Logger.Error("could not write the error response", "path", c.URL.Path, "err", err)
	}
}

// unread is the status of an answer to a body that could not be read; 0 for other errors.
func unread(err error) int {
	switch {
	case errors.Is(err, bounded.ErrTooLarge):
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, bounded.ErrBusy):
		return http.StatusServiceUnavailable
	case errors.Is(err, bounded.ErrSlow):
		return http.StatusRequestTimeout
	case errors.Is(err, bounded.ErrIncomplete):
		return http.StatusBadRequest
	}
	return 0
}

func (c *call) write(status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	c.rw.Header().Set("Content-Type", "application/json; charset=UTF-8")
	c.rw.Header().Set("Content-Length", strconv.Itoa(len(body)))
	c.rw.WriteHeader(status)
	c.rw.Write(body) // an error means that the client is gone: nobody is left to tell
	return nil
}

// read decodes the request's JSON body.
func (c *call) read(v any) error {
	body, err := c.body()
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, v); err != nil {
		return refuse(http.StatusBadRequest, "bad request data")
	}
	return nil
}
