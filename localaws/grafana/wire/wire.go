// Package wire is how Amazon Managed Grafana's control plane speaks, whatever it
// speaks of: its errors, the bodies of requests, and lists in pages.
package wire

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/parascope/parascope/localaws/gateway"
)

type field struct {
	Name    string `json:"name"`
	Message string `json:"message"`
}

// Invalid is the answer to a parameter outside its constraints.
func Invalid(name, format string, args ...any) error {
	message := fmt.Sprintf(format, args...)
	return &gateway.Error{Status: http.StatusBadRequest, Code: "ValidationException",
		Message: fmt.Sprintf("1 validation error detected: %s: %s", name, message),
		Members: map[string]any{"reason": "FIELD_VALIDATION_FAILED", "fieldList": []field{{name, message}}},
	}
}

// Refused is a ValidationException that is not about one field.
func Refused(format string, args ...any) error {
	return &gateway.Error{Status: http.StatusBadRequest, Code: "ValidationException", Message: fmt.Sprintf(format, args...),
		Members: map[string]any{"reason": "OTHER"}}
}

// NotFound is the answer about what does not exist.
func NotFound(kind, id string) error {
	return &gateway.Error{Status: http.StatusNotFound, Code: "ResourceNotFoundException", Message: kind + " " + id + " not found",
		Members: map[string]any{"resourceId": id, "resourceType": kind}}
}

// Conflict is the answer to what the state of a resource forbids.
func Conflict(kind, id, format string, args ...any) error {
	return &gateway.Error{Status: http.StatusConflict, Code: "ConflictException", Message: fmt.Sprintf(format, args...),
		Members: map[string]any{"resourceId": id, "resourceType": kind}}
}

// Quota is the answer to one more than a quota allows.
func Quota(kind, id, format string, args ...any) error {
	return &gateway.Error{Status: http.StatusPaymentRequired, Code: "ServiceQuotaExceededException", Message: fmt.Sprintf(format, args...),
		Members: map[string]any{"resourceId": id, "resourceType": kind, "serviceCode": "grafana", "quotaCode": ""}}
}

// Parse reads a request's JSON body into v; an empty body is an empty object.
func Parse(r *gateway.Request, v any) error {
	if len(r.Body) == 0 {
		return nil
	}
	if err := json.Unmarshal(r.Body, v); err != nil {
		return &gateway.Error{Status: http.StatusBadRequest, Code: "ValidationException", Message: "Invalid request body",
			Members: map[string]any{"reason": "CANNOT_PARSE"}}
	}
	return nil
}

// maxPage is the largest maxResults of all lists, and what they have without one.
const maxPage = 100

// Page cuts the part out of all that the request's maxResults and nextToken
// name. all is in the order of keys, which stays as members come and go.
func Page[T any](r *gateway.Request, all []T, key func(T) string) (part []T, next string, err error) {
	query := r.URL.Query()
	size := maxPage
	if s := query.Get("maxResults"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > maxPage {
			return nil, "", Invalid("maxResults", "must be between 1 and %d", maxPage)
		}
		size = n
	}
	part = []T{}
	token, after := strings.CutPrefix(query.Get("nextToken"), "after-")
	if query.Has("nextToken") && !after {
		return nil, "", Invalid("nextToken", "is not a valid token of this service")
	}
	for _, one := range all {
		switch {
		case after && key(one) <= token:
		case len(part) == size:
			return part, "after-" + key(part[size-1]), nil
		default:
			part = append(part, one)
		}
	}
	return part, "", nil
}

// Listed is the answer with a page of a list.
func Listed(rw http.ResponseWriter, name string, part any, next string, more map[string]any) error {
	out := map[string]any{name: part}
	for k, v := range more {
		out[k] = v
	}
	if next != "" {
		out["nextToken"] = next
	}
	return gateway.WriteJSON(rw, http.StatusOK, out)
}

// NotInEnum is the answer to a value that is none of those there are.
func NotInEnum(name, value string, values []string) error {
	return Invalid(name, "Value '%s' failed to satisfy constraint: Member must satisfy enum value set: [%s]", value,
		strings.Join(values, ", "))
}

// Epoch is a time as the protocol has it: seconds.
func Epoch(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }
