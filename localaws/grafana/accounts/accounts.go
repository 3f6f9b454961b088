// Package accounts keeps the programs that may use a workspace's Grafana: service
// accounts with their tokens and, in older versions, API keys.
package accounts

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/grafana/wire"
	"github.com/parascope/parascope/localaws/state"
)

const (
	accounts       = "grafana-service-accounts" // bucket: workspace id/number → account
	numbers        = "grafana-account-numbers"  // bucket: workspace id → last number of an account or token
	tokens         = "grafana-tokens"           // bucket: workspace id/account/number → token
	maxAccounts    = 100                        // per workspace
	maxTokens      = 100                        // per workspace, expired ones included
	maxSeconds     = 2592000                    // 30 days
	maxAccountName = 128
)

// roles are those that a service account, or a person, can have in Grafana.
var roles = []string{"ADMIN", "EDITOR", "VIEWER"}

// Options are what the accounts are made of.
type Options struct {
	State *state.DB
	Now   func() time.Time
	// Workspace is the one that a request names. The error is AWS's answer, when
	// there is none or it is in no state to be used.
	Workspace func(*gateway.Request) (Workspace, error)
}

// Workspace is what the accounts must know of theirs.
type Workspace struct {
	ID, Version string
	APIKeys     bool // whether its version has them
}

// Accounts are those of all workspaces.
type Accounts struct{ opts Options }

// New makes accounts on their state.
func New(o Options) *Accounts { return &Accounts{o} }

// Forget removes the accounts of a workspace.
func Forget(tx *state.Tx, workspaceID string) error {
	for _, bucket := range []string{accounts, tokens, apiKeys} {
		if err := Remove(tx, bucket, workspaceID); err != nil {
			return err
		}
	}
	return tx.Delete(numbers, workspaceID)
}

// Remove deletes what belongs to parent in a bucket whose keys begin with their
// parent and a slash.
func Remove(tx *state.Tx, bucket, parent string) error {
	var keys []string
	err := tx.ForEach(bucket, func(key string, _ func(any) error) error {
		if strings.HasPrefix(key, parent+"/") {
			keys = append(keys, key)
		}
		return nil
	})
	for _, key := range keys {
		if err == nil {
			err = tx.Delete(bucket, key)
		}
	}
	return err
}

// account is a service account: who programs are in a workspace's Grafana.
type account struct {
	Number     int
	Name, Role string
}

func (x account) id() string { return strconv.Itoa(x.Number) }

// token is what a program shows to be a service account. Its key is not kept.
type token struct {
	Number, Account               int
	Name, Hash                    string
	CreatedAt, ExpiresAt, LastUse time.Time
}

// keyOf is the key of the n-th of something: keys sort as their numbers do.
func keyOf(parent string, n int) string { return fmt.Sprintf("%s/%08d", parent, n) }

func (t token) key(workspaceID string) string { return keyOf(keyOf(workspaceID, t.Account), t.Number) }

// records are those of a bucket whose keys begin with prefix and a slash.
func records[T any](tx *state.Tx, bucket, prefix string) ([]T, error) {
	var all []T
	err := tx.ForEach(bucket, func(key string, decode func(any) error) error {
		if !strings.HasPrefix(key, prefix+"/") {
			return nil
		}
		var one T
		err := decode(&one)
		all = append(all, one)
		return err
	})
	return all, err
}

// nextNumber counts the workspace's service accounts and tokens.
func nextNumber(tx *state.Tx, workspaceID string) (int, error) {
	n := 0
	if _, err := tx.Get(numbers, workspaceID, &n); err != nil {
		return 0, err
	}
	n++
	return n, tx.Put(numbers, workspaceID, n)
}

// CreateServiceAccount serves CreateWorkspaceServiceAccount.
func (a *Accounts) CreateServiceAccount(rw http.ResponseWriter, r *gateway.Request) error {
	var in struct{ Name, GrafanaRole string }
	if err := wire.Parse(r, &in); err != nil {
		return err
	}
	if err := checkAccountName(in.Name); err != nil {
		return err
	}
	if !slices.Contains(roles, in.GrafanaRole) {
		return wire.NotInEnum("grafanaRole", in.GrafanaRole, roles)
	}
	w, err := a.opts.Workspace(r)
	if err != nil {
		return err
	}
	made := account{Name: in.Name, Role: in.GrafanaRole}
	err = a.opts.State.Update(func(tx *state.Tx) error {
		all, err := records[account](tx, accounts, w.ID)
		if err != nil {
			return err
		}
		if i := slices.IndexFunc(all, func(a account) bool { return a.Name == in.Name }); i >= 0 {
			return wire.Conflict("serviceaccount", all[i].id(), "A service account with the name %s already exists.", in.Name)
		}
		if len(all) >= maxAccounts {
			return wire.Quota("serviceaccount", w.ID, "The workspace has reached its limit of %d service accounts.", maxAccounts)
		}
		if made.Number, err = nextNumber(tx, w.ID); err != nil {
			return err
		}
		return tx.Put(accounts, keyOf(w.ID, made.Number), made)
	})
	if err != nil {
		return err
	}
	return gateway.WriteJSON(rw, http.StatusOK, map[string]any{"id": made.id(), "name": made.Name, "grafanaRole": made.Role,
		"workspaceId": w.ID})
}

// ListServiceAccounts serves ListWorkspaceServiceAccounts.
func (a *Accounts) ListServiceAccounts(rw http.ResponseWriter, r *gateway.Request) error {
	w, err := a.opts.Workspace(r)
	if err != nil {
		return err
	}
	var all []account
	err = a.opts.State.View(func(tx *state.Tx) (err error) {
		all, err = records[account](tx, accounts, w.ID)
		return err
	})
	if err != nil {
		return err
	}
	part, next, err := wire.Page(r, all, func(a account) string { return keyOf("", a.Number) })
	if err != nil {
		return err
	}
	summaries := []map[string]any{}
	for _, a := range part {
		// a string in AWS's model
		summaries = append(summaries, map[string]any{"id": a.id(), "name": a.Name, "grafanaRole": a.Role, "isDisabled": "false"})
	}
	return wire.Listed(rw, "serviceAccounts", summaries, next, map[string]any{"workspaceId": w.ID})
}

// accountOf is the service account that the request names.
func accountOf(tx *state.Tx, r *gateway.Request) (account, error) {
	var a account
	id := r.Labels["serviceAccountId"]
	n, err := strconv.Atoi(id)
	if err != nil {
		return a, wire.NotFound("serviceaccount", id)
	}
	found, err := tx.Get(accounts, keyOf(r.Labels["workspaceId"], n), &a)
	if err == nil && !found {
		err = wire.NotFound("serviceaccount", id)
	}
	return a, err
}

// DeleteServiceAccount serves DeleteWorkspaceServiceAccount: it deletes the account and, with it, its tokens.
func (a *Accounts) DeleteServiceAccount(rw http.ResponseWriter, r *gateway.Request) error {
	w, err := a.opts.Workspace(r)
	if err != nil {
		return err
	}
	err = a.opts.State.Update(func(tx *state.Tx) error {
		a, err := accountOf(tx, r)
		if err != nil {
			return err
		}
		if err := Remove(tx, tokens, keyOf(w.ID, a.Number)); err != nil {
			return err
		}
		return tx.Delete(accounts, keyOf(w.ID, a.Number))
	})
	if err != nil {
		return err
	}
	return gateway.WriteJSON(rw, http.StatusOK, map[string]any{"serviceAccountId": r.Labels["serviceAccountId"], "workspaceId": w.ID})
}

func checkAccountName(name string) error {
	if n := utf8.RuneCountInString(name); n < 1 || n > maxAccountName {
		return wire.Invalid("name", "must have a length between 1 and %d", maxAccountName)
	}
	return nil
}

func checkSeconds(n *int) error {
	if n == nil || *n < 1 || *n > maxSeconds {
		return wire.Invalid("secondsToLive", "must be between 1 and %d", maxSeconds)
	}
	return nil
}
