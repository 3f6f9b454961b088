package accounts

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/grafana/server"
	"github.com/parascope/parascope/localaws/grafana/wire"
	"github.com/parascope/parascope/localaws/state"
)

// useInterval is how exact the time of a token's last use is: noting every use
// would write to the disk with every request.
const useInterval = time.Minute

func hashOf(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}

// CreateToken serves CreateWorkspaceServiceAccountToken.
func (a *Accounts) CreateToken(rw http.ResponseWriter, r *gateway.Request) error {
	var in struct {
		Name          string
		SecondsToLive *int
	}
	if err := wire.Parse(r, &in); err != nil {
		return err
	}
	if err := checkAccountName(in.Name); err != nil {
		return err
	}
	if err := checkSeconds(in.SecondsToLive); err != nil {
		return err
	}
	w, err := a.opts.Workspace(r)
	if err != nil {
		return err
	}
	key := "glsa_" + rand.Text() + "_" + rand.Text()[:8]
	made := token{Name: in.Name, Hash: hashOf(key), CreatedAt: r.Now, ExpiresAt: r.Now.Add(time.Duration(*in.SecondsToLive) * time.Second)}
	err = a.opts.State.Update(func(tx *state.Tx) error {
		a, err := accountOf(tx, r)
		if err != nil {
			return err
		}
		all, err := records[token](tx, tokens, w.ID)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(all, func(t token) bool { return t.Account == a.Number && t.Name == in.Name }) {
			return wire.Conflict("serviceaccounttoken", in.Name, "A token with the name %s already exists.", in.Name)
		}
		if len(all) >= maxTokens {
			return wire.Quota("serviceaccounttoken", w.ID,
				"The workspace has reached its limit of %d service account tokens. Expired tokens count until they are deleted.", maxTokens)
		}
		if made.Number, err = nextNumber(tx, w.ID); err != nil {
			return err
		}
		made.Account = a.Number
		return tx.Put(tokens, made.key(w.ID), made)
	})
	if err != nil {
		return err
	}
	return gateway.WriteJSON(rw, http.StatusOK, map[string]any{
		"serviceAccountToken": map[string]any{"id": strconv.Itoa(made.Number), "name": made.Name, "key": key},
		"serviceAccountId":    r.Labels["serviceAccountId"], "workspaceId": w.ID,
	})
}

// ListTokens serves ListWorkspaceServiceAccountTokens.
func (a *Accounts) ListTokens(rw http.ResponseWriter, r *gateway.Request) error {
	w, err := a.opts.Workspace(r)
	if err != nil {
		return err
	}
	var all []token
	err = a.opts.State.View(func(tx *state.Tx) error {
		a, err := accountOf(tx, r)
		if err == nil {
			all, err = records[token](tx, tokens, keyOf(w.ID, a.Number))
		}
		return err
	})
	if err != nil {
		return err
	}
	part, next, err := wire.Page(r, all, func(t token) string { return keyOf("", t.Number) })
	if err != nil {
		return err
	}
	summaries := []map[string]any{}
	for _, t := range part {
		one := map[string]any{"id": strconv.Itoa(t.Number), "name": t.Name, "createdAt": wire.Epoch(t.CreatedAt),
			"expiresAt": wire.Epoch(t.ExpiresAt)}
		if !t.LastUse.IsZero() {
			one["lastUsedAt"] = wire.Epoch(t.LastUse)
		}
		summaries = append(summaries, one)
	}
	return wire.Listed(rw, "serviceAccountTokens", summaries, next, map[string]any{"serviceAccountId": r.Labels["serviceAccountId"],
		"workspaceId": w.ID})
}

// DeleteToken serves DeleteWorkspaceServiceAccountToken.
func (a *Accounts) DeleteToken(rw http.ResponseWriter, r *gateway.Request) error {
	w, err := a.opts.Workspace(r)
	if err != nil {
		return err
	}
	id := r.Labels["tokenId"]
	err = a.opts.State.Update(func(tx *state.Tx) error {
		a, err := accountOf(tx, r)
		if err != nil {
			return err
		}
		n, err := strconv.Atoi(id)
		if err != nil {
			return wire.NotFound("serviceaccounttoken", id)
		}
		key := token{Account: a.Number, Number: n}.key(w.ID)
		if found, err := tx.Get(tokens, key, &token{}); err != nil {
			return err
		} else if !found {
			return wire.NotFound("serviceaccounttoken", id)
		}
		return tx.Delete(tokens, key)
	})
	if err != nil {
		return err
	}
	return gateway.WriteJSON(rw, http.StatusOK, map[string]any{"tokenId": id, "serviceAccountId": r.Labels["serviceAccountId"],
		"workspaceId": w.ID})
}

// Authenticate finds whom a bearer token or, where apiKeys are in use, an API key
// stands for in a workspace.
// The errors are server.ErrInvalidKey and server.ErrExpiredKey.
func (a *Accounts) Authenticate(workspaceID string, apiKeys bool, key string) (server.Identity, error) {
	now, hash := a.opts.Now(), hashOf(key)
	var who server.Identity
	var used *token
	err := a.opts.State.View(func(tx *state.Tx) error {
		all, err := records[token](tx, tokens, workspaceID)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(all, func(t token) bool { return t.Hash == hash })
		if i < 0 {
			if !apiKeys {
				return server.ErrInvalidKey
			}
			who, err = apiKeyIdentity(tx, workspaceID, hash, now)
			return err
		}
		if used = &all[i]; !now.Before(used.ExpiresAt) {
			return server.ErrExpiredKey
		}
		var a account
		if _, err := tx.Get(accounts, keyOf(workspaceID, used.Account), &a); err != nil {
			return err
		}
		login := "sa-1-" + a.Name // 1 is the organization
		who = server.Identity{ID: int64(a.Number), UID: "sa" + a.id(), Login: login, Email: login, Name: a.Name, Role: a.Role}
		return nil
	})
	if err != nil || used == nil || now.Sub(used.LastUse) < useInterval {
		return who, err
	}
	used.LastUse = now
	return who, a.opts.State.Update(func(tx *state.Tx) error {
		if found, err := tx.Get(tokens, used.key(workspaceID), &token{}); !found || err != nil {
			return err // deleted meanwhile: it stays so
		}
		return tx.Put(tokens, used.key(workspaceID), used)
	})
}
