package cloudformation_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/google/go-cmp/cmp"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/localtest/check"
)

// request is what a custom resource's function is sent.
type request struct {
	RequestType, ResponseURL, StackId, RequestId, LogicalResourceId, PhysicalResourceId, ResourceType string
	ResourceProperties, OldResourceProperties                                                         map[string]any
}

// function answers requests of custom resources by what answer says: the members
// that differ from a plain success. With nil it never answers.
type function struct {
	t      *testing.T
	mu     sync.Mutex
	got    []request
	answer func(request) map[string]any
}

// service is Lambda with this function only, run in the test.
func (f *function) service() *gateway.Service {
	return &gateway.Service{Name: "lambda", SigningName: "lambda", Version: "2015-03-31", Protocol: gateway.RESTJSON,
		Operations: []gateway.Operation{{
			Name: "Invoke", Method: http.MethodPost, Path: "/2015-03-31/functions/{FunctionName}/invocations", Action: "lambda:InvokeFunction",
			Serve: func(w http.ResponseWriter, r *gateway.Request) error {
				if r.Header.Get("X-Amz-Invocation-Type") != "Event" {
					f.t.Errorf("invocation type %s", r.Header.Get("X-Amz-Invocation-Type"))
				}
				var in request
				if err := json.Unmarshal(r.Body, &in); err != nil {
					return err
				}
				f.mu.Lock()
				f.got = append(f.got, in)
				f.mu.Unlock()
				if changes := f.answer(in); changes != nil {
					go f.put(in, changes)
				}
				w.WriteHeader(http.StatusAccepted)
				return nil
			},
		}}}
}

// put answers over HTTP, as a function does.
func (f *function) put(in request, changes map[string]any) {
	answer := map[string]any{"Status": "SUCCESS", "PhysicalResourceId": "made-1", "StackId": in.StackId, "RequestId": in.RequestId,
		"LogicalResourceId": in.LogicalResourceId}
	if in.PhysicalResourceId != "" {
		answer["PhysicalResourceId"] = in.PhysicalResourceId
	}
	for k, v := range changes {
		answer[k] = v
	}
	body, err := json.Marshal(answer)
	if err != nil {
		f.t.Error(err)
		return
	}
	r, err := http.NewRequestWithContext(f.t.Context(), http.MethodPut, in.ResponseURL, bytes.NewReader(body))
	if err != nil {
		f.t.Error(err)
		return
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		f.t.Error(err)
		return
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		f.t.Errorf("PUT of the answer: %s", resp.Status)
	}
}

// requests are the types and physical ids of what the function was sent.
func (f *function) requests() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []string
	for _, r := range f.got {
		out = append(out, strings.TrimSpace(r.RequestType+" "+r.PhysicalResourceId))
	}
	return out
}

func custom(properties string) string {
	return "Resources: {C: {Type: Custom::Thing, Properties: {ServiceToken: 'arn:aws:lambda:us-east-2:111122223333:function:f'" + properties +
		"}}}\n" +
		"Outputs: {Ref: {Value: !Ref C}, Answer: {Value: !GetAtt C.Answer}}\n"
}

func TestCustomResource(t *testing.T) {
	f := &function{t: t, answer: func(r request) map[string]any {
		changes := map[string]any{"Data": map[string]any{"Answer": 42}}
		if r.ResourceProperties["Move"] == "true" {
			changes["PhysicalResourceId"] = "made-2"
		}
		return changes
	}}
	c := start(t, parts{lambda: f.service()})
	id := c.create(t, custom(", Number: 7, Deep: {List: [1, true]}"), nil)
	s := c.want(t, id, "CREATE_COMPLETE")
	if output(s, "Ref") != "made-1" || output(s, "Answer") != "42" {
		t.Errorf("outputs: %+v", s.Outputs)
	}
	f.mu.Lock()
	first := f.got[0]
	f.mu.Unlock()
	want := map[string]any{"ServiceToken": "arn:aws:lambda:us-east-2:111122223333:function:f", "Number": "7",
		"Deep": map[string]any{"List": []any{"1", "true"}}}
	if diff := cmp.Diff(want, first.ResourceProperties); diff != "" || first.ResourceType != "Custom::Thing" || first.StackId != id ||
		first.LogicalResourceId != "C" {
		t.Errorf("%+v\n%s", first, diff)
	}
	if err := c.update(t, custom(", Number: 8")); err != nil {
		t.Fatal(err)
	}
	c.want(t, id, "UPDATE_COMPLETE")
	if err := c.update(t, custom(", Number: 8, Move: true")); err != nil {
		t.Fatal(err)
	}
	if s = c.want(t, id, "UPDATE_COMPLETE"); output(s, "Ref") != "made-2" {
		t.Errorf("moved to %s", output(s, "Ref"))
	}
	if _, err := c.DeleteStack(t.Context(), &sdk.DeleteStackInput{StackName: &id}); err != nil {
		t.Fatal(err)
	}
	c.want(t, id, "DELETE_COMPLETE")
	if diff := cmp.Diff([]string{"Create", "Update made-1", "Update made-1", "Delete made-1", "Delete made-2"}, f.requests()); diff != "" {
		t.Error(diff)
	}
	if f.got[1].OldResourceProperties["Number"] != "7" {
		t.Errorf("old properties: %v", f.got[1].OldResourceProperties)
	}
}

func TestCustomResourceFailures(t *testing.T) {
	long := strings.Repeat("x", 5000)
	for name, test := range map[string]struct {
		properties string
		answer     map[string]any
		reason     string
		deleted    string // "" for an id of CloudFormation's own
	}{
		"failed": {"", map[string]any{"Status": "FAILED", "Reason": "no luck", "PhysicalResourceId": "half"},
			"Received response status [FAILED] from custom resource. Message returned: no luck (RequestId: ", "half"},
		"too long":      {"", map[string]any{"Data": map[string]any{"Answer": long}}, "Response object is too long.", ""},
		"no id":         {"", map[string]any{"PhysicalResourceId": ""}, "Invalid PhysicalResourceId", ""},
		"other request": {"", map[string]any{"RequestId": "x"}, "Invalid response object", ""},
		"no status":     {"", map[string]any{"Status": "DONE"}, "Value of property Status must be SUCCESS or FAILED", ""},
		"no answer": {", ServiceTimeout: 1", nil,
			"CloudFormation did not receive a response from your Custom Resource. Please check your logs for requestId [", ""},
		"other region": {", ServiceToken: 'arn:aws:lambda:eu-west-1:111122223333:function:f'", nil,
			"Invalid service token: expected region eu-west-1, found us-east-2", ""},
		"no attribute": {"", map[string]any{}, "CustomResource attribute error: Vendor response doesn't contain Answer key in object ", "made-1"},
	} {
		t.Run(name, func(t *testing.T) {
			f := &function{t: t}
			f.answer = func(r request) map[string]any {
				if r.RequestType == "Delete" {
					return map[string]any{}
				}
				return test.answer
			}
			c := start(t, parts{lambda: f.service()})
			template := custom(test.properties)
			if name == "other region" {
				template = strings.Replace(custom(""), "us-east-2", "eu-west-1", 1)
				test.reason = "Invalid service token: expected region us-east-2, found eu-west-1"
			}
			id := c.create(t, template, nil)
			s := c.settle(t, id)
			if s.StackStatus != "ROLLBACK_COMPLETE" && name != "other region" {
				t.Errorf("stack is %s", s.StackStatus)
			}
			if history := strings.Join(c.history(t, id), "\n"); !strings.Contains(history, test.reason) {
				t.Errorf("no %q in\n%s", test.reason, history)
			}
			got := f.requests()
			last := fmt.Sprint(got)
			if name != "other region" && (len(got) != 2 || !strings.HasPrefix(got[1], "Delete ")) {
				t.Errorf("requests: %v", got)
			}
			if test.deleted != "" && !strings.Contains(last, "Delete "+test.deleted) {
				t.Errorf("deleted %s, not %s", last, test.deleted)
			}
			if test.deleted == "" && name != "other region" && !strings.Contains(last, "Delete s-C-") {
				t.Errorf("deleted %s", last)
			}
		})
	}
}

// Whether what a custom resource stands for is gone, only its function knows.
func TestCustomResourceWhoseFunctionIsGone(t *testing.T) {
	f := &function{t: t, answer: func(request) map[string]any { return map[string]any{"Data": map[string]any{"Answer": 42}} }}
	lambda := f.service()
	serve := lambda.Operations[0].Serve
	var gone atomic.Bool
	lambda.Operations[0].Serve = func(w http.ResponseWriter, r *gateway.Request) error {
		if gone.Load() {
			return &gateway.Error{Status: http.StatusNotFound, Code: "ResourceNotFoundException", Message: "Function not found: f"}
		}
		return serve(w, r)
	}
	c := start(t, parts{lambda: lambda})
	id := c.create(t, custom(""), nil)
	c.want(t, id, "CREATE_COMPLETE")
	gone.Store(true)
	if _, err := c.DeleteStack(t.Context(), &sdk.DeleteStackInput{StackName: &id}); err != nil {
		t.Fatal(err)
	}
	c.want(t, id, "DELETE_FAILED")
	if history := strings.Join(c.history(t, id), "\n"); !strings.Contains(history, "Function not found: f") {
		t.Error(history)
	}
	if _, err := c.DeleteStack(t.Context(), &sdk.DeleteStackInput{StackName: &id, RetainResources: []string{"C"}}); err != nil {
		t.Fatal(err)
	}
	c.want(t, id, "DELETE_COMPLETE")
}

// A function that answers with what nobody asked for is not believed, and one that
// answers late is not waited for.
func TestCustomResourceWaitsByTheClock(t *testing.T) {
	f := &function{t: t, answer: func(request) map[string]any { return nil }}
	c := start(t, parts{lambda: f.service()})
	id := c.create(t, custom(", ServiceTimeout: 120"), func(in *sdk.CreateStackInput) { in.DisableRollback = aws.Bool(true) })
	c.happened(t, id, "C CREATE_IN_PROGRESS Resource creation Initiated")
	check.Await(t, "the function is asked", check.That(func() bool { return len(f.requests()) > 0 }))
	c.Clock.Set(3 * time.Minute)
	s := c.want(t, id, "CREATE_FAILED")
	if !strings.Contains(*s.StackStatusReason, "[C]") {
		t.Error(*s.StackStatusReason)
	}
}

// A failed update that names another physical id has made something: the id is the
// resource's until the rollback, which deletes it.
func TestCustomResourceWhoseUpdateFails(t *testing.T) {
	f := &function{t: t, answer: func(r request) map[string]any {
		changes := map[string]any{"Data": map[string]any{"Answer": 42}}
		if r.ResourceProperties["Move"] == "true" && r.RequestType == "Update" {
			changes = map[string]any{"Status": "FAILED", "Reason": "half way", "PhysicalResourceId": "made-2"}
		}
		return changes
	}}
	c := start(t, parts{lambda: f.service()})
	id := c.create(t, custom(""), nil)
	c.want(t, id, "CREATE_COMPLETE")
	if err := c.update(t, custom(", Move: true")); err != nil {
		t.Fatal(err)
	}
	s := c.want(t, id, "UPDATE_ROLLBACK_COMPLETE")
	if output(s, "Ref") != "made-1" {
		t.Errorf("the resource is %s", output(s, "Ref"))
	}
	if got := f.requests(); got[1] != "Update made-1" || got[len(got)-1] != "Delete made-2" {
		t.Errorf("requests: %v", got)
	}
	if history := strings.Join(c.history(t, id), "\n"); !strings.Contains(history, "half way") {
		t.Error(history)
	}
}
