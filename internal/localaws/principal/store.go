package principal

import (
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"github.com/parascope/parascope/internal/localaws/state"
)

// Account is the one account of the local cloud.
const Account = "111122223333"

const (
	keyBucket  = "access-keys"
	userBucket = "users"
	roleBucket = "roles"
	// keepExpired is for how long an expired session is remembered, so that its
	// user is told that it expired and not that nobody knows it.
	keepExpired = 24 * time.Hour
)

// Store holds the account's users, roles and access keys.
type Store struct{ db *state.DB }

// user and role are as they are stored.
type user struct {
	ID  string // AIDA…
	Key AccessKey
}

type role struct {
	ID string // AROA…
}

// NewStore opens the account, and forgets the sessions that ended long before now.
func NewStore(db *state.DB, now time.Time) (*Store, error) {
	s := &Store{db}
	var ended []string
	err := db.Update(func(tx *state.Tx) error {
		err := tx.ForEach(keyBucket, func(id string, decode func(any) error) error {
			var k AccessKey
			if err := decode(&k); err != nil {
				return err
			}
			if !k.Expires.IsZero() && now.Sub(k.Expires) > keepExpired {
				ended = append(ended, id)
			}
			return nil
		})
		for _, id := range ended {
			if err == nil {
				err = tx.Delete(keyBucket, id)
			}
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the account's access keys: %w", err)
	}
	return s, nil
}

// Lookup finds the access key with this id, expired ones included.
func (s *Store) Lookup(id string) (key AccessKey, found bool, err error) {
	err = s.db.View(func(tx *state.Tx) error {
		found, err = tx.Get(keyBucket, id, &key)
		return err
	})
	return key, found, err
}

// User returns the access key of the user with this name, and makes both when
// they do not exist yet.
func (s *Store) User(name string) (AccessKey, error) {
	var u user
	err := s.db.Update(func(tx *state.Tx) error {
		if found, err := tx.Get(userBucket, name, &u); found || err != nil {
			return err
		}
		u.ID = newID("AIDA")
		u.Key = AccessKey{ID: newID("AKIA"), Secret: newSecret(), Principal: Principal{
			Account: Account, ARN: "arn:aws:iam::" + Account + ":user/" + name, UserID: u.ID,
		}}
		if err := tx.Put(userBucket, name, u); err != nil {
			return err
		}
		return tx.Put(keyBucket, u.Key.ID, u.Key)
	})
	if err != nil {
		return AccessKey{}, fmt.Errorf("user %s: %w", name, err)
	}
	return u.Key, nil
}

// AddRole makes the role with this ARN one that can be assumed.
func (s *Store) AddRole(arn string) error {
	return s.db.Update(func(tx *state.Tx) error {
		var r role
		if found, err := tx.Get(roleBucket, arn, &r); found || err != nil {
			return err
		}
		return tx.Put(roleBucket, arn, role{ID: newID("AROA")})
	})
}

// Assume makes temporary credentials of the role, which end at expires. It
// reports false when there is no such role.
func (s *Store) Assume(roleARN, session string, expires time.Time) (key AccessKey, found bool, err error) {
	err = s.db.Update(func(tx *state.Tx) error {
		var r role
		if found, err = tx.Get(roleBucket, roleARN, &r); !found || err != nil {
			return err
		}
		name := roleARN[strings.LastIndex(roleARN, "/")+1:]
		key = AccessKey{ID: newID("ASIA"), Secret: newSecret(), SessionToken: newSecret() + newSecret(), Expires: expires, Principal: Principal{
			Account: Account,
			ARN:     "arn:aws:sts::" + Account + ":assumed-role/" + name + "/" + session,
			UserID:  r.ID + ":" + session,
		}}
		return tx.Put(keyBucket, key.ID, key)
	})
	if err != nil {
		return AccessKey{}, false, fmt.Errorf("assume %s: %w", roleARN, err)
	}
	return key, found, nil
}

// newID is an identifier of AWS's shape: four letters that tell its kind and
// sixteen of base 32.
func newID(kind string) string { return kind + rand.Text()[:16] }

// newSecret is 40 characters of base 32, the length of AWS's secrets.
func newSecret() string { return (rand.Text() + rand.Text())[:40] }
