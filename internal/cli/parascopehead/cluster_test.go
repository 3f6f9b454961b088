package parascopehead

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/parascope/parascope/internal/head"
)

func TestClusterPages(t *testing.T) {
	c := defaultClusterOptions()
	c.binDir = t.TempDir()
	o := head.DefaultOptions()
	o.StoragePath = t.TempDir()
	logger := slog.New(slog.DiscardHandler)
	if err := c.serve(&o, logger); err != nil || o.Pages != nil || o.Beside != nil {
		t.Fatalf("on a machine without Slurm: %v, pages %v", err, o.Pages)
	}
	if err := os.WriteFile(filepath.Join(c.binDir, "scontrol"), []byte("#!/bin/sh\nexit 1\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := c.serve(&o, logger); err != nil || len(o.Beside) != 1 {
		t.Fatalf("on a head node: %v, %d to run", err, len(o.Beside))
	}
	for path, want := range map[string]int{
		slurmMetricsPath: http.StatusServiceUnavailable, slurmTargetsPath: http.StatusServiceUnavailable, // no snapshot yet
		pclusterMetricsPath: http.StatusOK,
	} {
		w := httptest.NewRecorder()
		o.Pages[path].ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Code != want {
			t.Errorf("%s: %d, want %d", path, w.Code, want)
		}
	}
}
