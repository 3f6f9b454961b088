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

	"github.com/parascope/parascope/internal/localaws/gateway"
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

// ignoreGone makes a success of an error that says that it is not there.
func ignoreGone(err error) error {
	if isGone(err) {
		return nil
	}
	return err
}

func isGone(err error) bool {
	f, ok := errors.AsType[*Failure](err)
	return ok && f.HandlerCode == "NotFound"
}

// form calls an operation of the query protocols.
func (w *Work) form(service, operation string, form url.Values) ([]byte, error) {
	return w.send(gateway.Call{Service: service, Operation: operation, Form: form})
}

// target calls an operation of the JSON 1.1 protocol.
func (w *Work) target(service, operation string, in any) ([]byte, error) {
	body, err := json.Marshal(in)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", operation, err)
	}
	return w.send(gateway.Call{Service: service, Operation: operation, Body: body})
}

// rest calls an operation of the REST protocols. in is JSON, or a text as it is;
// out, when it is not nil, is filled from the JSON of the answer.
func (w *Work) rest(service, operation, path string, in, out any) error {
	c := gateway.Call{Service: service, Operation: operation, Path: path}
	switch in := in.(type) {
	case nil:
	case string:
		c.Body = []byte(in)
	default:
		body, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("encode %s: %w", operation, err)
		}
		c.Body, c.Header = body, http.Header{"Content-Type": {"application/json"}}
	}
	body, err := w.send(c)
	if err != nil || out == nil {
		return err
	}
	if err := json.Unmarshal(body, out); err != nil {
		return fmt.Errorf("read the answer of %s: %w", operation, err)
	}
	return nil
}

// send makes the call; an answer that is a refusal is a *Failure.
func (w *Work) send(c gateway.Call) ([]byte, error) {
	c.Region = w.Stack.Region
	answer, err := w.Cloud.Call(w.Context, w.As, c)
	if err != nil {
		return nil, fmt.Errorf("call %s:%s: %w", c.Service, c.Operation, err)
	}
	if answer.Status >= http.StatusBadRequest {
		return nil, failureOf(c.Service, answer)
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
		f.Code, f.Message = element(a.Body, "Error", "Code"), element(a.Body, "Error", "Message")
	}
	if f.Message == "" {
		f.Message = "the service answered with status " + strconv.Itoa(a.Status)
	}
	f.HandlerCode = handlerCode(f)
	return f
}

// handlerCode is the HandlerErrorCode that a service's error becomes.
func handlerCode(f *Failure) string {
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
	case code == "DeleteConflict", code == "BucketNotEmpty", code == "DependencyViolation":
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

// element is the text of the first XML element that stands at path, which may
// begin anywhere; "" when there is none.
func element(body []byte, path ...string) string {
	all := elements(body, path...)
	if len(all) == 0 {
		return ""
	}
	return all[0]
}

// elements are the texts of all XML elements at path.
func elements(body []byte, path ...string) []string {
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

// values makes a form of names and texts, leaving out those that are empty.
func values(pairs ...string) url.Values {
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			form.Set(pairs[i], pairs[i+1])
		}
	}
	return form
}

// number is a typed number's or flag's text, "" for anything else.
func number(v any) string {
	switch v := v.(type) {
	case json.Number:
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}
