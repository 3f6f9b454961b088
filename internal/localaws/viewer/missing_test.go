package viewer

import (
	"net/http"
	"net/http/httptest"
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
	if err := p.app(w); err != nil {
		t.Fatal(err)
	}
	if w.Code != http.StatusNotImplemented || !strings.Contains(w.Body.String(), "npm") || !strings.Contains(w.Body.String(), "make build") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
