package identity

import (
	"encoding/base64"
	"encoding/json"
	"net/http"

	"github.com/parascope/parascope/localaws/gateway"
)

// refuse is an error of the two services: their models call its text Message.
func refuse(code, message string, members map[string]any) error {
	all := map[string]any{"Message": message}
	for k, v := range members {
		all[k] = v
	}
	return &gateway.Error{Status: http.StatusBadRequest, Code: code, Message: message, Members: all}
}

func invalid(message string) error { return refuse("ValidationException", message, nil) }

// notFound says that there is no USER, GROUP, GROUP_MEMBERSHIP or IDENTITY_STORE.
func notFound(kind, id string) error {
	return refuse("ResourceNotFoundException", kind+" not found.", map[string]any{"ResourceType": kind, "ResourceId": id})
}

func conflict(message string) error { return refuse("ConflictException", message, nil) }

func parse[In any](r *gateway.Request) (In, error) {
	var in In
	if err := json.Unmarshal(r.Body, &in); err != nil {
		return in, refuse("SerializationException", "Could not parse request body into json", nil)
	}
	return in, nil
}

// paging is how much of a list is asked for.
type paging struct {
	MaxResults *int
	NextToken  string
}

// Bounds of MaxResults; without it a request gets a full page.
const minPage, maxPage = 1, 100

// page cuts what was asked for from a list that is sorted by its ids.
func page[T any](p paging, all []T, id func(T) string) (some []T, next string, err error) {
	size := maxPage
	if p.MaxResults != nil {
		if size = *p.MaxResults; size < minPage || size > maxPage {
			return nil, "", invalid("1 validation error detected: Value at 'maxResults' failed to satisfy constraint: Member must have value " +
				"between 1 and 100")
		}
	}
	after, err := base64.URLEncoding.DecodeString(p.NextToken)
	if err != nil {
		return nil, "", invalid("The NextToken is not valid")
	}
	some = []T{}
	for _, one := range all {
		if id(one) <= string(after) {
			continue
		}
		if len(some) == size {
			return some, base64.URLEncoding.EncodeToString([]byte(id(some[size-1]))), nil
		}
		some = append(some, one)
	}
	return some, "", nil
}
