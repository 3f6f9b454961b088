package grafana

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/parascope/parascope/internal/localaws/gateway"
)

type field struct {
	Name    string `json:"name"`
	Message string `json:"message"`
}

// invalid is the answer to a parameter outside its constraints.
func invalid(name, format string, args ...any) error {
	message := fmt.Sprintf(format, args...)
	return &gateway.Error{Status: http.StatusBadRequest, Code: "ValidationException",
		Message: fmt.Sprintf("1 validation error detected: %s: %s", name, message),
		Members: map[string]any{"reason": "FIELD_VALIDATION_FAILED", "fieldList": []field{{name, message}}},
	}
}

// refused is a ValidationException that is not about one field.
func refused(format string, args ...any) error {
	return &gateway.Error{Status: http.StatusBadRequest, Code: "ValidationException", Message: fmt.Sprintf(format, args...),
		Members: map[string]any{"reason": "OTHER"}}
}

func notFound(kind, id string) error {
	return &gateway.Error{Status: http.StatusNotFound, Code: "ResourceNotFoundException", Message: kind + " " + id + " not found",
		Members: map[string]any{"resourceId": id, "resourceType": kind}}
}

func conflict(kind, id, format string, args ...any) error {
	return &gateway.Error{Status: http.StatusConflict, Code: "ConflictException", Message: fmt.Sprintf(format, args...),
		Members: map[string]any{"resourceId": id, "resourceType": kind}}
}

func quota(kind, id, format string, args ...any) error {
	return &gateway.Error{Status: http.StatusPaymentRequired, Code: "ServiceQuotaExceededException", Message: fmt.Sprintf(format, args...),
		Members: map[string]any{"resourceId": id, "resourceType": kind, "serviceCode": "grafana", "quotaCode": ""}}
}

// parse reads a request's JSON body into v; an empty body is an empty object.
func parse(r *gateway.Request, v any) error {
	if len(r.Body) == 0 {
		return nil
	}
	if err := json.Unmarshal(r.Body, v); err != nil {
		return &gateway.Error{Status: http.StatusBadRequest, Code: "ValidationException", Message: "The request body cannot be parsed: " + err.Error(),
			Members: map[string]any{"reason": "CANNOT_PARSE"}}
	}
	return nil
}

// maxPage is the largest maxResults of all lists, and what they have without one.
const maxPage = 100

// page cuts the part out of all that the request's maxResults and nextToken
// name. all is in the order of keys, which stays as members come and go.
func page[T any](r *gateway.Request, all []T, key func(T) string) (part []T, next string, err error) {
	query := r.URL.Query()
	size := maxPage
	if s := query.Get("maxResults"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > maxPage {
			return nil, "", invalid("maxResults", "must be between 1 and %d", maxPage)
		}
		size = n
	}
	part = []T{}
	token, after := strings.CutPrefix(query.Get("nextToken"), "after-")
	if query.Has("nextToken") && !after {
		return nil, "", invalid("nextToken", "is not one of this service")
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

// listed is the answer with a page of a list.
func listed(rw http.ResponseWriter, name string, part any, next string, more map[string]any) error {
	out := map[string]any{name: part}
	for k, v := range more {
		out[k] = v
	}
	if next != "" {
		out["nextToken"] = next
	}
	return gateway.WriteJSON(rw, http.StatusOK, out)
}
