package gateway

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parascope/parascope/localaws/principal"
)

// policed is the gateway of tables() with an authorizer; it notes what was asked.
func policed(t *testing.T, allow func(Ask) (Decision, error)) (*Gateway, *[]Ask) {
	t.Helper()
	services := tables()
	things := func(r *Request) []string { return []string{"arn:thing/" + r.Labels["id"], "arn:other"} }
	for i := range services {
		services[i].Operations = RequireActions(services[i].Name, things, services[i].Operations)
	}
	var asked []Ask
	gw, err := New(Options{
		Services: services, NewID: func() string { return "id-1" }, Now: time.Now, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Lookup: func(string) (principal.AccessKey, bool, error) { return key, true, nil },
		Authorize: func(a Ask) (Decision, error) {
			asked = append(asked, a)
			return allow(a)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return gw, &asked
}

func TestEachProtocolRefusesInItsOwnShape(t *testing.T) {
	no := func(a Ask) (Decision, error) {
		return Decision{Because: "no identity-based policy allows the " + a.Action + " action"}, nil
	}
	gw, _ := policed(t, no)
	for _, c := range []struct {
		call   Call
		status int
		says   string
	}{
		{Call{Service: "thing", Operation: "ListThings", Path: "/things"}, 403,
			`{"message":"User: arn:aws:iam::111122223333:user/me is not authorized to perform: thing:ListThings on resource: arn:thing/ because no identity-based policy allows the thing:ListThings action"}`},
		{Call{Service: "thing-data", Operation: "Query", Path: "/things/t1/api/v1/query"}, 403,
			`{"Message":"User: arn:aws:iam::111122223333:user/me is not authorized to perform: thing-data:Query on resource: arn:thing/t1 because`},
		{Call{Service: "forms", Operation: "Ask"}, 403, `<Code>AccessDenied</Code>`},
		{Call{Service: "targets", Operation: "Do"}, 400, `"__type":"AccessDeniedException"`},
		{Call{Service: "store", Operation: "GetObject", Path: "/b/k"}, 403, `<Error><Code>AccessDenied</Code>`},
		{Call{Service: "machines", Operation: "Start"}, 403,
			`<Code>UnauthorizedOperation</Code><Message>You are not authorized to perform this operation. User: `},
	} {
		answer, err := gw.Call(t.Context(), key.Principal, c.call)
		if err != nil || answer.Status != c.status || !strings.Contains(string(answer.Body), c.says) {
			t.Errorf("%s: %d %s, %v", c.call.Operation, answer.Status, answer.Body, err)
		}
	}
}

func TestWhatIsAsked(t *testing.T) {
	gw, asked := policed(t, AllowAll)
	answer, err := gw.Call(t.Context(), key.Principal, Call{Service: "thing-data", Operation: "Query", Region: "eu-west-1",
		Path: "/things/t%2F1/api/v1/query?query=up"})
	if err != nil || answer.Status != http.StatusOK {
		t.Fatalf("%+v, %v", answer, err)
	}
	keys := map[string][]string{"aws:RequestedRegion": {"eu-west-1"}, "aws:PrincipalArn": {key.Principal.ARN},
		"aws:PrincipalAccount": {"111122223333"}, "aws:userid": {""}}
	want := []Ask{
		{key.Principal, "thing-data:Query", "arn:thing/t/1", keys},
		{key.Principal, "thing-data:Query", "arn:other", keys},
	}
	if diff := cmp.Diff(want, *asked); diff != "" {
		t.Error(diff)
	}
}

func TestCallReachesForms(t *testing.T) {
	gw, _ := policed(t, AllowAll)
	answer, err := gw.Call(t.Context(), key.Principal, Call{Service: "forms", Operation: "Ask", Form: url.Values{"Q": {"a&b"}}})
	if err != nil || !strings.Contains(string(answer.Body), "<Answer>a&amp;b</Answer>") {
		t.Errorf("%s, %v", answer.Body, err)
	}
	for _, c := range []Call{{Service: "forms", Operation: "Nothing"}, {Service: "thing", Operation: "ListThings", Path: "/elsewhere"}} {
		if answer, err := gw.Call(t.Context(), key.Principal, c); err == nil && answer.Status < 500 {
			t.Errorf("%+v was answered with %d", c, answer.Status)
		}
	}
}

func TestAnAuthorizerThatFailsLetsNothingThrough(t *testing.T) {
	gw, _ := policed(t, func(Ask) (Decision, error) { return Decision{Allowed: true}, errors.New("state is broken") })
	answer, err := gw.Call(t.Context(), key.Principal, Call{Service: "thing", Operation: "ListThings", Path: "/things"})
	if err != nil || answer.Status != http.StatusInternalServerError {
		t.Errorf("%+v, %v", answer, err)
	}
	if _, err := New(Options{Services: tables()}); err == nil {
		t.Error("a gateway without an authorizer was made")
	}
}
