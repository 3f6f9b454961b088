package gateway

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/parascope/parascope/localaws/principal"
)

// Call is a request that one service of the cloud makes to another one on behalf
// of a principal, as CloudFormation makes its caller's.
type Call struct {
	Service   string // Service.Name
	Operation string // Operation.Name; the protocols that name it by path need Path as well
	Region    string
	Path      string // RESTJSON, RESTXML, PrometheusHTTP: escaped path, with its query
	Header    http.Header
	Form      url.Values // Query, EC2Query: parameters without Action and Version
	Body      []byte     // the others
	// Keys are condition keys that the calling service adds: "aws:SourceArn".
	Keys map[string][]string
}

// Answer is what came back of a Call. A refusal has a Status of 400 or more.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Caller makes calls inside the cloud: Gateway.Call.
type Caller func(ctx context.Context, as principal.Principal, c Call) (Answer, error)

// Call runs an operation without a signature, and with the same authorization
// that a signed request of the principal would meet. The error says that the call
// itself could not be made.
func (g *Gateway) Call(ctx context.Context, as principal.Principal, c Call) (Answer, error) {
	rt, ok := g.named(c.Service, c.Operation)
	if !ok {
		return Answer{}, fmt.Errorf("the local cloud does not support the operation %s:%s", c.Service, c.Operation)
	}
	r, err := c.request(ctx, rt)
	if err != nil {
		return Answer{}, fmt.Errorf("could not call %s:%s: %w", c.Service, c.Operation, err)
	}
	req := &Request{Request: r, ID: g.opts.NewID(), Now: g.opts.Now(), Region: c.Region, Principal: as, CallKeys: c.Keys, route: rt,
		gateway: g}
	w := &recorder{header: http.Header{}}
	if err := g.run(w, req); err != nil {
		g.writeError(w, req, err)
	}
	return Answer{Status: max(w.status, http.StatusOK), Header: w.header, Body: w.body.Bytes()}, nil
}

// recorder keeps an answer instead of sending it.
type recorder struct {
	status int // 0 until it is written
	header http.Header
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}

func (r *recorder) Write(b []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.body.Write(b)
}

func (g *Gateway) named(service, operation string) (route, bool) {
	for _, rt := range g.routes {
		if rt.service.Name == service && rt.operation.Name == operation {
			return rt, true
		}
	}
	return route{}, false
}

// request makes the HTTP request that a client would send.
func (c Call) request(ctx context.Context, rt route) (*http.Request, error) {
	method, path, body := http.MethodPost, "/", c.Body
	header := c.Header.Clone()
	if header == nil {
		header = http.Header{}
	}
	switch rt.service.Protocol {
	case Query, EC2Query:
		form := url.Values{}
		for k, v := range c.Form {
			form[k] = v
		}
		form.Set("Action", rt.operation.Name)
		form.Set("Version", rt.service.Version)
		body = []byte(form.Encode())
		header.Set("Content-Type", "application/x-www-form-urlencoded")
	case JSON11, JSON10:
		header.Set("X-Amz-Target", rt.service.TargetPrefix+"."+rt.operation.Name)
		header.Set("Content-Type", "application/x-amz-json-1.1")
	default:
		method, path = rt.operation.Method, c.Path
	}
	r, err := http.NewRequestWithContext(ctx, method, "http://cloud.invalid"+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header = header
	return r, nil
}

// run takes a call whose route and principal are known to its end.
func (g *Gateway) run(w http.ResponseWriter, req *Request) error {
	body, err := io.ReadAll(req.Request.Body)
	if err != nil {
		return fmt.Errorf("could not read the body of an internal API call: %w", err)
	}
	req.Body = body
	req.Form = queryForm(req)
	if req.route.service.byPath() {
		labels, ok := req.route.match(req.Request)
		if !ok {
			return fmt.Errorf("could not call %s: path %s does not belong to the operation", req.route.operation.Name, req.URL.EscapedPath())
		}
		req.route.labels = labels
	}
	return g.finish(w, req)
}
