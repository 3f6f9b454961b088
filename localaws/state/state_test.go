package state

import (
	"errors"
	"os"
	"slices"
	"testing"
)

type row struct{ N int }

func open(t *testing.T, dir string) *DB {
	t.Helper()
	db, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func TestValuesSurviveReopening(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir)
	err := db.Update(func(tx *Tx) error {
		return errors.Join(tx.Put("b", "two", row{2}), tx.Put("b", "one", row{1}), tx.Put("b", "gone", row{3}), tx.Delete("b", "gone"))
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}

	db = open(t, dir)
	defer db.Close()
	var keys []string
	sum := 0
	err = db.View(func(tx *Tx) error {
		return tx.ForEach("b", func(k string, decode func(any) error) error {
			var r row
			if err := decode(&r); err != nil {
				return err
			}
			keys, sum = append(keys, k), sum+r.N
			return nil
		})
	})
	if err != nil || !slices.Equal(keys, []string{"one", "two"}) || sum != 3 {
		t.Fatalf("keys %v, sum %d, error %v", keys, sum, err)
	}
}

func TestFailedUpdateKeepsNothing(t *testing.T) {
	db := open(t, t.TempDir())
	defer db.Close()
	boom := errors.New("boom")
	if err := db.Update(func(tx *Tx) error { return errors.Join(tx.Put("b", "k", row{1}), boom) }); !errors.Is(err, boom) {
		t.Fatalf("Update returned %v", err)
	}
	err := db.View(func(tx *Tx) error {
		if found, err := tx.Get("b", "k", &row{}); found || err != nil {
			t.Errorf("found %v, error %v", found, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestSecondOpenNamesTheHolder(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir)
	defer db.Close()
	_, err := Open(dir)
	held, ok := errors.AsType[*HeldError](err)
	if !ok || held.PID != os.Getpid() {
		t.Fatalf("second Open: %v", err)
	}
}
