package gateway

import (
	"cmp"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/parascope/parascope/localaws/sigv4"
)

// route is an operation and where it stands; with labels, it is one that a
// request was matched to.
type route struct {
	service   Service
	operation Operation
	segments  []string
	labels    map[string]string
}

// routesOf lists the operations of all services. It refuses tables in which an
// operation could never be reached.
func routesOf(services []Service) ([]route, error) {
	var routes []route
	seen := map[string]string{}
	for _, s := range services {
		for _, op := range s.Operations {
			key := s.Name + " " + op.Name
			if s.byPath() {
				key = s.SigningName + " " + op.Method + " " + pathShape(op.Path) + "?" + op.Query
			}
			if other, twice := seen[key]; twice {
				return nil, fmt.Errorf("operations %s and %s:%s have the same route", other, s.Name, op.Name)
			}
			seen[key] = s.Name + ":" + op.Name
			routes = append(routes, route{service: s, operation: op, segments: strings.Split(op.Path, "/")})
		}
	}
	// An operation that asks for a parameter is more particular than one that
	// does not, and a path that is spelled out more than one that takes anything.
	slices.SortStableFunc(routes, func(a, b route) int {
		if c := cmp.Compare(b.parameters(), a.parameters()); c != 0 {
			return c
		}
		return cmp.Compare(strings.Count(a.operation.Path, "{"), strings.Count(b.operation.Path, "{"))
	})
	return routes, nil
}

// parameters is how many parameters of the query the operation asks for.
func (rt route) parameters() int {
	if rt.operation.Query == "" {
		return 0
	}
	return 1
}

// byPath reports whether method and path name the service's operations.
func (s Service) byPath() bool {
	return s.Protocol == RESTJSON || s.Protocol == PrometheusHTTP || s.Protocol == RESTXML || s.Protocol == CBOR
}

// match compares the operation's method, path and query with a request's.
func (rt route) match(r *http.Request) (labels map[string]string, ok bool) {
	if rt.operation.Method != r.Method {
		return nil, false
	}
	if name, value, exact := strings.Cut(rt.operation.Query, "="); name != "" {
		query := r.URL.Query()
		if !query.Has(name) || exact && query.Get(name) != value {
			return nil, false
		}
	}
	path := r.URL.EscapedPath()
	if rt.service.Protocol != RESTXML {
		path = sigv4.CleanPath(path) // what was signed: others can be made of it on the way
	}
	return matchSegments(rt.segments, strings.Split(path, "/"))
}

// byForm reports whether a form field names the service's operations.
func (s Service) byForm() bool { return s.Protocol == Query || s.Protocol == EC2Query }

func pathShape(path string) string {
	segments := strings.Split(path, "/")
	for i, s := range segments {
		if isLabel(s) {
			segments[i] = "{}"
		}
	}
	return strings.Join(segments, "/")
}

func isLabel(segment string) bool { return strings.HasPrefix(segment, "{") }

// match finds the operation that a request signed for signingName means. When
// there is none, the route returned is a guess.
func (g *Gateway) match(req *Request, signingName string) (route, error) {
	found, ok := g.find(req, func(s Service) bool { return s.SigningName == signingName })
	if ok {
		return found, nil
	}
	guess := g.guess(req)
	if guess.operation.Name != "" {
		return guess, &sigv4.Failure{Kind: sigv4.Scope,
			Message: fmt.Sprintf("Credential should be scoped to correct service: '%s'.", guess.service.SigningName)}
	}
	for _, s := range g.opts.Services {
		if s.SigningName != signingName {
			continue
		}
		if guess.service.SigningName != signingName {
			guess.service = s
		}
		return guess, nil // known service: the signature is checked before it is told what is missing
	}
	return guess, NotImplemented(signingName)
}

// guess is what a request that cannot be trusted, or says nothing of its
// service, seems to want.
func (g *Gateway) guess(req *Request) route {
	// S3's paths are anything at all: nothing that is not signed for it is its own.
	if found, ok := g.find(req, func(s Service) bool { return s.Protocol != RESTXML }); ok {
		return found
	}
	for _, s := range g.opts.Services {
		// Paths under a Prometheus API's first two segments answer in its shape.
		if s.Protocol == PrometheusHTTP && len(s.Operations) > 0 && samePrefix(s.Operations[0].Path, req.URL.EscapedPath()) {
			return route{service: s}
		}
	}
	switch {
	case req.Header.Get("X-Amz-Target") != "":
		return route{service: Service{Protocol: JSON11}}
	case req.Form.Get("Action") != "", isForm(req):
		return route{service: Service{Protocol: Query}}
	}
	return route{service: Service{Protocol: RESTJSON}}
}

// samePrefix compares the first three segments of a table's path and a request's:
// "/workspaces/{workspaceId}/api/…".
func samePrefix(pattern, path string) bool {
	p, got := strings.SplitN(pattern, "/", 5), strings.SplitN(path, "/", 5)
	if len(p) < 4 || len(got) < 4 {
		return false
	}
	_, ok := matchSegments(p[:4], got[:4])
	return ok
}

func (g *Gateway) find(req *Request, in func(Service) bool) (route, bool) {
	for _, rt := range g.routes {
		if !in(rt.service) {
			continue
		}
		switch rt.service.Protocol {
		case RESTJSON, PrometheusHTTP, RESTXML, CBOR:
			if labels, ok := rt.match(req.Request); ok {
				rt.labels = labels
				return rt, true
			}
		case Query, EC2Query:
			if req.Form.Get("Action") == rt.operation.Name {
				return rt, true
			}
		case JSON11, JSON10:
			if req.Header.Get("X-Amz-Target") == rt.service.TargetPrefix+"."+rt.operation.Name {
				return rt, true
			}
		}
	}
	return route{}, false
}

// matchSegments compares a table's path with one as it was sent, still encoded,
// and decodes the labels: %2F is part of a label and never ends it.
func matchSegments(pattern, path []string) (map[string]string, bool) {
	labels := map[string]string{}
	if last := pattern[len(pattern)-1]; strings.HasSuffix(last, "+}") {
		if len(path) < len(pattern) {
			return nil, false
		}
		// All that follows is one label, with its slashes as they were sent.
		rest, err := url.PathUnescape(strings.Join(path[len(pattern)-1:], "/"))
		if err != nil || rest == "" {
			return nil, false
		}
		labels[strings.Trim(last, "{+}")] = rest
		pattern, path = pattern[:len(pattern)-1], path[:len(pattern)-1]
	}
	if len(pattern) != len(path) {
		return nil, false
	}
	for i, p := range pattern {
		if !isLabel(p) {
			if p != path[i] {
				return nil, false
			}
			continue
		}
		value, err := url.PathUnescape(path[i])
		if err != nil || value == "" {
			return nil, false
		}
		labels[strings.Trim(p, "{}")] = value
	}
	return labels, true
}

// missing is the answer for what the cloud does not do: an operation known by
// name, or something that no table has.
func (rt route) missing(req *Request) error {
	name := rt.operation.Name
	switch {
	case name != "":
	case rt.service.byForm() && !req.Form.Has("Action"):
		return &Error{Status: http.StatusBadRequest, Code: "MissingAction", Message: "The request is missing an action."}
	case rt.service.byForm():
		name = req.Form.Get("Action")
	case rt.service.byTarget():
		name = strings.TrimPrefix(req.Header.Get("X-Amz-Target"), rt.service.TargetPrefix+".")
	default:
		// What Amazon API Gateway says about a method and path it does not have.
		return &sigv4.Failure{Kind: sigv4.Missing, Message: "Missing Authentication Token"}
	}
	return NotImplemented(rt.service.Name + ":" + name)
}

// isForm reports whether a request's body is a form of the Query protocol.
func isForm(req *Request) bool {
	mediaType, _, err := mime.ParseMediaType(req.Header.Get("Content-Type"))
	return err == nil && mediaType == "application/x-www-form-urlencoded" && req.URL.Path == "/"
}

// queryForm is the form of a request of the Query protocol: from its body, or
// from its query when it is presigned. For other requests it is nil.
func queryForm(req *Request) url.Values {
	if isForm(req) {
		if form, err := url.ParseQuery(string(req.Body)); err == nil {
			return form
		}
	}
	if form := req.URL.Query(); form.Has("Action") {
		return form
	}
	return nil
}
