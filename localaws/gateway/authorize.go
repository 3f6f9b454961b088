package gateway

import (
	"fmt"
	"maps"
	"net/http"
	"strings"

	"github.com/parascope/parascope/localaws/principal"
)

// Ask is one thing that a principal wants to do, as policies speak of it.
type Ask struct {
	Principal principal.Principal
	Action    string              // "aps:CreateWorkspace"
	Resource  string              // ARN; "*" where the action has no resource
	Keys      map[string][]string // condition keys of the request: "aws:RequestedRegion", "iam:PassedToService", …
}

// Decision is what the account's policies say of an Ask.
type Decision struct {
	Allowed bool
	// Because ends AWS's message when it is refused: "no identity-based policy
	// allows the aps:CreateWorkspace action", "… with an explicit deny in an
	// identity-based policy".
	Because string
}

// AllowAll is an authorizer for tests of services that are about something else.
func AllowAll(Ask) (Decision, error) { return Decision{Allowed: true}, nil }

// authorize asks the policies whether the caller may run the operation.
func (g *Gateway) authorize(req *Request) error {
	op := req.route.operation
	if op.Action == "" {
		return nil
	}
	resources := []string{"*"}
	if op.Resources != nil {
		resources = op.Resources(req)
	}
	var keys map[string][]string
	if op.Keys != nil {
		keys = op.Keys(req)
	}
	for _, resource := range resources {
		if err := req.Authorize(op.Action, resource, keys); err != nil {
			return err
		}
	}
	return nil
}

// Authorize asks the policies whether the caller may do action on resource, an
// ARN or "*". Services call it for what an operation needs beside itself, such
// as iam:PassRole. The error is AWS's, in the service's protocol.
func (r *Request) Authorize(action, resource string, keys map[string][]string) error {
	all := map[string][]string{
		"aws:RequestedRegion":  {r.Region},
		"aws:PrincipalArn":     {r.Principal.ARN},
		"aws:PrincipalAccount": {r.Principal.Account},
		"aws:userid":           {r.Principal.UserID},
	}
	maps.Copy(all, r.CallKeys)
	maps.Copy(all, keys)
	if resource == "" {
		resource = "*"
	}
	decision, err := r.gateway.opts.Authorize(Ask{Principal: r.Principal, Action: action, Resource: resource, Keys: all})
	if err != nil {
		return fmt.Errorf("could not authorize %s: %w", action, err)
	}
	if decision.Allowed {
		return nil
	}
	return r.denied(action, resource, decision.Because)
}

// denied is the refusal in the words and the shape of the service's protocol.
func (r *Request) denied(action, resource, because string) error {
	text := fmt.Sprintf("User: %s is not authorized to perform: %s", r.Principal.ARN, action)
	if resource != "*" {
		text += " on resource: " + resource
	}
	switch {
	case strings.HasPrefix(because, "with "): // "… with an explicit deny in an identity-based policy"
		text += " " + because
	case because != "":
		text += " because " + because
	}
	refused := &Error{Status: http.StatusForbidden, Code: "AccessDenied", Message: text}
	switch r.route.service.Protocol {
	case RESTJSON:
		refused.Code = "AccessDeniedException"
	case JSON11, JSON10, CBOR:
		refused.Status, refused.Code = http.StatusBadRequest, "AccessDeniedException"
	case EC2Query:
		refused.Code, refused.Message = "UnauthorizedOperation", "You are not authorized to perform this operation. "+text
	case PrometheusHTTP:
		refused.Code, refused.Capital = "", true
	}
	if code := r.route.service.DeniedCode; code != "" {
		refused.Code = code
	}
	return refused
}

// RequireActions fills in the Action of the operations that have none: prefix and
// their own name, "aps" and "CreateWorkspace" being aps:CreateWorkspace. A remark
// in parentheses behind a name is no part of it. Where Resources is nil it becomes
// resources, which may be nil too.
func RequireActions(prefix string, resources func(*Request) []string, operations []Operation) []Operation {
	for i := range operations {
		op := &operations[i]
		if op.Action == "" {
			name, _, _ := strings.Cut(op.Name, " (")
			op.Action = prefix + ":" + name
		}
		if op.Resources == nil {
			op.Resources = resources
		}
	}
	return operations
}
