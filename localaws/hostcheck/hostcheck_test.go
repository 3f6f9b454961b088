package hostcheck

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestHandler(t *testing.T) {
	h := Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), "cloud.example.com")
	for host, want := range map[string]int{
		"127.0.0.1:9280": 200, "127.0.0.1": 200, "[::1]:9280": 200, "[::1]": 200, "::1": 200, "10.0.0.7:80": 200,
		"localhost": 200, "LOCALHOST:9280": 200, "bucket.localhost:9280": 200, "cloud.example.com:9280": 200,
		"rebound.example.com": 403, "rebound.example.com:9280": 403, "127.0.0.1.example.com": 403, "localhost.example.com": 403,
		"notlocalhost": 403, "": 403, "cloud.example.com.evil.example": 403,
	} {
		r := httptest.NewRequestWithContext(t.Context(), "GET", "http://127.0.0.1/", nil)
		r.Host = host
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("host %q: %d, want %d", host, w.Code, want)
		}
	}
}
