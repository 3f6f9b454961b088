package viewer

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A program that was built without npm has all but the pages, and says so.
func TestPagesThatWereNotBuilt(t *testing.T) {
	p, err := readPages()
	if err != nil {
		t.Fatal(err)
	}
	p.built = false
	w := httptest.NewRecorder()
	if err := p.app(w, true, ""); err != nil {
		t.Fatal(err)
	}
	if w.Code != http.StatusNotImplemented || !strings.Contains(w.Body.String(), "npm") || !strings.Contains(w.Body.String(), "make build") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// The page of the program carries the hint of whoever runs the cloud, as text.
func TestTheHintForNoDataSources(t *testing.T) {
	p, err := readPages()
	if err != nil {
		t.Fatal(err)
	}
	p.built = true
	w := httptest.NewRecorder()
	if err := p.app(w, true, `Type "add" & wait`); err != nil {
		t.Fatal(err)
	}
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `data-add-source="Type &#34;add&#34; &amp; wait"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// A build goes on without the pages where npm cannot get their modules.
func TestTheBuildGoesOnWithoutModules(t *testing.T) {
	if _, err := exec.LookPath("make"); err != nil {
		t.Skip("there is no make")
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "web"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "npm"), []byte("#!/bin/sh\nexit 1\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "make", "-C", "../..", "viewer", "VIEWER="+dir)
	cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"))
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "npm ci failed") ||
		!strings.Contains(string(out), "Node.js 20") {
		t.Errorf("%v: %s", err, out)
	}
}
