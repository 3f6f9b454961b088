//go:build linux

package bed

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/parascope/parascope/testbed/machine"
)

// metadataAddress is where EC2 answers machines about themselves.
const metadataAddress = "169.254.169.254:80"

// wire gives a machine what it reaches beyond its network: its metadata, and the
// local cloud at the address that it has on the host.
func (b *Bed) wire(m *machine.Machine, i *instance) error {
	var metadata, cloud net.Listener
	address := ""
	if b.opts.Cloud != nil {
		u, err := url.Parse(b.opts.Cloud.URL)
		if err != nil {
			return fmt.Errorf("address of the local cloud: %w", err)
		}
		address = u.Host
	}
	err := m.InNetwork(func() (err error) {
		if metadata, err = net.Listen("tcp", metadataAddress); err == nil && address != "" {
			cloud, err = net.Listen("tcp", address)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("wire machine %s: %w", i.ID, err)
	}
	server := &http.Server{Handler: newMetadata(b, i), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(metadata) }() // until Close
	go func() {
		<-m.Done
		_ = server.Close()
		if cloud != nil {
			_ = cloud.Close()
		}
	}()
	if cloud != nil {
		go relay(b.ctx, cloud, address)
	}
	return nil
}

// relay passes connections on to an address of the host.
func relay(ctx context.Context, l net.Listener, address string) {
	for {
		from, err := l.Accept()
		if err != nil {
			return // closed
		}
		go func() {
			defer from.Close()
			var d net.Dialer
			to, err := d.DialContext(ctx, "tcp", address)
			if err != nil {
				return // the caller sees a connection that ends
			}
			defer to.Close()
			var both sync.WaitGroup
			both.Go(func() { pass(to, from) })
			both.Go(func() { pass(from, to) })
			both.Wait()
		}()
	}
}

// pass copies one direction and its end.
func pass(to, from net.Conn) {
	_, _ = io.Copy(to, from)
	if half, ok := to.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
}

// metadata answers one machine, to holders of a token of IMDSv2 only.
type metadata struct {
	bed *Bed
	i   *instance

	mu     sync.Mutex
	tokens map[string]time.Time // with their ends
	keys   Credentials
}

func newMetadata(b *Bed, i *instance) http.Handler {
	m := &metadata{bed: b, i: i, tokens: map[string]time.Time{}}
	mux := http.NewServeMux()
	mux.HandleFunc("PUT /latest/api/token", m.token)
	const data = "GET /latest/meta-data/"
	for path, text := range map[string]string{
		"instance-id": i.ID, "instance-type": i.Type, "local-ipv4": i.Address, "local-hostname": i.Hostname, "hostname": i.Hostname,
		"placement/region": b.opts.Region, "placement/availability-zone": b.opts.Region + "a", "ami-id": "ami-0123456789abcdef0",
		"services/domain": "amazonaws.com", "services/partition": "aws",
	} {
		mux.HandleFunc(data+path, m.admit(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) }))
	}
	mux.HandleFunc(data+"iam/security-credentials/", m.admit(m.credentials))
	mux.HandleFunc("GET /latest/dynamic/instance-identity/document", m.admit(m.identity))
	return mux
}

const (
	tokenHeader = "X-Aws-Ec2-Metadata-Token"
	ttlHeader   = "X-Aws-Ec2-Metadata-Token-Ttl-Seconds"
)

func (m *metadata) token(w http.ResponseWriter, r *http.Request) {
	ttl, err := time.ParseDuration(r.Header.Get(ttlHeader) + "s")
	if err != nil || ttl < time.Second || ttl > 6*time.Hour {
		http.Error(w, "Bad Request", http.StatusBadRequest)
		return
	}
	token := rand.Text()
	m.mu.Lock()
	m.tokens[token] = m.bed.opts.Now().Add(ttl)
	m.mu.Unlock()
	w.Header().Set(ttlHeader, r.Header.Get(ttlHeader))
	fmt.Fprint(w, token)
}

func (m *metadata) admit(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		m.mu.Lock()
		end, ok := m.tokens[r.Header.Get(tokenHeader)]
		m.mu.Unlock()
		if !ok || m.bed.opts.Now().After(end) {
			http.Error(w, "Unauthorized", http.StatusUnauthorized)
			return
		}
		h(w, r)
	}
}

func (m *metadata) identity(w http.ResponseWriter, _ *http.Request) {
	_ = json.NewEncoder(w).Encode(map[string]string{ // a caller that is gone needs no answer
		"accountId": account, "architecture": "x86_64", "availabilityZone": m.bed.opts.Region + "a", "imageId": "ami-0123456789abcdef0",
		"instanceId": m.i.ID, "instanceType": m.i.Type, "privateIp": m.i.Address, "region": m.bed.opts.Region, "version": "2017-09-30",
	})
}

// credentials are the role's. They are renewed while the last are still good.
func (m *metadata) credentials(w http.ResponseWriter, r *http.Request) {
	name := m.i.role[strings.LastIndex(m.i.role, "/")+1:]
	asked := strings.TrimPrefix(r.URL.Path, "/latest/meta-data/iam/security-credentials/")
	switch {
	case name == "" || asked != "" && asked != name:
		http.Error(w, "Not Found", http.StatusNotFound)
	case asked == "":
		fmt.Fprint(w, name)
	default:
		keys, err := m.current(r.Context())
		if err != nil {
			m.bed.opts.Logger.Error("credentials of a machine", "id", m.i.ID, "role", m.i.role, "err", err)
			_ = json.NewEncoder(w).Encode(map[string]string{"Code": "AssumeRoleUnauthorizedAccess", "Message": "EC2 cannot assume the role " + name})
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]string{
			"Code": "Success", "Type": "AWS-HMAC", "LastUpdated": m.bed.opts.Now().UTC().Format(time.RFC3339), "AccessKeyId": keys.ID,
			"SecretAccessKey": keys.Secret, "Token": keys.Token, "Expiration": keys.Expires.UTC().Format(time.RFC3339),
		})
	}
}

func (m *metadata) current(ctx context.Context) (Credentials, error) {
	if m.bed.opts.Cloud == nil {
		return Credentials{}, errors.New("there is no local cloud")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.keys.Expires.Sub(m.bed.opts.Now()) > 5*time.Minute {
		return m.keys, nil
	}
	keys, err := m.bed.opts.Cloud.assume(ctx, m.i.role, m.i.ID)
	if err == nil {
		m.keys = keys
	}
	return keys, err
}
