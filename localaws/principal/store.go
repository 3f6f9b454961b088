package principal

import (
	"crypto/rand"
	"fmt"
	"time"

	"github.com/parascope/parascope/localaws/state"
)

// Account is the one account of the local cloud.
const Account = "111122223333"

const (
	keyBucket     = "access-keys"
	serviceBucket = "service-keys" // service → id of its key
	// keepExpired is for how long an expired session is remembered, so that its
	// user is told that it expired and not that nobody knows it.
	keepExpired = 24 * time.Hour
)

// Store holds the account's access keys.
type Store struct{ db *state.DB }

// NewStore opens the account's keys, and forgets the sessions that ended long before now.
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
		return nil, fmt.Errorf("could not read the account's access keys: %w", err)
	}
	return s, nil
}

// Lookup finds the access key with this id, expired ones included.
func (s *Store) Lookup(id string) (key AccessKey, found bool, err error) {
	err = s.db.View(func(tx *state.Tx) error {
		key, found, err = s.Get(tx, id)
		return err
	})
	return key, found, err
}

// Get finds an access key inside a transaction.
func (s *Store) Get(tx *state.Tx, id string) (key AccessKey, found bool, err error) {
	found, err = tx.Get(keyBucket, id, &key)
	return key, found, err
}

// Create makes an access key of p that does not end.
func (s *Store) Create(tx *state.Tx, p Principal, now time.Time) (AccessKey, error) {
	key := AccessKey{ID: NewID("AKIA"), Secret: newSecret(), Created: now.UTC().Truncate(time.Second), Principal: p}
	return key, tx.Put(keyBucket, key.ID, key)
}

// Delete makes an access key one that nobody knows.
func (s *Store) Delete(tx *state.Tx, id string) error { return tx.Delete(keyBucket, id) }

// Session makes temporary credentials of p, which end at expires.
func (s *Store) Session(p Principal, now, expires time.Time) (AccessKey, error) {
	key := AccessKey{ID: NewID("ASIA"), Secret: newSecret(), SessionToken: newSecret() + newSecret(),
		Created: now.UTC(), Expires: expires, Principal: p}
	err := s.db.Update(func(tx *state.Tx) error { return tx.Put(keyBucket, key.ID, key) })
	if err != nil {
		return AccessKey{}, fmt.Errorf("could not save a session of %s: %w", p.ARN, err)
	}
	return key, nil
}

// ServiceKey returns the access key of one of AWS's own services, named
// "cloudformation.amazonaws.com", and makes it when there is none yet.
func (s *Store) ServiceKey(service string) (key AccessKey, err error) {
	err = s.db.Update(func(tx *state.Tx) error {
		var id string
		if found, err := tx.Get(serviceBucket, service, &id); err != nil {
			return err
		} else if found {
			key, _, err = s.Get(tx, id)
			return err
		}
		key, err = s.Create(tx, Principal{Account: Account, ARN: service, UserID: service}, time.Time{})
		if err != nil {
			return err
		}
		return tx.Put(serviceBucket, service, key.ID)
	})
	if err != nil {
		return AccessKey{}, fmt.Errorf("could not create an access key of %s: %w", service, err)
	}
	return key, nil
}

// NewID is an identifier of AWS's shape: four letters that tell its kind and
// sixteen of base 32.
func NewID(kind string) string { return kind + rand.Text()[:16] }

// newSecret is 40 characters of base 32, the length of AWS's secrets.
func newSecret() string { return (rand.Text() + rand.Text())[:40] }
