package accounts

import (
	"crypto/rand"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/grafana/server"
	"github.com/parascope/parascope/localaws/grafana/wire"
	"github.com/parascope/parascope/localaws/state"
)

const (
	apiKeys       = "grafana-api-keys" // bucket: workspace id/name → apiKey
	maxAPIKeys    = 100                // per workspace
	maxAPIKeyName = 100
)

type apiKey struct {
	Name, Role, Hash string
	ExpiresAt        time.Time
}

// CreateAPIKey serves CreateWorkspaceApiKey.
func (a *Accounts) CreateAPIKey(rw http.ResponseWriter, r *gateway.Request) error {
	var in struct {
		KeyName, KeyRole string
		SecondsToLive    *int
	}
	if err := wire.Parse(r, &in); err != nil {
		return err
	}
	if n := utf8.RuneCountInString(in.KeyName); n < 1 || n > maxAPIKeyName || strings.Contains(in.KeyName, "/") {
		return wire.Invalid("keyName", "must have a length between 1 and %d", maxAPIKeyName)
	}
	if !slices.Contains(roles, in.KeyRole) {
		return wire.NotInEnum("keyRole", in.KeyRole, roles)
	}
	if err := checkSeconds(in.SecondsToLive); err != nil {
		return err
	}
	w, err := a.opts.Workspace(r)
	if err != nil {
		return err
	}
	if !w.APIKeys {
		return wire.Refused("API keys are not supported in workspaces of Grafana version %s. Use service accounts instead.", w.Version)
	}
	key := "eyJrIjoi" + rand.Text() + rand.Text()
	err = a.opts.State.Update(func(tx *state.Tx) error {
		all, err := records[apiKey](tx, apiKeys, w.ID)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(all, func(k apiKey) bool { return k.Name == in.KeyName }) {
			return wire.Conflict("apikey", in.KeyName, "An API key with the name %s already exists.", in.KeyName)
		}
		if len(all) >= maxAPIKeys {
			return wire.Quota("apikey", w.ID, "The workspace has reached its limit of %d API keys.", maxAPIKeys)
		}
		made := apiKey{in.KeyName, in.KeyRole, hashOf(key), r.Now.Add(time.Duration(*in.SecondsToLive) * time.Second)}
		return tx.Put(apiKeys, w.ID+"/"+in.KeyName, made)
	})
	if err != nil {
		return err
	}
	return gateway.WriteJSON(rw, http.StatusOK, map[string]any{"keyName": in.KeyName, "key": key, "workspaceId": w.ID})
}

// DeleteAPIKey serves DeleteWorkspaceApiKey.
func (a *Accounts) DeleteAPIKey(rw http.ResponseWriter, r *gateway.Request) error {
	w, err := a.opts.Workspace(r)
	if err != nil {
		return err
	}
	name := r.Labels["keyName"]
	err = a.opts.State.Update(func(tx *state.Tx) error {
		if found, err := tx.Get(apiKeys, w.ID+"/"+name, &apiKey{}); err != nil {
			return err
		} else if !found {
			return wire.NotFound("apikey", name)
		}
		return tx.Delete(apiKeys, w.ID+"/"+name)
	})
	if err != nil {
		return err
	}
	return gateway.WriteJSON(rw, http.StatusOK, map[string]any{"keyName": name, "workspaceId": w.ID})
}

// apiKeyIdentity finds whom an API key stands for.
func apiKeyIdentity(tx *state.Tx, workspaceID, hash string, now time.Time) (server.Identity, error) {
	all, err := records[apiKey](tx, apiKeys, workspaceID)
	if err != nil {
		return server.Identity{}, err
	}
	i := slices.IndexFunc(all, func(k apiKey) bool { return k.Hash == hash })
	switch {
	case i < 0:
		return server.Identity{}, server.ErrInvalidKey
	case !now.Before(all[i].ExpiresAt):
		return server.Identity{}, server.ErrExpiredKey
	}
	return server.Identity{UID: "key-" + all[i].Name, Login: all[i].Name, Name: all[i].Name, Role: all[i].Role}, nil
}
