package resource

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parascope/parascope/localaws/gateway"
)

var thing = Type{
	Name: "A::B::Thing", Elsewhere: []string{"Vpc"},
	Properties: Properties{
		"Name": {Kind: Text, Required: true, Replaces: true}, "On": {Kind: Flag}, "Size": {Kind: Whole}, "List": {Kind: Texts},
		"Policy": {Kind: Document}, "Tags": {Kind: Tags},
		"Inner": {Kind: Structure, Members: Properties{"Deep": {Kind: Structures, Members: Properties{"X": {Kind: Text, Required: true}}}}},
	},
	Update: func(*Work) error { return nil },
}

func TestCheck(t *testing.T) {
	typed, problems := thing.check(map[string]any{
		"Name": "n", "On": "true", "Size": "12", "List": []any{"a"}, "Policy": `{"a":1}`,
		"Inner": map[string]any{"Deep": []any{map[string]any{"X": "1"}}},
	})
	want := map[string]any{
		"Name": "n", "On": true, "Size": json.Number("12"), "List": []any{"a"}, "Policy": `{"a":1}`,
		"Inner": map[string]any{"Deep": []any{map[string]any{"X": "1"}}},
	}
	if diff := cmp.Diff(want, typed); diff != "" || len(problems) > 0 {
		t.Error(diff, problems)
	}
	_, problems = thing.check(map[string]any{
		"On": "yes", "Size": "1.5", "List": "a", "Policy": "no", "Foo": "x", "Vpc": "x", "Tags": []any{map[string]any{"Key": "k"}},
		"Inner": map[string]any{"Deep": []any{map[string]any{"Y": "1"}}},
	})
	if diff := cmp.Diff([]string{
		"#: property [Vpc] is not supported by the local cloud", "#: required key [Name] not found", "#: extraneous key [Foo] is not permitted",
		"#/Inner/Deep/0: required key [X] not found", "#/Inner/Deep/0: extraneous key [Y] is not permitted",
		"#/List: expected type: JSONArray, found: String",
		"#/On: expected type: Boolean, found: String", "#/Policy: expected type: JSONObject, found: String",
		"#/Size: expected type: Integer, found: String",
		"#/Tags/0: required key [Value] not found",
	}, problems); diff != "" {
		t.Error(diff)
	}
}

func TestChangesAndTags(t *testing.T) {
	got := thing.Changes(map[string]any{"Name": "a", "Size": "1", "On": "true"}, map[string]any{"Name": "b", "Size": "1", "List": []any{}})
	if diff := cmp.Diff([]Change{{"List", false}, {"Name", true}, {"On", false}}, got); diff != "" {
		t.Error(diff)
	}
	with := thing.WithTags(map[string]any{"Tags": []any{map[string]any{"Key": "a", "Value": "own"}}},
		map[string]string{"a": "stack", "b": "stack"})
	want := []any{map[string]any{"Key": "a", "Value": "own"}, map[string]any{"Key": "b", "Value": "stack"}}
	if diff := cmp.Diff(want, with["Tags"]); diff != "" {
		t.Error(diff)
	}
}

func TestFailures(t *testing.T) {
	for _, c := range []struct {
		answer gateway.Answer
		code   string
		text   string
	}{
		{gateway.Answer{Status: 403, Body: []byte(`{"message":"User: u is not authorized"}`)}, "AccessDenied", "User: u is not authorized"},
		{gateway.Answer{Status: 400, Body: []byte(`{"__type":"AccessDeniedException","Message":"no"}`)}, "AccessDenied", "no"},
		{gateway.Answer{Status: 400, Body: []byte(`{"__type":"ResourceAlreadyExistsException","message":"there"}`)}, "AlreadyExists", "there"},
		{gateway.Answer{Status: 404, Body: []byte(
			`<ErrorResponse><Error><Code>NoSuchEntity</Code><Message>gone</Message></Error></ErrorResponse>`)}, "NotFound", "gone"},
		{gateway.Answer{Status: 400, Body: []byte(
			`<Response><Errors><Error><Code>InvalidVpcID.NotFound</Code><Message>no vpc</Message></Error></Errors></Response>`)}, "NotFound",
			"no vpc"},
		{gateway.Answer{Status: 409, Body: []byte(`<Error><Code>BucketNotEmpty</Code><Message>full</Message></Error>`)}, "ResourceConflict",
			"full"},
		{gateway.Answer{Status: 402, Body: []byte(`{"__type":"ServiceQuotaExceededException","message":"enough"}`)}, "ServiceLimitExceeded",
			"enough"},
		{gateway.Answer{Status: 503, Body: []byte(`oops`)}, "ServiceInternalError", "the service returned HTTP status 503"},
	} {
		if f := failureOf("iam", c.answer); f.HandlerCode != c.code || f.Message != c.text || f.Service != "Iam" {
			t.Errorf("%s: %+v", c.answer.Body, f)
		}
	}
}
