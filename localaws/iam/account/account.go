// Package account is what the local cloud's one account consists of, users, roles,
// policies and instance profiles, and the decisions that follow from them: who may
// do what, and who may become which role. Package iam is the API over it.
package account

import (
	"fmt"
	"time"

	"github.com/parascope/parascope/localaws/principal"
	"github.com/parascope/parascope/localaws/state"
)

// Account decides.
type Account struct {
	state *state.DB
	keys  *principal.Store
	now   func() time.Time
}

// New opens the account. Users of the first version's data directories, which had
// a key and no policies, are taken over with their keys. The roles of that version
// are not: they had no trust policy, so that nobody could assume them now.
func New(db *state.DB, keys *principal.Store, now func() time.Time) (*Account, error) {
	a := &Account{db, keys, now}
	if err := db.Update(a.takeOver); err != nil {
		return nil, fmt.Errorf("could not open the account's users: %w", err)
	}
	return a, nil
}

// firstUsers is the bucket of the first version.
const firstUsers = "users"

func (a *Account) takeOver(tx *state.Tx) error {
	var names []string
	err := tx.ForEach(firstUsers, func(name string, decode func(any) error) error {
		var old struct {
			ID  string
			Key principal.AccessKey
		}
		if err := decode(&old); err != nil {
			return err
		}
		names = append(names, name)
		return tx.Put(Users.bucket, name, Entity{Name: name, Path: "/", ID: old.ID, Created: a.now().UTC().Truncate(time.Second),
			Keys: []string{old.Key.ID}})
	})
	for _, name := range names {
		if err == nil {
			err = tx.Delete(firstUsers, name)
		}
	}
	return err
}

// EnsureUser returns the first access key of the user, and makes the user, the key
// and the attachments of managed policies that are missing. The seeds of a cloud
// are made with it.
func (a *Account) EnsureUser(name string, policyARNs ...string) (key principal.AccessKey, err error) {
	err = a.state.Update(func(tx *state.Tx) error {
		u, found, err := Users.Get(tx, name)
		if err != nil {
			return err
		}
		if !found {
			u = NewEntity(Users, name, "/", a.now())
		}
		if len(u.Keys) == 0 {
			if key, err = a.keys.Create(tx, u.Principal(), a.now()); err != nil {
				return err
			}
			u.Keys = []string{key.ID}
		} else if key, _, err = a.keys.Get(tx, u.Keys[0]); err != nil {
			return err
		}
		for _, arn := range policyARNs {
			if _, err := FindPolicy(tx, arn); err != nil {
				return err
			}
			u.Attach(arn)
		}
		return Users.Put(tx, u)
	})
	if err != nil {
		return principal.AccessKey{}, fmt.Errorf("user %s: %w", name, err)
	}
	return key, nil
}
