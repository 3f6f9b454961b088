package sns

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestErrorsDoNotHoldTheEndpoint: an endpoint's path may be a secret, and errors are logged.
func TestErrorsDoNotHoldTheEndpoint(t *testing.T) {
	s := New(Options{})
	defer s.Close()
	refuses := httptest.NewServer(http.NotFoundHandler())
	defer refuses.Close()
	for _, endpoint := range []string{"http://127.0.0.1:1/secret", "http://192.0.2.1/secret", refuses.URL + "/secret", "http://[::1/secret"} {
		_, err := s.post(t.Context(), &subscription{Endpoint: endpoint}, "id", "Notification", nil)
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", endpoint, err)
		}
	}
}
