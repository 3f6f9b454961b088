package catalog

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/parascope/parascope/localaws/gateway"

	"github.com/parascope/parascope/localaws/cloudformation/resource"
)

// Bounds of a custom resource (CloudFormation User Guide, custom resources).
const (
	maxResponse        = 4096 // bytes
	maxPhysicalID      = 1024 // bytes
	defaultServiceWait = 3600 // seconds
)

// Custom reports whether the type is a custom resource's.
func Custom(name string) bool {
	return strings.HasPrefix(name, "Custom::") || name == "AWS::CloudFormation::CustomResource"
}

// customResource is a resource that a Lambda function makes: it gets an event, and
// answers by a PUT to the presigned URL in it.
func customResource() Type {
	return Type{
		Name: "AWS::CloudFormation::CustomResource", AnyAttribute: true,
		Create: func(w *Work) error {
			// The id that a delete speaks of if the function never gives one.
			if err := w.Made(w.NewName(maxPhysicalID)); err != nil {
				return err
			}
			return ask(w, "Create")
		},
		Update: func(w *Work) error { return ask(w, "Update") },
		Delete: func(w *Work) error { return ask(w, "Delete") },
	}
}

// event is what the function is invoked with.
type event struct {
	RequestType           string
	ServiceToken          string
	ResponseURL           string
	StackID               string `json:"StackId"`
	RequestID             string `json:"RequestId"`
	LogicalResourceID     string `json:"LogicalResourceId"`
	PhysicalResourceID    string `json:"PhysicalResourceId,omitempty"`
	ResourceType          string
	ResourceProperties    map[string]any
	OldResourceProperties map[string]any `json:",omitempty"`
}

// response is what the function PUTs.
type response struct {
	Status, Reason     string
	PhysicalResourceID string `json:"PhysicalResourceId"`
	StackID            string `json:"StackId"`
	RequestID          string `json:"RequestId"`
	LogicalResourceID  string `json:"LogicalResourceId"`
	Data               map[string]any
}

// ask invokes the function and waits for its answer.
func ask(w *Work, requestType string) error {
	wait, err := serviceTimeout(w.Properties)
	if err != nil {
		return err
	}
	e := event{
		RequestType: requestType, ServiceToken: w.Text("ServiceToken"), StackID: w.Stack.ID, RequestID: w.Cloud.NewID(),
		LogicalResourceID: w.LogicalID,
		ResourceType:      w.TypeName, ResourceProperties: visible(w.Properties),
	}
	switch requestType {
	case "Update":
		e.PhysicalResourceID, e.OldResourceProperties = w.ID, visible(w.Old)
	case "Delete":
		e.PhysicalResourceID = w.ID
	}
	key := w.Stack.ID + "|" + w.LogicalID + "|" + e.RequestID
	if e.ResponseURL, err = w.Cloud.ResponseURL(w.Stack.Region, key, 2*time.Hour); err != nil {
		return err
	}
	end := w.Cloud.Now().Add(wait)
	if err := invoke(w, e); err != nil {
		return err
	}
	body, err := await(w, key, e.RequestID, end)
	if err != nil {
		return err
	}
	return take(w, e, body)
}

// visible are the properties as the function sees them.
func visible(properties map[string]any) map[string]any {
	if properties == nil {
		return map[string]any{}
	}
	return properties
}

func serviceTimeout(properties map[string]any) (time.Duration, error) {
	text, given := properties["ServiceTimeout"].(string)
	if !given {
		return defaultServiceWait * time.Second, nil
	}
	seconds, err := strconv.Atoi(text)
	if err != nil || seconds < 1 || seconds > defaultServiceWait {
		return 0, failed("Invalid ServiceTimeout %s: it must be between 1 and %d seconds", text, defaultServiceWait)
	}
	return time.Duration(seconds) * time.Second, nil
}

func failed(format string, args ...any) error {
	return &resource.Failure{Plain: fmt.Sprintf(format, args...)}
}

// invoke starts the function without waiting for its end, as the caller.
func invoke(w *Work, e event) error {
	token := e.ServiceToken
	if token == "" {
		return failed("Properties validation failed for resource %s with message:\n#: required key [ServiceToken] not found", w.LogicalID)
	}
	parts := strings.Split(token, ":")
	if len(parts) < 7 || parts[2] != "lambda" {
		return failed("Invalid service token: %s. The local cloud supports Lambda functions only", token)
	}
	if parts[3] != w.Stack.Region {
		return failed("Invalid service token: expected region %s, found %s", w.Stack.Region, parts[3])
	}
	body, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("could not encode the event of a custom resource: %w", err)
	}
	_, err = w.Send(gateway.Call{
		Service: "lambda", Operation: "Invoke", Path: functionsPath + "/" + url.PathEscape(token) + "/invocations",
		Header: http.Header{"X-Amz-Invocation-Type": {"Event"}, "Content-Type": {"application/json"}}, Body: body,
	})
	if f, ok := errors.AsType[*resource.Failure](err); ok && resource.Gone(err) {
		f.HandlerCode = "InvalidRequest" // the function is gone; of the resource nobody knows
	}
	return err
}

// await looks for the answer until end, when the resource's timeout has passed.
func await(w *Work, key, requestID string, end time.Time) (body []byte, err error) {
	err = w.Until(func() (bool, error) {
		var found bool
		if body, found, err = w.Cloud.Response(w.Stack.Region, key); found || err != nil {
			return found, err
		}
		if !w.Cloud.Now().Before(end) {
			return false, failed("CloudFormation did not receive a response from your Custom Resource. Please check your logs for requestId [%s]. "+
				"If you are using the Python cfn-response module, you may need to update your Lambda function code so that CloudFormation can attach "+
				"the updated version.", requestID)
		}
		return false, nil
	})
	return body, err
}

// take reads the answer into the work.
func take(w *Work, e event, body []byte) error {
	if len(body) > maxResponse {
		return failed("Response object is too long.")
	}
	var r response
	if err := json.Unmarshal(body, &r); err != nil {
		return failed("Response is not valid JSON")
	}
	switch {
	case r.StackID != e.StackID, r.RequestID != e.RequestID, r.LogicalResourceID != e.LogicalResourceID:
		return failed("Invalid response object: StackId, RequestId and LogicalResourceId must be those of the request (requestId %s)",
			e.RequestID)
	case r.Status != "SUCCESS" && r.Status != "FAILED":
		return failed("Invalid response object: Value of property Status must be SUCCESS or FAILED (requestId %s)", e.RequestID)
	}
	if r.Status == "FAILED" {
		// What a failed creation or update names is there, and will have to be deleted.
		if validID(r.PhysicalResourceID) && e.RequestType != "Delete" {
			if err := w.Made(r.PhysicalResourceID); err != nil {
				return err
			}
		}
		return failed("Received response status [FAILED] from custom resource. Message returned: %s (RequestId: %s)", r.Reason, e.RequestID)
	}
	if !validID(r.PhysicalResourceID) {
		return failed("Invalid PhysicalResourceId")
	}
	if e.RequestType == "Delete" {
		return nil
	}
	w.Attributes = map[string]any{}
	for name, v := range r.Data {
		flatten(w.Attributes, name, v)
	}
	w.ID = r.PhysicalResourceID
	return nil
}

func validID(id string) bool { return id != "" && len(id) <= maxPhysicalID && utf8.ValidString(id) }

// flatten makes Data's members attributes: nested ones are reached with a dot.
func flatten(into map[string]any, name string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			flatten(into, name+"."+k, x)
		}
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = fmt.Sprint(x)
		}
		into[name] = out
	case nil:
	default:
		into[name] = fmt.Sprint(v)
	}
}

// waitConditionHandle is only a URL. Nothing waits for it here; templates use it
// as a resource that does nothing.
func waitConditionHandle() Type {
	return Type{
		Name: "AWS::CloudFormation::WaitConditionHandle", Properties: Properties{},
		Create: func(w *Work) error {
			address, err := w.Cloud.ResponseURL(w.Stack.Region, w.Stack.ID+"|"+w.LogicalID, 24*time.Hour)
			if err != nil {
				return err
			}
			return w.Made(address)
		},
		Delete: func(*Work) error { return nil },
	}
}
