package iam

import (
	"net/http"
	"strconv"

	"github.com/parascope/parascope/internal/localaws/gateway"
	"github.com/parascope/parascope/internal/localaws/iam/account"
	"github.com/parascope/parascope/internal/localaws/iam/policy"
	"github.com/parascope/parascope/internal/localaws/state"
)

// decisions are the words of the policy simulator.
var decisions = map[policy.Effect]string{policy.NoMatch: "implicitDeny", policy.Allow: "allowed", policy.Deny: "explicitDeny"}

type statementView struct{ SourcePolicyId, SourcePolicyType string }

type evaluation struct {
	EvalActionName, EvalResourceName, EvalDecision string
	MatchedStatements                              members[statementView]
	MissingContextValues                           members[string]
}

// simulatePrincipalPolicy says what a user or role may do, without doing it.
func (i *IAM) simulatePrincipalPolicy(w http.ResponseWriter, r *gateway.Request) error {
	source, err := required(r, "PolicySourceArn")
	if err != nil {
		return err
	}
	actions, resources := list(r, "ActionNames"), list(r, "ResourceArns")
	if len(actions) == 0 {
		return outside("ActionNames", "Member must not be null")
	}
	for _, field := range []string{"PolicyInputList", "PermissionsBoundaryPolicyInputList"} {
		if len(list(r, field)) > 0 {
			return notImplemented("the simulation of policies that nobody has")
		}
	}
	if r.Form.Get("ResourcePolicy") != "" {
		return notImplemented("the simulation of resource policies")
	}
	if len(resources) == 0 {
		resources = []string{"*"}
	}
	var results []evaluation
	err = i.view(func(tx *state.Tx) error {
		e, k, found, err := account.ByARN(tx, source)
		if !found || err != nil {
			return firstError(err, account.NoSuchEntity("The principal %s cannot be found.", source))
		}
		sources, err := e.Standing(tx)
		if err != nil {
			return err
		}
		for _, action := range actions {
			for _, resource := range resources {
				v, err := e.Evaluate(tx, k, gateway.Ask{Action: action, Resource: resource, Keys: contextKeys(r)})
				if err != nil {
					return err
				}
				results = append(results, evaluation{action, resource, decisions[v.Effect],
					membersOf(v.Matched, func(n int) statementView { return statementView{sources[n].Name, "IAM Policy"} }), members[string]{}})
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return gateway.WriteQuery(w, r, struct {
		EvaluationResults members[evaluation]
		paging
	}{EvaluationResults: members[evaluation]{results}})
}

// contextKeys reads the simulation's condition keys.
func contextKeys(r *gateway.Request) map[string][]string {
	keys := map[string][]string{}
	for n := 1; r.Form.Has("ContextEntries.member." + strconv.Itoa(n) + ".ContextKeyName"); n++ {
		at := "ContextEntries.member." + strconv.Itoa(n)
		keys[r.Form.Get(at+".ContextKeyName")] = list(r, at+".ContextKeyValues")
	}
	return keys
}
