package iam

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/iam/account"
	"github.com/parascope/parascope/localaws/iam/policy"
	"github.com/parascope/parascope/localaws/state"
)

// decisions are the words of the policy simulator.
var decisions = map[policy.Effect]string{policy.NoMatch: "implicitDeny", policy.Allow: "allowed", policy.Deny: "explicitDeny"}

// severity orders the decisions: the most restrictive one speaks for an action on
// several resources.
var severity = []policy.Effect{policy.Allow, policy.NoMatch, policy.Deny}

type statementView struct{ SourcePolicyId, SourcePolicyType string }

// evaluation is what the simulator says of one action.
type evaluation struct {
	EvalActionName, EvalResourceName, EvalDecision string
	MatchedStatements                              members[statementView]
	MissingContextValues                           members[string]
	ResourceSpecificResults                        *members[resourceEvaluation] `xml:",omitempty"`
	PermissionsBoundaryDecisionDetail              *boundaryDecision            `xml:",omitempty"`
}

// boundaryDecision is there where the principal's boundary refuses what its policies allow.
type boundaryDecision struct{ AllowedByPermissionsBoundary bool }

// resourceEvaluation is what it says of the action on one resource.
type resourceEvaluation struct {
	EvalResourceName, EvalResourceDecision string
	MatchedStatements                      members[statementView]
	MissingContextValues                   members[string]
}

// simulation is one that was asked for.
type simulation struct {
	source    string
	actions   []numbered
	resources []string
	keys      map[string][]string
	paging    paging
}

// numbered is an action and its place in the request, by which answers are paged.
type numbered struct {
	at     int
	action string
}

// simulatePrincipalPolicy says what a user or role may do, without doing it.
func (i *IAM) simulatePrincipalPolicy(w http.ResponseWriter, r *gateway.Request) error {
	s, err := readSimulation(r)
	if err != nil {
		return err
	}
	var results []evaluation
	err = i.view(func(tx *state.Tx) error {
		e, k, found, err := account.ByARN(tx, s.source)
		if !found || err != nil {
			return firstError(err, account.NoSuchEntity("The principal %s cannot be found.", s.source))
		}
		sources, err := e.Standing(tx)
		if err != nil {
			return err
		}
		var asks []gateway.Ask
		for _, a := range s.actions {
			for _, resource := range s.resources {
				asks = append(asks, gateway.Ask{Action: a.action, Resource: resource, Keys: s.keys})
			}
		}
		verdicts, err := e.Evaluate(tx, k, asks)
		if err != nil {
			return err
		}
		for n, a := range s.actions {
			of := len(s.resources)
			results = append(results, s.result(a.action, verdicts[n*of:(n+1)*of], sources))
		}
		return nil
	})
	if err != nil {
		return err
	}
	return gateway.WriteQuery(w, r, struct {
		EvaluationResults members[evaluation]
		paging
	}{members[evaluation]{results}, s.paging})
}

// result sums up what was decided of an action on each of the resources.
func (s simulation) result(action string, verdicts []policy.Verdict, sources []account.Standing) evaluation {
	worst := policy.Allow
	for _, v := range verdicts {
		if slices.Index(severity, v.Effect) > slices.Index(severity, worst) {
			worst = v.Effect
		}
	}
	matched := func(v policy.Verdict) members[statementView] {
		return membersOf(v.Matched, func(n int) statementView { return statementView{sources[n].Name, "IAM Policy"} })
	}
	all := evaluation{EvalActionName: action, EvalResourceName: "*", EvalDecision: decisions[worst]}
	var each members[resourceEvaluation]
	for n, v := range verdicts {
		missing := members[string]{v.Missing}
		if v.Bounded {
			all.PermissionsBoundaryDecisionDetail = &boundaryDecision{}
		}
		each.Member = append(each.Member, resourceEvaluation{s.resources[n], decisions[v.Effect], matched(v), missing})
		all.MissingContextValues.Member = union(all.MissingContextValues.Member, missing.Member)
		if v.Effect == worst {
			all.MatchedStatements.Member = union(all.MatchedStatements.Member, matched(v).Member)
		}
	}
	if !slices.Equal(s.resources, everything) {
		all.ResourceSpecificResults = &each
	}
	return all
}

// union appends those of b that are not in a yet.
func union[T comparable](a, b []T) []T {
	for _, one := range b {
		if !slices.Contains(a, one) {
			a = append(a, one)
		}
	}
	return a
}

// everything is what is simulated where no resource is named.
var everything = []string{"*"}

// notSimulated are the parameters that ask for other policies, callers and
// scenarios than the principal's own.
var notSimulated = []string{"PolicyInputList", "PermissionsBoundaryPolicyInputList", "PolicyExclusionList", "ResourcePolicy",
	"ResourceHandlingOption", "CallerArn"}

var entityARN = regexp.MustCompile(`^arn:aws:iam::[0-9]{12}:(user|role|group)/.+$`)

func readSimulation(r *gateway.Request) (simulation, error) {
	s := simulation{resources: list(r, "ResourceArns")}
	var err error
	if s.source, err = required(r, "PolicySourceArn"); err != nil {
		return s, err
	}
	if !entityARN.MatchString(s.source) {
		return s, invalidInput("Invalid Entity Arn: %s does not clearly define entity type and name.", s.source)
	}
	for n, action := range list(r, "ActionNames") {
		s.actions = append(s.actions, numbered{n, action})
	}
	if len(s.actions) == 0 {
		return s, outside("ActionNames", "Member must not be null")
	}
	for field := range r.Form {
		if name, _, _ := strings.Cut(field, "."); slices.Contains(notSimulated, name) {
			return s, gateway.NotImplemented(name + " of iam:SimulatePrincipalPolicy")
		}
	}
	if len(s.resources) == 0 {
		s.resources = everything
	}
	if s.keys, err = contextKeys(r); err != nil {
		return s, err
	}
	s.actions, s.paging, err = page(r, s.actions, func(a numbered) string { return fmt.Sprintf("%06d", a.at) })
	return s, err
}

// keyTypes are the types that a condition key can have.
var keyTypes = []string{
	"string", "stringList", "numeric", "numericList", "boolean", "booleanList", "ip", "ipList", "binary", "binaryList", "date", "dateList",
}

// contextKeys reads the simulation's condition keys.
func contextKeys(r *gateway.Request) (map[string][]string, error) {
	keys := map[string][]string{}
	for n := 1; r.Form.Has("ContextEntries.member." + strconv.Itoa(n) + ".ContextKeyName"); n++ {
		at := "ContextEntries.member." + strconv.Itoa(n)
		if kind := r.Form.Get(at + ".ContextKeyType"); kind != "" && !slices.Contains(keyTypes, kind) {
			return nil, outside(at+".contextKeyType", "Member must satisfy enum value set")
		}
		keys[r.Form.Get(at+".ContextKeyName")] = list(r, at+".ContextKeyValues")
	}
	return keys, nil
}
