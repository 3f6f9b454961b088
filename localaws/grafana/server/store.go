package server

import (
	"fmt"
	"strings"

	"github.com/parascope/parascope/localaws/state"
)

// Buckets: workspace id/uid → what it is. Numbers counts, by workspace, the
// numeric ids of all of them.
const (
	dataSourceBucket = "grafana-datasources"
	folderBucket     = "grafana-folders"
	dashboardBucket  = "grafana-dashboards"
	numbers          = "grafana-numbers"
)

// all are the records of a workspace, in the order of their uids.
func all[T any](tx *state.Tx, bucket, workspaceID string) ([]T, error) {
	var found []T
	err := tx.ForEach(bucket, func(key string, decode func(any) error) error {
		if !strings.HasPrefix(key, workspaceID+"/") {
			return nil
		}
		var one T
		err := decode(&one)
		found = append(found, one)
		return err
	})
	return found, err
}

func nextNumber(tx *state.Tx, workspaceID string) (int64, error) {
	var n int64
	if _, err := tx.Get(numbers, workspaceID, &n); err != nil {
		return 0, err
	}
	n++
	return n, tx.Put(numbers, workspaceID, n)
}

// newUID is an identifier of Grafana's shape: 14 letters and digits.
func (s *Server) newUID() string { return strings.ReplaceAll(s.opts.NewID(), "-", "")[:14] }

// Forget removes all that a workspace's Grafana has.
func (s *Server) Forget(workspaceID string) error {
	err := s.opts.State.Update(func(tx *state.Tx) error {
		for _, bucket := range []string{dataSourceBucket, folderBucket, dashboardBucket} {
			var keys []string
			err := tx.ForEach(bucket, func(key string, _ func(any) error) error {
				if strings.HasPrefix(key, workspaceID+"/") {
					keys = append(keys, key)
				}
				return nil
			})
			for _, key := range keys {
				if err == nil {
					err = tx.Delete(bucket, key)
				}
			}
			if err != nil {
				return err
			}
		}
		return tx.Delete(numbers, workspaceID)
	})
	if err != nil {
		return fmt.Errorf("could not remove the Grafana of workspace %s: %w", workspaceID, err)
	}
	return nil
}
