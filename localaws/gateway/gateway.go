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
}

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
	if opts.Authorize == nil {
		return nil, errors.New("make a gateway: it needs an authorizer")
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
	err := g.serve(w, req)
	if err != nil {
		g.writeError(w, req, err)
	}
	g.opts.Logger.Debug("request", "id", req.ID, "method", r.Method, "path", r.URL.Path,
		"service", req.route.service.Name, "operation", req.route.operation.Name, "caller", req.Principal.ARN, "err", err)
}

// serve finds, verifies and runs the operation. The route is noted in the
// request as soon as it is known or guessed: it gives errors their shape.
func (g *Gateway) serve(w http.ResponseWriter, req *Request) error {
	if err := g.readBody(w, req); err != nil {
		req.route = g.guess(req)
		return err
	}
	signature, err := sigv4.Parse(req.Request)
	if err != nil {
		req.route = g.guess(req)
		return err
	}
	req.route, err = g.match(req, signature.Service)
	if err != nil {
		return err
	}
	if err := g.verify(req, signature); err != nil {
		return err
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

// readBody takes the whole body in: its hash is part of the signature.
func (g *Gateway) readBody(w http.ResponseWriter, req *Request) error {
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Request.Body, g.opts.MaxBody))
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return TooLarge()
	}
	if err != nil {
		return &Error{Status: http.StatusBadRequest, Code: "IncompleteBody",
			Message: "You did not provide the number of bytes specified by the Content-Length HTTP header."}
	}
	req.Body, req.Request.Body = body, io.NopCloser(bytes.NewReader(body))
	req.Form = queryForm(req)
	return nil
}

// regionPattern is the shape of all regions' names, those to come included.
var regionPattern = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]$`)

// verify checks who signed the request and notes them in it.
func (g *Gateway) verify(req *Request, signature *sigv4.Signature) error {
	if !regionPattern.MatchString(signature.Region) {
		return &sigv4.Failure{Kind: sigv4.Scope, Message: "Credential should be scoped to a valid region."}
	}
	key, found, err := g.opts.Lookup(signature.KeyID)
	if err != nil {
		return fmt.Errorf("look up access key: %w", err)
	}
	if !found {
		return &sigv4.Failure{Kind: sigv4.UnknownKey, Message: "The security token included in the request is invalid."}
	}
	if err := signature.Verify(req.Request, req.Body, key, req.Now); err != nil {
		return err
	}
	req.Region, req.Principal = signature.Region, key.Principal
	if key.SessionToken != "" {
		req.SessionBegan = key.Created
	}
	return nil
}
