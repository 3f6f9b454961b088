package logs

import (
	"fmt"
	"testing"
	"time"

	"github.com/parascope/parascope/localaws/state"
)

// TestQueriesAreForgotten: those that are too old, and the oldest of too many.
func TestQueriesAreForgotten(t *testing.T) {
	db, err := state.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	left := map[string]bool{}
	if err := db.Update(func(tx *state.Tx) error {
		for i := range maxQueries + 5 {
			if err := tx.Put(queryBucket, fmt.Sprint("recent", i), insight{Started: now.Add(time.Duration(i) * time.Second)}); err != nil {
				return err
			}
		}
		if err := tx.Put(queryBucket, "old", insight{Started: now.Add(-time.Hour)}); err != nil {
			return err
		}
		if err := forgetQueries(tx, now); err != nil {
			return err
		}
		return tx.ForEach(queryBucket, func(key string, _ func(any) error) error { left[key] = true; return nil })
	}); err != nil {
		t.Fatal(err)
	}
	if len(left) != maxQueries-1 || left["old"] || left["recent5"] || !left["recent6"] || !left[fmt.Sprint("recent", maxQueries+4)] {
		t.Errorf("%d queries are left", len(left))
	}
}
