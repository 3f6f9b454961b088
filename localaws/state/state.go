// Package state keeps what the local cloud must not forget: small JSON values in
// named buckets of one bbolt file, which is consistent after kill -9.
package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"go.etcd.io/bbolt"
	bberrors "go.etcd.io/bbolt/errors"
)

// lockWait is how long Open waits for another process to let go of the file:
// long enough for one that is just stopping.
const lockWait = 500 * time.Millisecond

// DB is an open data directory; only one process can hold it.
type DB struct {
	bolt *bbolt.DB
	lock string
}

// HeldError is returned by Open for a directory that another process has open.
type HeldError struct {
	Dir string
	PID int // 0 when it is not known
}

func (e *HeldError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("data directory %s is in use by another process", e.Dir)
	}
	return fmt.Sprintf("data directory %s is in use by pid %d", e.Dir, e.PID)
}

// Open opens the state of the data directory dir, which it creates, with mode
// 0700, when it does not exist.
func Open(dir string) (*DB, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("could not create data directory: %w", err)
	}
	lock := filepath.Join(dir, "lock")
	bolt, err := bbolt.Open(filepath.Join(dir, "cloud.db"), 0o600, &bbolt.Options{Timeout: lockWait})
	if errors.Is(err, bberrors.ErrTimeout) {
		return nil, &HeldError{Dir: dir, PID: readPID(lock)}
	}
	if err != nil {
		return nil, fmt.Errorf("could not open %s: %w", filepath.Join(dir, "cloud.db"), err)
	}
	// bbolt's lock on the file is the one that counts; this file only tells a
	// second process, and a person, who has it.
	if err := os.WriteFile(lock, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("could not write lock file: %w", err), bolt.Close())
	}
	return &DB{bolt: bolt, lock: lock}, nil
}

// Close lets go of the data directory.
func (db *DB) Close() error {
	if err := errors.Join(os.Remove(db.lock), db.bolt.Close()); err != nil {
		return fmt.Errorf("could not close the state file: %w", err)
	}
	return nil
}

// View runs f in a transaction that only reads.
func (db *DB) View(f func(*Tx) error) error {
	return db.bolt.View(func(tx *bbolt.Tx) error { return f(&Tx{tx}) })
}

// Update runs f in a transaction: all that it wrote is kept, and is on the disk
// when Update returns, or nothing is, when f returns an error.
func (db *DB) Update(f func(*Tx) error) error {
	return db.bolt.Update(func(tx *bbolt.Tx) error { return f(&Tx{tx}) })
}

// Tx is a transaction, valid only inside the function given to View or Update.
type Tx struct{ bolt *bbolt.Tx }

// Get decodes the value under key into v and reports whether there is one.
func (tx *Tx) Get(bucket, key string, v any) (bool, error) {
	b := tx.bolt.Bucket([]byte(bucket))
	if b == nil {
		return false, nil
	}
	raw := b.Get([]byte(key))
	if raw == nil {
		return false, nil
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return false, fmt.Errorf("could not read %s/%s from the state file of the local cloud: %w", bucket, key, err)
	}
	return true, nil
}

// Put stores v, as JSON, under key.
func (tx *Tx) Put(bucket, key string, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("could not encode %s/%s for the state file of the local cloud: %w", bucket, key, err)
	}
	b, err := tx.bolt.CreateBucketIfNotExists([]byte(bucket))
	if err == nil {
		err = b.Put([]byte(key), raw)
	}
	if err != nil {
		return fmt.Errorf("could not write %s/%s to the state file of the local cloud: %w", bucket, key, err)
	}
	return nil
}

// Delete removes key; that it is not there is no error.
func (tx *Tx) Delete(bucket, key string) error {
	b := tx.bolt.Bucket([]byte(bucket))
	if b == nil {
		return nil
	}
	if err := b.Delete([]byte(key)); err != nil {
		return fmt.Errorf("could not delete %s/%s from the state file of the local cloud: %w", bucket, key, err)
	}
	return nil
}

// ForEach calls f for every key of the bucket in the keys' order. f must not
// change the bucket.
func (tx *Tx) ForEach(bucket string, f func(key string, decode func(v any) error) error) error {
	b := tx.bolt.Bucket([]byte(bucket))
	if b == nil {
		return nil
	}
	return b.ForEach(func(k, raw []byte) error {
		return f(string(k), func(v any) error {
			if err := json.Unmarshal(raw, v); err != nil {
				return fmt.Errorf("could not read %s/%s from the state file of the local cloud: %w", bucket, k, err)
			}
			return nil
		})
	})
}

func readPID(lock string) int {
	b, err := os.ReadFile(lock)
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		return 0
	}
	return pid
}
