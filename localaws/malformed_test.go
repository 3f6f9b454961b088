package localaws

import (
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/principal"
)

// TestMalformedBodiesAreRefusedInAWSsWords sends every operation that reads JSON
// what it cannot read. AWS says nothing of Go's types then, nor of its parser.
func TestMalformedBodiesAreRefusedInAWSsWords(t *testing.T) {
	all := allServices(t)
	gw, err := gateway.New(gateway.Options{Services: all, Authorize: gateway.AllowAll, Now: time.Now, NewID: uuid.NewString,
		Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	label, gos := regexp.MustCompile(`{[^}]*}`), regexp.MustCompile(`Go |json: |struct|invalid character|unexpected end|unmarshal`)
	refused := 0
	for _, s := range all {
		if s.Protocol != gateway.RESTJSON && s.Protocol != gateway.JSON11 || s.Name == "parascope-faults" { // which is not AWS's
			continue
		}
		for _, op := range s.Operations {
			for _, body := range []string{`[]`, `"`, `{"`, `{"a": x}`} {
				if op.Serve == nil {
					continue
				}
				call := gateway.Call{Service: s.Name, Operation: op.Name, Region: "us-east-2", Path: label.ReplaceAllString(op.Path, "x"),
					Body: []byte(body)}
				answer, err := gw.Call(t.Context(), principal.Principal{Account: principal.Account,
					ARN: "arn:aws:iam::" + principal.Account + ":user/operator"}, call)
				if err != nil {
					t.Fatal(err)
				}
				if text := string(answer.Body); gos.MatchString(text) {
					t.Errorf("%s:%s %s: %d %s", s.Name, op.Name, body, answer.Status, text)
				} else if strings.Contains(text, "equest body") {
					refused++
				}
			}
		}
	}
	if refused < 50 {
		t.Errorf("%d bodies were refused for what they are: this test does not reach the parsers", refused)
	}
}
