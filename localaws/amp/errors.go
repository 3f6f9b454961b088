package amp

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/parascope/parascope/localaws/gateway"
)

type field struct {
	Name    string `json:"name"`
	Message string `json:"message"`
}

// invalid is AMP's answer to a parameter outside its constraints.
func invalid(name, format string, args ...any) error {
	message := fmt.Sprintf(format, args...)
	return &gateway.Error{Status: http.StatusBadRequest, Code: "ValidationException",
		Message: fmt.Sprintf("1 validation error detected: %s: %s", name, message),
		Members: map[string]any{"reason": "FIELD_VALIDATION_FAILED", "fieldList": []field{{name, message}}},
	}
}

func notFound(kind, id string) error {
	return &gateway.Error{Status: http.StatusNotFound, Code: "ResourceNotFoundException", Message: kind + " not found",
		Members: map[string]any{"resourceId": id, "resourceType": kind}}
}

func conflict(id, format string, args ...any) error {
	return &gateway.Error{Status: http.StatusConflict, Code: "ConflictException", Message: fmt.Sprintf(format, args...),
		Members: map[string]any{"resourceId": id, "resourceType": "workspace"}}
}

// parse reads a request's JSON body into v; an empty body is an empty object.
func parse(r *gateway.Request, v any) error {
	if len(r.Body) == 0 {
		return nil
	}
	if err := json.Unmarshal(r.Body, v); err != nil {
		return &gateway.Error{Status: http.StatusBadRequest, Code: "ValidationException", Message: "Invalid request body",
			Members: map[string]any{"reason": "CANNOT_PARSE"}}
	}
	return nil
}
