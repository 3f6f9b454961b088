package lambda

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/parascope/parascope/localaws/gateway"
)

// statement is one of a function's resource policy.
type statement struct {
	Sid       string
	Effect    string
	Principal any
	Action    string
	Resource  string
	Condition map[string]map[string]string `json:",omitempty"`
}

func (l *Lambda) addPermission(w http.ResponseWriter, r *gateway.Request) error {
	var in struct{ StatementID, Action, Principal, SourceArn, SourceAccount string }
	if err := parse(r, &in); err != nil {
		return err
	}
	if in.StatementID == "" || in.Action == "" || in.Principal == "" {
		return outside("statementId", in.StatementID, "Member must not be null")
	}
	s := statement{Sid: in.StatementID, Effect: "Allow", Action: in.Action, Principal: policyPrincipal(in.Principal),
		Condition: map[string]map[string]string{}}
	if in.SourceArn != "" {
		s.Condition["ArnLike"] = map[string]string{"AWS:SourceArn": in.SourceArn}
	}
	if in.SourceAccount != "" {
		s.Condition["StringEquals"] = map[string]string{"AWS:SourceAccount": in.SourceAccount}
	}
	var text []byte
	_, err := l.change(r, func(f *function) (err error) {
		if f.statement(s.Sid) >= 0 {
			return conflict(fmt.Sprintf("The statement id (%s) provided already exists. Please provide a new statement id, or remove the existing "+
				"statement.", s.Sid))
		}
		s.Resource = f.arn()
		if text, err = json.Marshal(s); err == nil {
			f.Policy = append(f.Policy, text)
		}
		return err
	})
	if err != nil {
		return err
	}
	return gateway.WriteJSON(w, http.StatusCreated, map[string]string{"Statement": string(text)})
}

func policyPrincipal(name string) any {
	switch {
	case name == "*":
		return name
	case strings.HasSuffix(name, ".amazonaws.com"):
		return map[string]string{"Service": name}
	case strings.HasPrefix(name, "arn:"):
		return map[string]string{"AWS": name}
	}
	return map[string]string{"AWS": "arn:aws:iam::" + name + ":root"}
}

// statement finds a statement of the policy, -1 when there is none.
func (f *function) statement(sid string) int {
	for i, text := range f.Policy {
		var s statement
		if json.Unmarshal(text, &s) == nil && s.Sid == sid {
			return i
		}
	}
	return -1
}

func (l *Lambda) removePermission(w http.ResponseWriter, r *gateway.Request) error {
	_, err := l.change(r, func(f *function) error {
		i := f.statement(r.Labels["StatementId"])
		if i < 0 {
			return notFound(fmt.Sprintf("Statement %s is not found in resource policy.", r.Labels["StatementId"]))
		}
		f.Policy = append(f.Policy[:i], f.Policy[i+1:]...)
		return nil
	})
	if err != nil {
		return err
	}
	return gateway.WriteJSON(w, http.StatusNoContent, nil)
}

func (l *Lambda) getPolicy(w http.ResponseWriter, r *gateway.Request) error {
	f, err := l.named(r)
	if err != nil {
		return err
	}
	if len(f.Policy) == 0 {
		return notFound("The resource you requested does not exist.")
	}
	document, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Id": "default", "Statement": f.Policy})
	if err != nil {
		return fmt.Errorf("could not encode the policy of %s: %w", f.Name, err)
	}
	return gateway.WriteJSON(w, http.StatusOK, map[string]string{"Policy": string(document), "RevisionId": f.RevisionID})
}
