package account

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/iam/policy"
	"github.com/parascope/parascope/localaws/principal"
	"github.com/parascope/parascope/localaws/state"
)

// Authorize decides by the identity policies of the caller's user or role. AWS's
// own services, whose ARN is none, may do everything. A principal that no longer
// exists may do nothing.
func (a *Account) Authorize(ask gateway.Ask) (gateway.Decision, error) {
	if isService(ask.Principal) {
		return gateway.Decision{Allowed: true}, nil
	}
	var verdict policy.Verdict
	err := a.state.View(func(tx *state.Tx) error {
		who, err := identify(tx, ask.Principal)
		if err != nil {
			return err
		}
		verdict, err = who.evaluate(tx, ask)
		return err
	})
	if err != nil {
		return gateway.Decision{}, fmt.Errorf("could not evaluate the policies of %s: %w", ask.Principal.ARN, err)
	}
	return decision(ask.Action, verdict), nil
}

// decision puts a verdict into the words that end AWS's message.
func decision(action string, v policy.Verdict) gateway.Decision {
	var d gateway.Decision
	switch v.Effect {
	case policy.Allow:
		return gateway.Decision{Allowed: true}
	case policy.NoMatch:
		d.Because = "no identity-based policy allows the " + action + " action"
		if v.Bounded {
			d.Because = "no permissions boundary allows the " + action + " action"
		}
	case policy.Deny:
		d.Because = "with an explicit deny in an identity-based policy"
		if v.Bounded {
			d.Because = "with an explicit deny in a permissions boundary"
		}
	}
	d.Because += inParentheses(v.Unknown)
	return d
}

// inParentheses is what the local cloud adds to AWS's messages: why it refuses
// what AWS might not.
func inParentheses(unknown []string) string {
	if len(unknown) == 0 {
		return ""
	}
	return " (" + strings.Join(slices.Compact(slices.Sorted(slices.Values(unknown))), "; ") + ")"
}

func isService(p principal.Principal) bool { return !strings.HasPrefix(p.ARN, "arn:") }

// identity is a caller with the user or role whose policies count.
type identity struct {
	entity Entity
	exists bool
	caller policy.Caller
	keys   map[string][]string // condition keys that are about the caller
}

// identify finds the user of a user's key, or the role of a session.
func identify(tx *state.Tx, p principal.Principal) (identity, error) {
	name := p.ARN[strings.LastIndex(p.ARN, "/")+1:]
	who := identity{
		caller: policy.Caller{ARNs: []string{p.ARN}, Account: p.Account},
		keys: map[string][]string{"aws:PrincipalArn": {p.ARN}, "aws:PrincipalAccount": {p.Account}, "aws:PrincipalIsAWSService": {"false"},
			"aws:userid": {p.UserID}},
	}
	var err error
	if session, ok := strings.CutPrefix(p.ARN, sessionARN("", "")); ok {
		role, _, _ := strings.Cut(session, "/")
		roleID, _, _ := strings.Cut(p.UserID, ":")
		if who.entity, who.exists, err = Roles.Get(tx, role); err != nil {
			return who, err
		}
		// A role made again under its old name is another one.
		who.exists = who.exists && who.entity.ID == roleID
		arn := Roles.ARN(who.entity.Path, role)
		who.caller.ARNs = append(who.caller.ARNs, arn)
		who.keys["aws:PrincipalArn"], who.keys["aws:PrincipalType"] = []string{arn}, []string{"AssumedRole"}
	} else {
		if who.entity, who.exists, err = Users.Get(tx, name); err != nil {
			return who, err
		}
		who.exists = who.exists && who.entity.ID == p.UserID
		who.keys["aws:username"], who.keys["aws:PrincipalType"] = []string{name}, []string{"User"}
	}
	for k, v := range who.entity.Tags {
		who.keys["aws:PrincipalTag/"+k] = []string{v}
	}
	return who, nil
}

// sessionARN is the ARN of a session of a role; with both empty, what such ARNs
// begin with.
func sessionARN(role, session string) string {
	prefix := "arn:aws:sts::" + principal.Account + ":assumed-role/"
	if role == "" {
		return prefix
	}
	return prefix + role + "/" + session
}

// evaluate asks all of the identity's policies.
func (who identity) evaluate(tx *state.Tx, ask gateway.Ask) (policy.Verdict, error) {
	documents, err := who.documents(tx)
	if err != nil {
		return policy.Verdict{}, err
	}
	boundary, err := who.boundary(tx)
	if err != nil {
		return policy.Verdict{}, err
	}
	return who.decide(documents, boundary, ask), nil
}

// boundary is the identity's permissions boundary; none where it has none.
func (who identity) boundary(tx *state.Tx) ([]*policy.Document, error) {
	if !who.exists || who.entity.Boundary == "" {
		return nil, nil
	}
	p, err := FindPolicy(tx, who.entity.Boundary)
	if err != nil {
		return nil, err
	}
	document, err := policy.ParseIdentity(p.Document())
	if err != nil {
		return nil, fmt.Errorf("could not parse the permissions boundary %s: %w", p.Name, err)
	}
	return []*policy.Document{document}, nil
}

// documents are the identity's policies; none of one that does not exist.
func (who identity) documents(tx *state.Tx) ([]*policy.Document, error) {
	if !who.exists {
		return nil, nil
	}
	standing, err := who.entity.Standing(tx)
	if err != nil {
		return nil, err
	}
	documents := make([]*policy.Document, len(standing))
	for n, s := range standing {
		if documents[n], err = policy.ParseIdentity(s.Document); err != nil {
			return nil, fmt.Errorf("policy %s: %w", s.Name, err)
		}
	}
	return documents, nil
}

// decide is by the policies, and, for what they allow, by the permissions boundary too.
func (who identity) decide(documents, boundary []*policy.Document, ask gateway.Ask) policy.Verdict {
	q := policy.Request{Action: ask.Action, Resource: ask.Resource, Keys: who.withKeys(ask.Keys)}
	v := policy.Evaluate(documents, q)
	if v.Effect != policy.Allow || len(boundary) == 0 {
		return v
	}
	if within := policy.Evaluate(boundary, q); within.Effect != policy.Allow {
		v.Effect, v.Bounded, v.Unknown = within.Effect, true, within.Unknown
	}
	return v
}

// withKeys adds to a request's keys what is known of the caller. The loopback
// counts as transport that nobody listens to.
func (who identity) withKeys(keys map[string][]string) map[string][]string {
	all := map[string][]string{"aws:SecureTransport": {"true"}}
	maps.Copy(all, keys)
	maps.Copy(all, who.keys)
	return all
}

// Standing is a policy that counts for an entity.
type Standing struct{ Name, Document string }

// Standing are the inline policies and the default versions of those attached.
func (e *Entity) Standing(tx *state.Tx) ([]Standing, error) {
	var all []Standing
	for _, name := range slices.Sorted(maps.Keys(e.Inline)) {
		all = append(all, Standing{name, e.Inline[name]})
	}
	for _, arn := range e.Attached {
		p, err := FindPolicy(tx, arn)
		if err != nil {
			return nil, err
		}
		all = append(all, Standing{p.Name, p.Document()})
	}
	return all, nil
}

// Evaluate says what the policies of a user or role decide of each of the asks, as
// if it had signed such requests. The verdicts' Matched are places among its
// Standing policies.
func (e *Entity) Evaluate(tx *state.Tx, k Kind, asks []gateway.Ask) ([]policy.Verdict, error) {
	caller := e.Principal()
	if k == Roles {
		caller = e.session("simulation")
	}
	who, err := identify(tx, caller)
	if err != nil {
		return nil, err
	}
	documents, err := who.documents(tx)
	if err != nil {
		return nil, err
	}
	boundary, err := who.boundary(tx)
	if err != nil {
		return nil, err
	}
	verdicts := make([]policy.Verdict, len(asks))
	for i, ask := range asks {
		verdicts[i] = who.decide(documents, boundary, ask)
	}
	return verdicts, nil
}
