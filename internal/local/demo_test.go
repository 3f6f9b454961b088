package local

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parascope/parascope/internal/proof"
)

// TestDemoAnswersByItsOwnNameOnly: a page in a browser cannot have it answer for another site.
func TestDemoAnswersByItsOwnNameOnly(t *testing.T) {
	now := time.Date(2027, 3, 4, 5, 6, 7, 0, time.UTC)
	d := &demo{live: proof.NewLive(now, 0), address: "127.0.0.1:4711", now: func() time.Time { return now }}
	for _, c := range []struct {
		host, path, says string
		code             int
	}{
		{"127.0.0.1:4711", "/demo-head/slurm", "slurm_gpus_alloc 20", 200},
		{"127.0.0.1:4711", "/targets/slurm", `"__metrics_path__":"/demo-head/slurm"`, 200},
		{"127.0.0.1:4711", "/targets/none", "[]", 200},
		{"127.0.0.1:4711", "/demo-cpu-dy-hpc7a-5/node", "does not answer", 503},
		{"127.0.0.1:4711", "/", "does not answer", 503},
		{"localhost:4711", "/demo-head/slurm", "by that name only", 421},
		{"evil.example", "/targets/slurm", "by that name only", 421},
	} {
		r := httptest.NewRequest(http.MethodGet, "http://"+c.host+c.path, nil)
		w := httptest.NewRecorder()
		d.ServeHTTP(w, r)
		if w.Code != c.code || !strings.Contains(w.Body.String(), c.says) {
			t.Errorf("%s%s answers %d %.80q", c.host, c.path, w.Code, w.Body.String())
		}
	}
}

// TestDemoGoesOnWhereItWas: a restart keeps when it began, unless what was noted is nonsense.
func TestDemoGoesOnWhereItWas(t *testing.T) {
	dir, first := t.TempDir(), time.Date(2027, 3, 4, 5, 6, 7, 0, time.UTC)
	for _, c := range []struct{ now, want time.Time }{
		{first, first}, {first.Add(time.Hour), first}, {first.Add(-time.Hour), first.Add(-time.Hour)},
	} {
		if got, err := demoBegan(dir, c.now); err != nil || !got.Equal(c.want) {
			t.Errorf("at %s it began %s, want %s: %v", c.now, got, c.want, err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "demo-began"), []byte("?"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := demoBegan(dir, first); err != nil || !got.Equal(first) {
		t.Errorf("after nonsense it began %s: %v", got, err)
	}
}
