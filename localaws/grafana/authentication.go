package grafana

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/grafana/wire"
)

// Ways to sign in, as AWS calls them.
const (
	sso  = "AWS_SSO"
	saml = "SAML"
)

// samlConfiguration is kept as it was sent: nobody signs in with SAML here.
type samlConfiguration struct {
	IDPMetadata           json.RawMessage `json:"idpMetadata"`
	AllowedOrganizations  []string        `json:"allowedOrganizations,omitempty"`
	AssertionAttributes   json.RawMessage `json:"assertionAttributes,omitempty"`
	LoginValidityDuration int             `json:"loginValidityDuration,omitempty"`
	RoleValues            json.RawMessage `json:"roleValues,omitempty"`
}

// checkProviders: a workspace that people sign in to with IAM Identity Center
// needs an organization instance, and a caller who may make an application in it.
func (g *Grafana) checkProviders(r *gateway.Request, providers []string) error {
	if len(providers) == 0 {
		return wire.Invalid("authenticationProviders", "must have at least one member")
	}
	for _, p := range providers {
		if p != sso && p != saml {
			return wire.NotInEnum("authenticationProviders", p, []string{sso, saml})
		}
	}
	if !slices.Contains(providers, sso) {
		return nil
	}
	if err := authorizeAll(r, []string{
		"sso:DescribeRegisteredRegions", "sso:GetSharedSsoConfiguration", "organizations:DescribeOrganization",
		"sso:CreateManagedApplicationInstance",
	}); err != nil {
		return err
	}
	enabled, err := g.opts.OrganizationInstance()
	if err != nil {
		return err
	}
	if !enabled {
		return wire.Refused("SSO is not enabled in any region.")
	}
	return nil
}

func (w *workspace) samlStatus() string {
	if w.SAML == nil {
		return "NOT_CONFIGURED"
	}
	return "CONFIGURED"
}

func (w *workspace) authenticationSummary() map[string]any {
	summary := map[string]any{"providers": w.AuthenticationProviders}
	if slices.Contains(w.AuthenticationProviders, saml) {
		summary["samlConfigurationStatus"] = w.samlStatus()
	}
	return summary
}

func (w *workspace) authentication() map[string]any {
	out := map[string]any{"providers": w.AuthenticationProviders}
	if w.SSOClientID != "" {
		out["awsSso"] = map[string]any{"ssoClientId": w.SSOClientID}
	}
	if slices.Contains(w.AuthenticationProviders, saml) {
		part := map[string]any{"status": w.samlStatus()}
		if w.SAML != nil {
			part["configuration"] = w.SAML
		}
		out["saml"] = part
	}
	return map[string]any{"authentication": out}
}

func (g *Grafana) describeWorkspaceAuthentication(rw http.ResponseWriter, r *gateway.Request) error {
	w, err := g.visible(r)
	if err != nil {
		return err
	}
	return gateway.WriteJSON(rw, http.StatusOK, w.authentication())
}

func (g *Grafana) updateWorkspaceAuthentication(rw http.ResponseWriter, r *gateway.Request) error {
	var in struct {
		AuthenticationProviders []string
		SAMLConfiguration       *samlConfiguration `json:"samlConfiguration"`
	}
	if err := wire.Parse(r, &in); err != nil {
		return err
	}
	if in.SAMLConfiguration != nil && len(in.SAMLConfiguration.IDPMetadata) == 0 {
		return wire.Invalid("samlConfiguration.idpMetadata", "is required")
	}
	if err := g.checkProviders(r, in.AuthenticationProviders); err != nil {
		return err
	}
	w, err := g.change(r, func(w *workspace) error {
		if err := w.checkSteady(r.Now); err != nil {
			return err
		}
		w.AuthenticationProviders, w.SAML = in.AuthenticationProviders, in.SAMLConfiguration
		switch using := slices.Contains(in.AuthenticationProviders, sso); {
		case !using:
			w.SSOClientID = ""
		case w.SSOClientID == "":
			w.SSOClientID = "ins-" + strings.ReplaceAll(g.opts.NewID(), "-", "")[:16]
		}
		return nil
	})
	if err != nil {
		return err
	}
	return gateway.WriteJSON(rw, http.StatusOK, w.authentication())
}
