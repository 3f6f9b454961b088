package resource

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/parascope/parascope/localaws/gateway"
)

// Failure is what a stack's event says of a resource that could not be made,
// changed or deleted.
type Failure struct {
	Service     string // "Iam"; "" when no service said it
	Status      int
	Code        string // the service's own code
	Message     string
	RequestID   string
	HandlerCode string // HandlerErrorCode
	Plain       string // the whole reason, where it does not come from a handler
}

func (f *Failure) Error() string {
	if f.Plain != "" {
		return f.Plain
	}
	return f.Message
}

// Reason is the event's ResourceStatusReason.
func (f *Failure) Reason(token string) string {
	if f.Plain != "" {
		return f.Plain
	}
	message := f.Message
	if f.Service != "" {
		message += fmt.Sprintf(" (Service: %s, Status Code: %d, Request ID: %s)", f.Service, f.Status, f.RequestID)
	}
	return fmt.Sprintf("Resource handler returned message: %q (RequestToken: %s, HandlerErrorCode: %s)", message, token, f.HandlerCode)
}

// IgnoreGone makes a success of an error that says that it is not there.
func IgnoreGone(err error) error {
	if Gone(err) {
		return nil
	}
	return err
}

// Gone reports whether the error says that something is not there.
func Gone(err error) bool {
	f, ok := errors.AsType[*Failure](err)
	return ok && f.HandlerCode == "NotFound"
}

// Conflicts reports whether the error says that something is not in a state for it.
func Conflicts(err error) bool {
	f, ok := errors.AsType[*Failure](err)
	return ok && f.HandlerCode == "ResourceConflict"
}

// Form calls an operation of the query protocols.
func (w *Work) Form(service, operation string, form url.Values) ([]byte, error) {
	return w.Send(gateway.Call{Service: service, Operation: operation, Form: form})
}

// Target calls an operation of the JSON 1.1 protocol.
func (w *Work) Target(service, operation string, in any) ([]byte, error) {
	body, err := json.Marshal(in)
	if err != nil {
		return nil, fmt.Errorf("could not encode %s: %w", operation, err)
	}
	return w.Send(gateway.Call{Service: service, Operation: operation, Body: body})
}

// REST calls an operation of the REST protocols. in is JSON, or a text as it is;
// out, when it is not nil, is filled from the JSON of the answer.
func (w *Work) REST(service, operation, path string, in, out any) error {
	c := gateway.Call{Service: service, Operation: operation, Path: path}
	switch in := in.(type) {
	case nil:
	case string:
		c.Body = []byte(in)
	default:
		body, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("could not encode %s: %w", operation, err)
		}
		c.Body, c.Header = body, http.Header{"Content-Type": {"application/json"}}
	}
	body, err := w.Send(c)
	if err != nil || out == nil {
		return err
	}
	if err := json.Unmarshal(body, out); err != nil {
		return fmt.Errorf("could not read the response of %s: %w", operation, err)
	}
	return nil
}

// Send makes the call; an answer that is a refusal is a *Failure.
func (w *Work) Send(c gateway.Call) ([]byte, error) {
	c.Region = w.Stack.Region
	answer, err := w.Cloud.Call(w.Context, w.As, c)
	if err != nil {
		return nil, fmt.Errorf("could not call %s:%s: %w", c.Service, c.Operation, err)
	}
	if answer.Status >= http.StatusBadRequest {
		f := failureOf(c.Service, answer)
		if f.RequestID == "" {
			f.RequestID = w.Cloud.NewID() // calls inside the cloud have none
		}
		return nil, f
	}
	return answer.Body, nil
}

// failureOf reads an error answer of any protocol.
func failureOf(service string, a gateway.Answer) *Failure {
	f := &Failure{Service: strings.ToUpper(service[:1]) + service[1:], Status: a.Status, RequestID: a.Header.Get("x-amzn-RequestId")}
	if json.Valid(a.Body) {
		var body struct {
			Message string
			Type    string `json:"__type"`
		}
		// "message" or "Message": services differ, and Go's decoder takes both.
		if err := json.Unmarshal(a.Body, &body); err == nil {
			f.Message, f.Code = body.Message, body.Type
		}
		if code := a.Header.Get("x-amzn-ErrorType"); code != "" {
			f.Code = code
		}
	} else {
		f.Code, f.Message = Element(a.Body, "Error", "Code"), Element(a.Body, "Error", "Message")
	}
	if f.Message == "" {
		f.Message = "the service returned HTTP status " + strconv.Itoa(a.Status)
	}
	f.HandlerCode = HandlerCode(f)
	return f
}

// HandlerCode is the HandlerErrorCode that a service's error becomes.
func HandlerCode(f *Failure) string {
	code := f.Code
	switch {
	case strings.Contains(code, "AccessDenied"), code == "UnauthorizedOperation", code == "" && f.Status == http.StatusForbidden:
		return "AccessDenied"
	case strings.Contains(code, "Throttl"), f.Status == http.StatusTooManyRequests:
		return "Throttling"
	case strings.Contains(code, "NotFound"), strings.HasPrefix(code, "NoSuch"), code == "Gateway.NotAttached", f.Status == http.StatusNotFound:
		return "NotFound"
	case strings.Contains(code, "LimitExceeded"), strings.Contains(code, "QuotaExceeded"):
		return "ServiceLimitExceeded"
	case code == "DeleteConflict", code == "ConflictException", code == "BucketNotEmpty", code == "DependencyViolation":
		return "ResourceConflict"
	case strings.Contains(code, "AlreadyExist"), strings.Contains(code, "AlreadyOwned"), f.Status == http.StatusConflict:
		return "AlreadyExists"
	case f.Status == http.StatusNotImplemented:
		return "UnsupportedTarget"
	case f.Status >= http.StatusInternalServerError:
		return "ServiceInternalError"
	}
	return "InvalidRequest"
}

// Element is the text of the first XML element that stands at path, which may
// begin anywhere; "" when there is none.
func Element(body []byte, path ...string) string {
	all := Elements(body, path...)
	if len(all) == 0 {
		return ""
	}
	return all[0]
}

// Elements are the texts of all XML elements at path.
func Elements(body []byte, path ...string) []string {
	var stack, found []string
	d := xml.NewDecoder(bytes.NewReader(body))
	at := func() bool {
		return len(stack) >= len(path) && strings.Join(stack[len(stack)-len(path):], "/") == strings.Join(path, "/")
	}
	for {
		token, err := d.Token()
		if err != nil {
			return found // the end, or no XML at all: what was found stands
		}
		switch token := token.(type) {
		case xml.StartElement:
			stack = append(stack, token.Name.Local)
			if at() {
				found = append(found, "")
			}
		case xml.EndElement:
			stack = stack[:len(stack)-1]
		case xml.CharData:
			if at() {
				found[len(found)-1] += string(token)
			}
		}
	}
}
