// Package gateway is the front door of the local cloud: one HTTP handler for
// every AWS service. It decides by the signature's scope, the protocol and the
// path which service and operation a request means, checks the signature, and
// turns errors into the shape that the protocol prescribes.
//
// A service is a value (Service) whose operations stand in a literal table; the
// same table makes localaws/docs/operations.md.
package gateway

import (
	"net/http"
	"net/url"
	"time"

	"github.com/parascope/parascope/localaws/principal"
)

// Protocol is the wire protocol of a service: it decides how an operation is
// recognized and how an error looks.
type Protocol int

const (
	// RESTJSON: method and path name the operation; errors are JSON with the
	// code in X-Amzn-ErrorType (amp, grafana, lambda).
	RESTJSON Protocol = iota + 1
	// Query: the form field Action names the operation; XML answers (sts, iam, cloudformation).
	Query
	// JSON11: the header X-Amz-Target names the operation; JSON answers with __type in errors.
	JSON11
	// PrometheusHTTP is AMP's data plane: REST paths, errors of the gateway are {"message": …}.
	PrometheusHTTP
	// RESTXML: method, path and query name the operation; XML answers (s3).
	RESTXML
	// EC2Query is the query protocol in EC2's dialect: flat answers, other errors.
	EC2Query
	// JSON10 is JSON11 of the version before, which says so in its media type.
	JSON10
	// CBOR is Smithy's RPC v2: the path /service/…/operation/… names the operation; CBOR
	// in requests, answers and errors.
	CBOR
)

// byTarget reports whether X-Amz-Target names the service's operations.
func (s Service) byTarget() bool { return s.Protocol == JSON11 || s.Protocol == JSON10 }

// Service is one AWS API as the gateway routes to it. Two services may share a
// signing name (AMP's control and data plane do); the path then decides.
type Service struct {
	Name         string // "sts"
	Title        string // "AWS Security Token Service"
	SigningName  string // service in the credential scope: "sts", "aps"
	Version      string // API version, "2011-06-15"
	TargetPrefix string // JSON10, JSON11 only: "AWSIdentityStore"
	Protocol     Protocol
	// QueryErrors: the service spoke the query protocol before, and says in a header what
	// its errors are called there.
	QueryErrors bool
	DeniedCode  string // of a refusal by IAM, where the service does not have its protocol's
	Operations  []Operation
	Rules       []Rule // behaviour of the service as a whole, for the documentation
}

// Operation is one call of a service. With a nil Serve it is known by name only
// and answers 501.
type Operation struct {
	Name   string // "CreateWorkspace"
	Method string // protocols with paths: one method
	Path   string // protocols with paths: "/workspaces/{workspaceId}", labels decode %2F; "{Key+}" takes all that follows
	Query  string // RESTXML: a parameter of the query that must be there, "policy" or "list-type=2"; "" is tried last
	Serve  func(http.ResponseWriter, *Request) error
	Rules  []Rule

	// Action is what the caller needs permission for, "aps:CreateWorkspace". An
	// operation without one is open to everybody whose signature is good.
	Action string
	// Resources are the ARNs that the action is on: each must be allowed. Nil: "*".
	Resources func(*Request) []string
	// Keys are the operation's own condition keys.
	Keys func(*Request) map[string][]string
}

// Rule is one behaviour, and how sure we are that AWS behaves so.
type Rule struct {
	Text   string
	Basis  Basis
	Source string // where it was read; why it was inferred or assumed
}

// Basis says where a behaviour is known from.
type Basis string

const (
	Confirmed Basis = "confirmed" // a public source shows it
	Inferred  Basis = "inferred"  // it follows from a source
	Assumed   Basis = "assumed"   // nothing found; ask AWS before relying on it
)

// Request is a verified call.
type Request struct {
	*http.Request
	ID        string // request id, sent back as x-amzn-RequestId
	Region    string // from the credential scope
	Principal principal.Principal
	// SessionBegan is when the temporary credentials were made that the request is
	// signed with; zero for keys that do not end, and for calls inside the cloud.
	SessionBegan time.Time
	Labels       map[string]string // decoded path labels, by name
	Form         url.Values        // Query and EC2Query: the form; else nil (the URL's query is in URL)
	Body         []byte            // whole body; MaxBody bounds it
	Now          time.Time         // the cloud's clock when the request came in
	// CallKeys are the condition keys of a call inside the cloud: who a service calls for.
	CallKeys map[string][]string

	route   route
	gateway *Gateway
	unread  bool // the body was not read to its end
}

// Error is an answer that AWS would give to a request it refuses. Serve returns
// it; the gateway writes it in the service's protocol.
type Error struct {
	Status  int
	Code    string // "ValidationException"; "" for PrometheusHTTP, which has none
	Message string
	Members map[string]any // further members of a JSON error body: resourceId, reason, …
	Header  http.Header    // further headers: Retry-After
	Capital bool           // PrometheusHTTP: the member is "Message", as IAM's refusals have it
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// TooLarge is the answer to a request above a limit of its size: the gateway's own,
// or one of the service.
func TooLarge() *Error {
	return &Error{Status: http.StatusRequestEntityTooLarge, Code: "RequestEntityTooLargeException", Message: "Request size exceeded"}
}
