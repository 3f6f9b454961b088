package server

import (
	"cmp"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// atLeast reports whether the workspace's Grafana is of this major version or a
// later one.
func (c *call) atLeast(major string) bool {
	have, _, _ := strings.Cut(c.ws.Version, ".")
	a, _ := strconv.Atoi(have) // the control plane has checked it
	b, _ := strconv.Atoi(major)
	return cmp.Compare(a, b) >= 0
}

// orgID is the one organization that a managed workspace has.
const orgID = 1

func healthz(c *call) error {
	c.rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, err := io.WriteString(c.rw, "Ok")
	return err
}

// grafanaRole is a role as Grafana spells it.
func grafanaRole(role string) string { return role[:1] + strings.ToLower(role[1:]) }

func currentUser(c *call) error {
	return c.write(http.StatusOK, map[string]any{
		"id": c.who.ID, "uid": c.who.UID, "login": c.who.Login, "email": c.who.Email, "name": c.who.Name, "theme": "", "orgId": orgID,
		"isGrafanaAdmin": false, "isDisabled": false, "isExternal": true, "authLabels": []string{}, "avatarUrl": "",
	})
}

// currentUserOrgs is where clients learn the role of whoever they ask for.
func currentUserOrgs(c *call) error {
	return c.write(http.StatusOK, []map[string]any{{"orgId": orgID, "name": "Main Org.", "role": grafanaRole(c.who.Role)}})
}

func currentOrg(c *call) error {
	return c.write(http.StatusOK, map[string]any{"id": orgID, "name": "Main Org.", "address": map[string]string{
		"address1": "", "address2": "", "city": "", "zipCode": "", "state": "", "country": "",
	}})
}

// orgUsers lists people only; whoever asks is the one the local Grafana knows.
func orgUsers(c *call) error {
	users := []map[string]any{}
	if !strings.HasPrefix(c.who.Login, "sa-") && c.who.Email != "" {
		users = append(users, map[string]any{"orgId": orgID, "userId": c.who.ID, "login": c.who.Login, "email": c.who.Email, "name": c.who.Name,
			"role": grafanaRole(c.who.Role)})
	}
	return c.write(http.StatusOK, users)
}

func homeDashboard(c *call) error {
	return c.write(http.StatusOK, map[string]any{
		"meta":      map[string]any{"isHome": true, "canSave": false, "canEdit": c.who.Role != "VIEWER", "canStar": false},
		"dashboard": map[string]any{"title": "Home", "panels": []any{}},
	})
}

// frontendSettings are what Grafana's pages begin with; clients read the version
// and the data sources from them.
func (s *Server) frontendSettings(c *call) error {
	all, err := s.dataSources(c.ws.ID)
	if err != nil {
		return err
	}
	sources, standard := map[string]any{}, ""
	for _, d := range all {
		sources[d.Name] = map[string]any{
			"id": d.ID, "uid": d.UID, "name": d.Name, "type": d.Type, "url": "/api/datasources/proxy/uid/" + d.UID, "access": d.Access,
			"isDefault": d.IsDefault, "jsonData": d.JSONData, "readOnly": false, "meta": map[string]any{"id": d.Type, "type": "datasource"},
		}
		if d.IsDefault {
			standard = d.Name
		}
	}
	return c.write(http.StatusOK, map[string]any{
		"appUrl": "http://" + c.Host + "/", "appSubUrl": "", "buildInfo": map[string]any{
			"version": c.ws.Version + ".0", "edition": "Enterprise", "env": "production", "hideVersion": false,
			"versionString": "Grafana v" + c.ws.Version + ".0",
		},
		"datasources": sources, "defaultDatasource": standard,
		"awsAllowedAuthProviders": slices.Clone(allowedAuth), "awsAssumeRoleEnabled": true, "sigV4AuthEnabled": true,
		"unifiedAlertingEnabled": true, "anonymousEnabled": false, "disableLoginForm": true,
	})
}
