package policy

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// condition is one key under one operator.
type condition struct {
	name       string // the operator as it was written
	quantifier string // "", "ForAllValues" or "ForAnyValue"
	ifExists   bool
	op         operator
	key        string
	values     []string
}

// operator compares one value of the request with one of the policy.
type operator struct {
	negated bool
	compare func(pattern []token, value string) bool // nil: AWS has it, the local cloud does not
}

// null is the operator that asks whether a key is there at all.
const null = "Null"

// operators are all that AWS has.
var operators = map[string]operator{
	"StringEquals":              {false, same},
	"StringNotEquals":           {true, same},
	"StringEqualsIgnoreCase":    {false, sameFold},
	"StringNotEqualsIgnoreCase": {true, sameFold},
	"StringLike":                {false, glob},
	"StringNotLike":             {true, glob},
	"ArnEquals":                 {false, globARN}, // behaves as ArnLike, AWS says
	"ArnLike":                   {false, globARN},
	"ArnNotEquals":              {true, globARN},
	"ArnNotLike":                {true, globARN},
	"Bool":                      {false, sameFold},
	"NumericEquals":             {false, numeric(func(order int) bool { return order == 0 })},
	"NumericNotEquals":          {true, numeric(func(order int) bool { return order == 0 })},
	"NumericLessThan":           {false, numeric(func(order int) bool { return order < 0 })},
	"NumericLessThanEquals":     {false, numeric(func(order int) bool { return order <= 0 })},
	"NumericGreaterThan":        {false, numeric(func(order int) bool { return order > 0 })},
	"NumericGreaterThanEquals":  {false, numeric(func(order int) bool { return order >= 0 })},
	null:                        {},

	"DateEquals": {}, "DateNotEquals": {}, "DateLessThan": {}, "DateLessThanEquals": {}, "DateGreaterThan": {}, "DateGreaterThanEquals": {},
	"IpAddress": {}, "NotIpAddress": {}, "BinaryEquals": {},
}

func same(pattern []token, value string) bool     { return text(pattern) == value }
func sameFold(pattern []token, value string) bool { return strings.EqualFold(text(pattern), value) }

func numeric(holds func(order int) bool) func([]token, string) bool {
	return func(pattern []token, value string) bool {
		want, wrong := strconv.ParseFloat(text(pattern), 64)
		got, bad := strconv.ParseFloat(value, 64)
		return wrong == nil && bad == nil && holds(cmp.Compare(got, want))
	}
}

// known are the condition keys that the local cloud sets whenever AWS would: that
// one of them is absent means what it means on AWS. Other keys are known only in
// the requests that carry them.
var known = []string{
	"aws:principalarn", "aws:principalaccount", "aws:principaltype", "aws:principalisawsservice", "aws:userid", "aws:username",
	"aws:requestedregion", "aws:securetransport", "aws:sourceaccount", "aws:sourcearn",
	"iam:passedtoservice", "iam:permissionsboundary", "iam:policyarn", "sts:externalid", "sts:rolesessionname",
}

func isKnown(lowerKey string) bool {
	return slices.Contains(known, lowerKey) || strings.HasPrefix(lowerKey, "aws:principaltag/")
}

// match evaluates the condition over the request's keys, which are in lower case.
func (c *condition) match(keys map[string][]string, variables bool) match {
	lower := strings.ToLower(c.key)
	values, carried := keys[lower]
	switch {
	case !carried && !isKnown(lower):
		return unknown("condition key %s is not supported by the local cloud", c.key)
	case c.op.compare == nil && c.name != null:
		return unknown("condition operator %s is not supported by the local cloud", c.name)
	case c.name == null:
		absent := strconv.FormatBool(len(values) == 0)
		return of(slices.ContainsFunc(c.values, func(v string) bool { return strings.EqualFold(v, absent) }))
	case len(values) == 0:
		return of(c.matchesAbsent())
	}
	patterns := make([][]token, len(c.values))
	for i, v := range c.values {
		pattern, bad := expand(v, keys, variables)
		if bad != "" {
			return unknown("%s", bad)
		}
		patterns[i] = pattern
	}
	holds := func(value string) bool {
		found := slices.ContainsFunc(patterns, func(p []token) bool { return c.op.compare(p, value) })
		return found != c.op.negated
	}
	// A negated operator without quantifier wants none of the values to be one of
	// the policy's, a positive one wants any.
	if c.quantifier == forAll || c.quantifier == "" && c.op.negated {
		return of(!slices.ContainsFunc(values, func(v string) bool { return !holds(v) }))
	}
	return of(slices.ContainsFunc(values, holds))
}

const (
	forAll = "ForAllValues"
	forAny = "ForAnyValue"
)

func (c *condition) matchesAbsent() bool {
	switch {
	case c.ifExists, c.quantifier == forAll:
		return true
	case c.quantifier == forAny:
		return false
	}
	return c.op.negated
}

// parseOperator reads "ForAnyValue:StringLikeIfExists".
func parseOperator(name string) (condition, bool) {
	c := condition{name: name}
	rest := name
	if quantifier, after, found := strings.Cut(name, ":"); found {
		if quantifier != forAll && quantifier != forAny {
			return c, false
		}
		c.quantifier, rest = quantifier, after
	}
	rest, c.ifExists = strings.CutSuffix(rest, "IfExists")
	op, found := operators[rest]
	if rest == null && (c.ifExists || c.quantifier != "") {
		return c, false
	}
	c.op = op
	return c, found
}
