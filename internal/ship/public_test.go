package ship

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestSecretsOfAURLAreNotShown: not in the metrics, in the status, beside the queue,
// in an error of the network or in what the receiver repeats.
func TestSecretsOfAURLAreNotShown(t *testing.T) {
	s := newSink(t)
	s.answerWith(func(w http.ResponseWriter, r *http.Request, _ int) bool {
		http.Error(w, "not allowed: "+r.URL.String()+" by "+r.Header.Get("Authorization"), http.StatusForbidden)
		return false
	})
	host := strings.TrimPrefix(s.URL, "http://")
	for name, address := range map[string]string{
		"answers": "http://secretuser:secretpass@" + host + "/api/v1/remote_write?secretkey=secretvalue&secretflag#secretfragment",
		"is down": "http://secretuser@127.0.0.1:1/push?token=secretvalue",
		"has no token": "http://127.0.0.1:1/push', oauth2: {client_id: i, client_secret: s, " +
			"token_url: 'http://secretuser:secretpass@127.0.0.1:1/t?k=secretvalue'}, name: 'n",
		"has no token URL": "http://127.0.0.1:1/push', oauth2: {client_id: i, client_secret: s, " +
			"token_url: 'secretuser:secret pass@127.0.0.1:1/t?k=secretvalue'}, name: 'n",
	} {
		dir := t.TempDir()
		var log bytes.Buffer
		r := start(t, Options{Dir: dir, Logger: slog.New(slog.NewTextHandler(&log, nil))},
			"remote_write: [{url: '"+address+"', queue_config: {min_backoff: 5ms, max_backoff: 5ms}}]\n")
		r.scrape("node", 10, time.Now())
		await(t, "it fails", func() bool { return r.Status().Remotes[0].LastError != nil })
		status, err := json.Marshal(r.Status())
		if err != nil {
			t.Fatal(err)
		}
		families, err := r.registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		notes, err := filepath.Glob(filepath.Join(dir, "*", noteFile))
		if err != nil || len(notes) != 1 {
			t.Fatalf("%v, %v", notes, err)
		}
		note, err := os.ReadFile(notes[0])
		if err != nil {
			t.Fatal(err)
		}
		r.stop()
		for where, text := range map[string]string{"status": string(status), "metrics": fmt.Sprint(families), "note": string(note),
			"log": log.String()} {
			if i := strings.Index(text, "secret"); i >= 0 {
				t.Errorf("%s: a secret is in the %s: %s", name, where, text[max(0, i-60):min(len(text), i+60)])
			}
		}
	}
}

// TestTwoSectionsForOneURL: without names they are two, as in Prometheus, and so they
// are where only what is not shown differs.
func TestTwoSectionsForOneURL(t *testing.T) {
	s := newSink(t)
	section := "  - {url: '" + s.URL + "/push%s', write_relabel_configs: [{target_label: n, replacement: '%s'}]}\n"
	yaml := "remote_write:\n" + fmt.Sprintf(section, "", "1") + fmt.Sprintf(section, "", "2") + fmt.Sprintf(section, "?t=1", "3") +
		fmt.Sprintf(section, "?t=2", "4")
	dir := t.TempDir()
	for range 2 {
		r := start(t, Options{Dir: dir}, yaml)
		r.scrape("node", 10, time.Now())
		await(t, "all arrive", func() bool { return r.Status().Total.Queued == 0 })
		if _, err := r.registry.Gather(); err != nil {
			t.Error(err)
		}
		if n := len(r.Status().Remotes); n != 4 {
			t.Errorf("%d remotes", n)
		}
		r.stop()
	}
	if n := s.distinct(); n != 80 {
		t.Errorf("%d samples arrived, want 80", n)
	}
}
