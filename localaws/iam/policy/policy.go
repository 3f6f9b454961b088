// Package policy reads IAM's JSON policies and decides by them. It knows two
// kinds: identity policies, which stand at users and roles, and trust policies,
// which say who may assume a role.
//
// What it cannot evaluate it never takes for granted: a statement with a
// condition or a variable that the local cloud does not know allows nothing, and
// denies what it speaks of. The verdict says so.
package policy

import (
	"fmt"
	"slices"
	"strings"
)

// Document is a policy that was found to be well formed.
type Document struct {
	statements []statement
}

type statement struct {
	sid        string
	deny       bool
	actions    []string // lower case, with wildcards
	notActions bool     // actions are NotAction's
	resources  []string
	notRes     bool        // resources are NotResource's
	principals []principal // trust policies
	conditions []condition
	variables  bool // ${…} are variables: Version 2012-10-17
}

// Request is what a policy is asked about.
type Request struct {
	Action   string              // "aps:RemoteWrite"
	Resource string              // ARN or "*"
	Keys     map[string][]string // condition keys; an empty list says that the request has the key and no value for it
	Caller   Caller              // trust policies only
}

// Caller is who wants to assume a role.
type Caller struct {
	ARNs    []string // what a policy may call it: a user's ARN; a session's and its role's
	Account string
	Service string // "lambda.amazonaws.com"; AWS itself has no ARN
}

// Effect is what the matching statements come to.
type Effect int

// An explicit Deny wins over every Allow; nothing is allowed by default.
const (
	NoMatch Effect = iota
	Allow
	Deny
)

// Verdict is a decision and what led to it.
type Verdict struct {
	Effect Effect
	// Named reports that an allowing statement of a trust policy names the caller
	// itself, not its account or everybody: it needs no other permission then.
	Named bool
	// Bounded reports that the policies allow it, and the permissions boundary does not:
	// Effect is the boundary's.
	Bounded bool
	// Unknown says what could not be evaluated and so kept a statement from
	// allowing, or made it deny: "condition key aws:Foo is not known to the local cloud".
	Unknown []string
	// Missing are the condition keys that statements about the action and the
	// resource ask for, and that the request does not have.
	Missing []string
	// Matched are the policies, by their place in the call, with a statement that
	// decided.
	Matched []int
}

// Evaluate decides by all of the documents together.
func Evaluate(documents []*Document, q Request) Verdict {
	q.Keys = lowerKeys(q.Keys)
	var v Verdict
	var unknown, missing []string
	for i, d := range documents {
		for _, s := range d.statements {
			m, named := s.about(q)
			if m.is == no {
				continue
			}
			for _, c := range s.conditions {
				if _, carried := q.Keys[strings.ToLower(c.key)]; !carried && !slices.Contains(missing, c.key) {
					missing = append(missing, c.key)
				}
				m = m.and(c.match(q.Keys, s.variables))
			}
			switch {
			case s.deny && m.is != no:
				if v.Effect != Deny {
					v = Verdict{Effect: Deny}
				}
				v.add(i, m.why)
			case m.is == unsure:
				unknown = append(unknown, m.why)
			case !s.deny && m.is == yes && v.Effect != Deny:
				v.Effect, v.Named = Allow, v.Named || named
				v.add(i, "")
			}
		}
	}
	if v.Effect == NoMatch {
		v.Unknown = unknown
	}
	v.Missing = missing
	return v
}

func (v *Verdict) add(policy int, unknown string) {
	if !slices.Contains(v.Matched, policy) {
		v.Matched = append(v.Matched, policy)
	}
	if unknown != "" {
		v.Unknown = append(v.Unknown, unknown)
	}
}

func lowerKeys(keys map[string][]string) map[string][]string {
	lower := make(map[string][]string, len(keys))
	for k, values := range keys {
		lower[strings.ToLower(k)] = values
	}
	return lower
}

// match is the answer of a part of a statement; unsure has a reason.
type match struct {
	is  truth
	why string
}

type truth int

const (
	no truth = iota
	unsure
	yes
)

func of(b bool) match {
	if b {
		return match{is: yes}
	}
	return match{}
}

func unknown(format string, args ...any) match {
	return match{unsure, fmt.Sprintf(format, args...)}
}

// and is the weaker of the two: no one part that is unsure makes up for a no.
func (m match) and(other match) match {
	if other.is < m.is {
		return other
	}
	return m
}

// or is the stronger of the two.
func (m match) or(other match) match {
	if other.is > m.is {
		return other
	}
	return m
}

func (m match) not() match {
	if m.is == unsure {
		return m
	}
	return of(m.is == no)
}

// about compares all parts of a statement but its conditions with a request.
func (s *statement) about(q Request) (m match, named bool) {
	m = of(slices.ContainsFunc(s.actions, func(a string) bool { return glob(literal(a, true), strings.ToLower(q.Action)) }))
	if s.notActions {
		m = m.not()
	}
	if s.resources != nil {
		m = m.and(s.matchResource(q))
	}
	if s.principals != nil {
		var found match
		found, named = matchPrincipals(s.principals, q.Caller)
		m = m.and(found)
	}
	return m, named
}

func (s *statement) matchResource(q Request) match {
	var m match
	for _, r := range s.resources {
		pattern, bad := expand(r, q.Keys, s.variables)
		if bad != "" {
			m = m.or(unknown("%s", bad))
			continue
		}
		m = m.or(of(glob(pattern, q.Resource)))
	}
	if s.notRes {
		return m.not()
	}
	return m
}
