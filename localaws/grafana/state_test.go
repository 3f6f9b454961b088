package grafana_test

import (
	"path/filepath"
	"strings"
	"testing"

	"go.etcd.io/bbolt"
)

// contents lists what is in the buckets of the workspaces, and in whose.
func contents(t *testing.T, dir string) string {
	t.Helper()
	db, err := bbolt.Open(filepath.Join(dir, "cloud.db"), 0o600, &bbolt.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var found []string
	err = db.View(func(tx *bbolt.Tx) error {
		return tx.ForEach(func(name []byte, b *bbolt.Bucket) error {
			// Client tokens stay: they tell who uses one again that its workspace is gone.
			if !strings.HasPrefix(string(name), "grafana-") || string(name) == "grafana-client-tokens" {
				return nil
			}
			return b.ForEach(func(k, _ []byte) error {
				found = append(found, string(name)+" "+string(k))
				return nil
			})
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(found, ", ")
}
