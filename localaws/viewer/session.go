package viewer

import (
	"crypto/rand"
	"hash/fnv"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/parascope/parascope/localaws/grafana/server"
	"github.com/parascope/parascope/localaws/identity"
)

// session is a person who is signed in to a workspace.
type session struct {
	workspaceID string
	person      identity.Person
	expires     time.Time
}

const (
	sessionLifetime = 12 * time.Hour
	maxSessions     = 1000 // the one that ends first makes room
)

// cookieName has the workspace in it: cookies do not tell ports apart.
func cookieName(workspaceID string) string { return "grafana_session_" + workspaceID }

// Session finds the person whose cookie the request has, with the role that the
// person has now. A request that another site's page made is nobody's.
func (v *Viewer) Session(workspaceID string, r *http.Request) (server.Identity, bool, error) {
	s, found := v.session(workspaceID, r)
	if !found || v.trusted(r) != nil {
		return server.Identity{}, false, nil
	}
	role, err := v.role(workspaceID, s.person.ID)
	if err != nil || role == "" {
		return server.Identity{}, false, err
	}
	p := s.person
	return server.Identity{ID: numberOf(p.ID), UID: p.ID, Login: p.Email, Email: p.Email, Name: p.Name, Role: role}, true, nil
}

func (v *Viewer) session(workspaceID string, r *http.Request) (session, bool) {
	cookie, err := r.Cookie(cookieName(workspaceID))
	if err != nil {
		return session{}, false // there is none
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	s, found := v.sessions[cookie.Value]
	return s, found && s.workspaceID == workspaceID && v.opts.Now().Before(s.expires)
}

// trusted refuses what a page of another site, or under another name, asks for.
func (v *Viewer) trusted(r *http.Request) error {
	host := r.Host
	if h, _, err := net.SplitHostPort(r.Host); err == nil {
		host = h
	}
	if host != "localhost" && net.ParseIP(strings.Trim(host, "[]")) == nil {
		return errForeignHost
	}
	return v.origin.Check(r)
}

// begin signs a person in and returns the cookie to be kept.
func (v *Viewer) begin(workspaceID string, p identity.Person) *http.Cookie {
	now := v.opts.Now()
	token := rand.Text() + rand.Text()
	v.mu.Lock()
	defer v.mu.Unlock()
	first := ""
	for id, s := range v.sessions {
		if !now.Before(s.expires) {
			delete(v.sessions, id)
		} else if first == "" || s.expires.Before(v.sessions[first].expires) {
			first = id
		}
	}
	if len(v.sessions) >= maxSessions {
		delete(v.sessions, first)
	}
	v.sessions[token] = session{workspaceID, p, now.Add(sessionLifetime)}
	return &http.Cookie{Name: cookieName(workspaceID), Value: token, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode,
		MaxAge: int(sessionLifetime.Seconds())}
}

func (v *Viewer) end(workspaceID string, r *http.Request) *http.Cookie {
	if cookie, err := r.Cookie(cookieName(workspaceID)); err == nil {
		v.mu.Lock()
		delete(v.sessions, cookie.Value)
		v.mu.Unlock()
	}
	return &http.Cookie{Name: cookieName(workspaceID), Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode, MaxAge: -1}
}

// ranks orders the roles, the least first.
var ranks = []string{"VIEWER", "EDITOR", "ADMIN"}

// role is the highest that the person has, alone or in a group; "" for none.
func (v *Viewer) role(workspaceID, userID string) (string, error) {
	all, err := v.opts.Permissions(workspaceID)
	if err != nil {
		return "", err
	}
	groups, best := v.opts.Directory.GroupsOf(userID), -1
	for _, p := range all {
		if p.Type == "SSO_USER" && p.ID == userID || p.Type == "SSO_GROUP" && slices.Contains(groups, p.ID) {
			best = max(best, slices.Index(ranks, p.Role))
		}
	}
	if best < 0 {
		return "", nil
	}
	return ranks[best], nil
}

// numberOf is a numeric id, which Grafana's users have beside their own: always
// the same for the same person.
func numberOf(userID string) int64 {
	h := fnv.New32a()
	h.Write([]byte(userID)) // never fails
	return int64(h.Sum32())
}
