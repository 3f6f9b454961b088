package receiver

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestEndlessCredentials: a service of credentials whose answer has no end costs no memory, and says so.
func TestEndlessCredentials(t *testing.T) {
	for name, c := range map[string]struct {
		section SigV4
		env     map[string]string
		status  int
	}{
		"instance metadata": {SigV4{Region: "us-east-2"},
			map[string]string{"AWS_EC2_METADATA_SERVICE_ENDPOINT": "", "AWS_EC2_METADATA_DISABLED": "false"}, http.StatusOK},
		"container": {SigV4{Region: "us-east-2"}, map[string]string{"AWS_CONTAINER_CREDENTIALS_FULL_URI": ""}, http.StatusBadRequest},
		"role": {SigV4{Region: "us-east-2", AccessKey: "a", SecretKey: "b", RoleARN: "arn:aws:iam::111122223333:role/r"},
			map[string]string{"AWS_ENDPOINT_URL": ""}, http.StatusBadRequest},
	} {
		t.Run(name, func(t *testing.T) {
			home(t, "")
			var most atomic.Int64
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "21600")
				w.WriteHeader(c.status)
				var n int64
				for text := strings.Repeat("a", 64<<10); n < 64*maxCredentials; {
					m, err := io.WriteString(w, text)
					n += int64(m)
					if err != nil {
						break
					}
				}
				for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
				}
			}))
			defer server.Close()
			for variable, value := range c.env {
				if value == "" {
					value = server.URL
				}
				t.Setenv(variable, value)
			}
			s, err := NewSigner(t.Context(), c.section)
			if err != nil {
				t.Fatal(err)
			}
			_, err = s.credentials(t.Context(), time.Now())
			server.CloseClientConnections()
			if err == nil || !strings.Contains(err.Error(), "larger than") {
				t.Errorf("%v", err)
			}
			server.Close() // the handlers have ended
			if n := most.Load(); n == 0 || n > 16*maxCredentials {
				t.Errorf("%d bytes of one answer were read", n)
			}
		})
	}
}
