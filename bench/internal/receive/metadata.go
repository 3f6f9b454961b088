package receive

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Metadata stands in for the instance metadata service of a machine with a role:
// IMDSv2, and the endpoint of container credentials for agents that cannot be
// pointed at another metadata service. Its credentials expire when told to, and
// a Receiver that asks Authorized refuses them from then on.
type Metadata struct {
	now      func() time.Time
	server   *http.Server
	listener net.Listener

	mu      sync.Mutex
	number  int
	expires time.Time
	late    bool // the new credentials are not there yet
}

// Role is the name of the machine's role.
const Role = "bench-head"

// tokenPrefix and a number are the session tokens: what AWS signs into them is
// opaque to clients.
const (
	tokenPrefix = "bench-session-"
	longLife    = 6 * time.Hour // what EC2 gives
)

// NewMetadata serves on a free port of this machine. The first credentials are
// good for lifetime.
func NewMetadata(lifetime time.Duration, now func() time.Time) (*Metadata, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("bind metadata service: %w", err)
	}
	m := &Metadata{now: now, listener: listener, number: 1, expires: now().Add(lifetime)}
	mux := http.NewServeMux()
	mux.HandleFunc("PUT /latest/api/token", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", r.Header.Get("X-Aws-Ec2-Metadata-Token-Ttl-Seconds"))
		fmt.Fprint(w, "metadata-token")
	})
	mux.HandleFunc("GET /latest/meta-data/iam/security-credentials/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, Role) })
	mux.HandleFunc("GET /latest/meta-data/iam/security-credentials/"+Role, m.credentials)
	mux.HandleFunc("GET /container-credentials", m.credentials)
	m.server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go m.server.Serve(listener) // ends with Close
	return m, nil
}

// URL is the service's address, for AWS_EC2_METADATA_SERVICE_ENDPOINT.
func (m *Metadata) URL() string { return "http://" + m.listener.Addr().String() }

// ContainerURL is for AWS_CONTAINER_CREDENTIALS_FULL_URI.
func (m *Metadata) ContainerURL() string { return m.URL() + "/container-credentials" }

// Late keeps the service from handing out new credentials when the present ones
// expire, until Renew: a machine whose metadata service is behind.
func (m *Metadata) Late() {
	m.mu.Lock()
	m.late = true
	m.mu.Unlock()
}

// Renew hands out new credentials from now on, good for hours.
func (m *Metadata) Renew() {
	m.mu.Lock()
	m.late, m.number, m.expires = false, m.number+1, m.now().Add(longLife)
	m.mu.Unlock()
}

// Authorized says whether a request was signed with credentials that are good now.
func (m *Metadata) Authorized(r *http.Request) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	token := r.Header.Get("X-Amz-Security-Token")
	return strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 ") &&
		token == fmt.Sprint(tokenPrefix, m.number) && m.now().Before(m.expires)
}

func (m *Metadata) credentials(w http.ResponseWriter, _ *http.Request) {
	m.mu.Lock()
	if !m.late && !m.now().Before(m.expires) {
		m.number, m.expires = m.number+1, m.now().Add(longLife)
	}
	body := map[string]string{
		"Code": "Success", "Type": "AWS-HMAC", "LastUpdated": m.now().UTC().Format(time.RFC3339),
		"AccessKeyId": fmt.Sprintf("ASIABENCH%011d", m.number), "SecretAccessKey": "bench-secret", "Token": fmt.Sprint(tokenPrefix, m.number),
		"Expiration": m.expires.UTC().Format(time.RFC3339),
	}
	m.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(body) // an error means that the client is gone
}

// Close ends the service.
func (m *Metadata) Close() error { return m.server.Close() }
