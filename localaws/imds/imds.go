// Package imds is the local cloud's EC2 instance metadata service: what a process
// on a machine with an IAM role asks for its credentials and its region. The
// credentials are a session of that role which really expires: the gateway
// refuses them afterwards. It listens on an address of its own, as AWS's does,
// and clients are pointed at it by AWS_EC2_METADATA_SERVICE_ENDPOINT.
package imds

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/principal"
)

// DefaultLifetime is how long EC2 makes credentials of a role last.
const DefaultLifetime = 6 * time.Hour

// Options are what the service is made of; all but Lifetime are needed.
type Options struct {
	// Credentials gives new ones of the machine's role, good for this long.
	Credentials func(lifetime time.Duration) (principal.AccessKey, error)
	RoleARN     string // role of the machine
	Region      string
	Lifetime    time.Duration // of credentials; DefaultLifetime
	Now         func() time.Time
	Logger      *slog.Logger
}

// The one machine that is asked about.
const (
	instanceID   = "i-0123456789abcdef0"
	instanceType = "c5.xlarge"
	privateIP    = "127.0.0.1"
)

// renewBefore is how long before credentials end AWS hands out the next ones.
// With shorter lifetimes it is half of them.
const renewBefore = 5 * time.Minute

// Handler is the service over HTTP.
type Handler struct {
	opts   Options
	mux    *http.ServeMux
	secret []byte // of session tokens: none is kept, so that asking for many takes no memory

	mu     sync.Mutex
	key    principal.AccessKey
	issued time.Time
}

// New prepares the service.
func New(o Options) *Handler {
	if o.Lifetime == 0 {
		o.Lifetime = DefaultLifetime
	}
	h := &Handler{opts: o, mux: http.NewServeMux(), secret: []byte(rand.Text() + rand.Text())}
	for _, op := range h.Service().Operations {
		h.mux.HandleFunc(op.Method+" "+strings.TrimSuffix(op.Path, "/")+exact(op.Path), func(w http.ResponseWriter, r *http.Request) {
			h.answer(w, r, op)
		})
	}
	return h
}

// exact keeps a path with a slash at its end from meaning everything below it.
func exact(path string) string {
	if strings.HasSuffix(path, "/") {
		return "/{$}"
	}
	return ""
}

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.mux.ServeHTTP(w, r) }

func (h *Handler) answer(w http.ResponseWriter, r *http.Request, op gateway.Operation) {
	err := h.admit(r, op)
	if err == nil {
		err = op.Serve(w, &gateway.Request{Request: r, Region: h.opts.Region, Now: h.opts.Now(),
			Labels: map[string]string{"role": r.PathValue("role")}})
	}
	refused, ok := errors.AsType[*gateway.Error](err)
	switch {
	case err == nil:
	case ok:
		http.Error(w, refused.Message, refused.Status)
	default:
		h.opts.Logger.Error("could not answer a metadata request", "path", r.URL.Path, "err", err)
		http.Error(w, "Internal Server Error", http.StatusInternalServerError)
	}
}

const (
	tokenHeader = "X-Aws-Ec2-Metadata-Token"
	ttlHeader   = "X-Aws-Ec2-Metadata-Token-Ttl-Seconds"
	maxTTL      = 21600
)

// admit lets in only who holds a token that is good, as IMDSv2 does.
func (h *Handler) admit(r *http.Request, op gateway.Operation) error {
	if r.Header.Get("X-Forwarded-For") != "" {
		return &gateway.Error{Status: http.StatusForbidden, Message: "Forbidden"}
	}
	if op.Name == getToken {
		return nil
	}
	token := r.Header.Get(tokenHeader)
	stamp, _, _ := strings.Cut(token, ".")
	end, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || !hmac.Equal([]byte(token), []byte(h.tokenOf(end))) || h.opts.Now().UnixMilli() > end {
		return &gateway.Error{Status: http.StatusUnauthorized, Message: "Unauthorized"}
	}
	return nil
}

func (h *Handler) token(w http.ResponseWriter, r *gateway.Request) error {
	ttl, err := strconv.Atoi(r.Header.Get(ttlHeader))
	if err != nil || ttl < 1 || ttl > maxTTL {
		return &gateway.Error{Status: http.StatusBadRequest, Message: "Bad Request"}
	}
	w.Header().Set(ttlHeader, strconv.Itoa(ttl))
	return text(h.tokenOf(r.Now.Add(time.Duration(ttl)*time.Second).UnixMilli()))(w, r)
}

// tokenOf is the session token of IMDSv2 that is good until then, in milliseconds of the
// epoch.
func (h *Handler) tokenOf(end int64) string {
	stamp := strconv.FormatInt(end, 10)
	mac := hmac.New(sha256.New, h.secret)
	mac.Write([]byte(stamp)) // a hash's Write never fails
	return stamp + "." + hex.EncodeToString(mac.Sum(nil))
}

// roleName is the role's, without the path that its ARN may have.
func (h *Handler) roleName() string { return h.opts.RoleARN[strings.LastIndex(h.opts.RoleARN, "/")+1:] }

func (h *Handler) credentials(w http.ResponseWriter, r *gateway.Request) error {
	if r.Labels["role"] != h.roleName() {
		return &gateway.Error{Status: http.StatusNotFound, Message: "Not Found"}
	}
	key, issued, err := h.current(r.Now)
	if err != nil {
		return err
	}
	return gateway.WriteJSON(w, http.StatusOK, struct {
		Code, LastUpdated, Type, AccessKeyId, SecretAccessKey, Token, Expiration string
	}{"Success", issued.UTC().Format(time.RFC3339), "AWS-HMAC", key.ID, key.Secret, key.SessionToken, key.Expires.UTC().Format(time.RFC3339)})
}

// current is the session that is handed out now. The next one is made while the
// last is still good, so that no caller is left with none.
func (h *Handler) current(now time.Time) (principal.AccessKey, time.Time, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.key.Expires.Sub(now) > min(renewBefore, h.opts.Lifetime/2) {
		return h.key, h.issued, nil
	}
	key, err := h.opts.Credentials(h.opts.Lifetime)
	if err != nil {
		return principal.AccessKey{}, time.Time{}, err
	}
	h.key, h.issued = key, now
	return key, now, nil
}

func (h *Handler) identity(w http.ResponseWriter, r *gateway.Request) error {
	b, err := json.MarshalIndent(map[string]any{
		"accountId": principal.Account, "architecture": "x86_64", "availabilityZone": r.Region + "a", "imageId": "ami-0123456789abcdef0",
		"instanceId": instanceID, "instanceType": instanceType, "privateIp": privateIP, "region": r.Region, "version": "2017-09-30",
	}, "", "  ")
	if err != nil {
		return fmt.Errorf("could not encode identity document: %w", err)
	}
	return text(string(b))(w, r)
}

// text answers with plain text, as most of the metadata is.
func text(s string) func(http.ResponseWriter, *gateway.Request) error {
	return func(w http.ResponseWriter, _ *gateway.Request) error {
		w.Header().Set("Content-Type", "text/plain")
		fmt.Fprint(w, s) // an error means that the client is gone
		return nil
	}
}
