package gateway

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"runtime/debug"
	"time"

	"github.com/parascope/parascope/localaws/bounded"
	"github.com/parascope/parascope/localaws/principal"
	"github.com/parascope/parascope/localaws/sigv4"
)

// DefaultMaxBody is how much of a request is read when Options do not say. It is
// above every service's own limit, which the service enforces.
const DefaultMaxBody = 16 << 20

// Options are what a gateway is made of; all but MaxBody are needed.
type Options struct {
	Services  []Service
	Lookup    func(keyID string) (key principal.AccessKey, found bool, err error)
	Authorize func(Ask) (Decision, error) // the account's policies; AllowAll in tests that are not about them
	Now       func() time.Time
	NewID     func() string // request ids
	Logger    *slog.Logger
	MaxBody   int64
	// Bodies bounds the memory and the time of all bodies; nil: 256 MiB, each within a minute.
	Bodies *bounded.Bodies
}

// Bounds of bodies. A form of AWS's query protocols holds at most a template, and of
// what nobody signed only so much is read as tells which error it gets.
const (
	maxForm     = 1 << 20
	maxUnsigned = 16 << 10
	maxBodies   = 256 << 20
	bodyTime    = time.Minute
)

// Gateway is the http.Handler of all services.
type Gateway struct {
	opts   Options
	routes []route
}

// New prepares a gateway. A path that two operations of one signing name could
// both mean is an error of the tables.
func New(opts Options) (*Gateway, error) {
	if opts.MaxBody == 0 {
		opts.MaxBody = DefaultMaxBody
	}
	if opts.Bodies == nil {
		opts.Bodies = bounded.NewBodies(maxBodies, bodyTime)
	}
	if opts.Authorize == nil {
		return nil, errors.New("the gateway has no authorizer")
	}
	routes, err := routesOf(opts.Services)
	if err != nil {
		return nil, err
	}
	return &Gateway{opts, routes}, nil
}

// ServeHTTP answers one call. Every answer has a request id.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	req := &Request{Request: r, ID: g.opts.NewID(), Now: g.opts.Now(), gateway: g}
	w.Header().Set("x-amzn-RequestId", req.ID)
	release := func() {}
	defer func() { release() }()
	sent := r.Body
	err := g.serve(w, req, &release)
	switch {
	case req.unread:
		bounded.AnswerUnread(w, sent, func() { g.writeError(w, req, err) })
	case err != nil:
		g.writeError(w, req, err)
	}
	g.opts.Logger.Debug("request", "id", req.ID, "method", r.Method, "path", r.URL.Path,
		"service", req.route.service.Name, "operation", req.route.operation.Name, "caller", req.Principal.ARN, "err", err)
}

// serve finds, verifies and runs the operation. What can be verified without the body
// is, before the body is read: who has no key makes nobody hold what they send. The
// route is noted in the request as soon as it is known or guessed: it gives errors
// their shape.
func (g *Gateway) serve(w http.ResponseWriter, req *Request, release *func()) error {
	signature, key, refused := g.recognize(req)
	most := g.opts.MaxBody
	switch {
	case refused != nil:
		most = maxUnsigned
	case isForm(req):
		most = min(most, maxForm)
	}
	body, done, err := g.opts.Bodies.Read(w, req.Request, most)
	*release = done
	req.unread = refused != nil || err != nil
	req.Body, req.Request.Body = body, io.NopCloser(bytes.NewReader(body))
	req.Form = queryForm(req)
	if refused != nil {
		found := false
		if signature != nil { // it names the service
			req.route, err = g.match(req, signature.Service)
			found = err == nil
		}
		if !found {
			req.route = g.guess(req)
		}
		return refused
	}
	if err != nil {
		req.route = g.guess(req)
		return unread(err)
	}
	req.route, err = g.match(req, signature.Service)
	if err != nil {
		return err
	}
	if err := signature.Verify(req.Request, req.Body, key, req.Now); err != nil {
		return err
	}
	req.Region, req.Principal = signature.Region, key.Principal
	if key.SessionToken != "" {
		req.SessionBegan = key.Created
	}
	return g.finish(w, req)
}

// finish authorizes a call and runs its operation.
func (g *Gateway) finish(w http.ResponseWriter, req *Request) (err error) {
	if req.route.operation.Serve == nil {
		return req.route.missing(req)
	}
	defer func() {
		// One bad request must not take the others' answers with it.
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	req.Labels = req.route.labels
	if err := g.authorize(req); err != nil {
		return err
	}
	return req.route.operation.Serve(w, req)
}

// unread is the answer to a body that could not be read.
func unread(err error) error {
	switch {
	case errors.Is(err, bounded.ErrTooLarge):
		return TooLarge()
	case errors.Is(err, bounded.ErrBusy):
		return &Error{Status: http.StatusServiceUnavailable, Code: "ServiceUnavailable", Header: http.Header{"Retry-After": {"1"}},
			Message: Simplified("has reached its limit of memory for concurrent requests")}
	case errors.Is(err, bounded.ErrSlow):
		return &Error{Status: http.StatusBadRequest, Code: "RequestTimeout", Message: "Your socket connection to the server was not read from " +
			"or written to within the timeout period. Idle connections will be closed."}
	}
	return &Error{Status: http.StatusBadRequest, Code: "IncompleteBody",
		Message: "You did not provide the number of bytes specified by the Content-Length HTTP header."}
}

// regionPattern is the shape of all regions' names, those to come included.
var regionPattern = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]$`)

// recognize finds whose key the request names, and checks all of the signature that
// does not depend on a body that is still to come.
func (g *Gateway) recognize(req *Request) (*sigv4.Signature, principal.AccessKey, error) {
	signature, err := sigv4.Parse(req.Request)
	if err != nil {
		return nil, principal.AccessKey{}, err
	}
	if !regionPattern.MatchString(signature.Region) {
		return nil, principal.AccessKey{}, &sigv4.Failure{Kind: sigv4.Scope, Message: "Credential should be scoped to a valid region."}
	}
	key, found, err := g.opts.Lookup(signature.KeyID)
	if err != nil {
		return nil, key, fmt.Errorf("could not look up access key: %w", err)
	}
	if !found {
		return signature, key, &sigv4.Failure{Kind: sigv4.UnknownKey, Message: "The security token included in the request is invalid."}
	}
	return signature, key, signature.VerifyHead(req.Request, key, req.Now)
}
