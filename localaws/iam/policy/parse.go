package policy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Malformed is what is wrong with a policy, in IAM's words. Its message is that
// of the error MalformedPolicyDocument.
type Malformed struct{ Message string }

func (e *Malformed) Error() string { return e.Message }

func malformed(format string, args ...any) error {
	return &Malformed{fmt.Sprintf(format, args...)}
}

// syntaxErrors is all that IAM says of most defects of form.
const syntaxErrors = "Syntax errors in policy."

// ParseIdentity reads a policy of a user or role. The error is a *Malformed.
func ParseIdentity(document string) (*Document, error) {
	version, raws, err := split(document)
	if err != nil {
		return nil, err
	}
	if version != "2012-10-17" {
		return nil, malformed("Policy document must be version 2012-10-17 or greater.")
	}
	return parse(raws, true, identityStatement)
}

// ParseTrust reads a role's trust policy. The error is a *Malformed.
func ParseTrust(document string) (*Document, error) {
	version, raws, err := split(document)
	if err != nil {
		return nil, err
	}
	if version != "" && version != "2012-10-17" && version != "2008-10-17" {
		return nil, malformed("The policy must contain a valid version string")
	}
	return parse(raws, version == "2012-10-17", trustStatement)
}

// ParseResource reads the policy of a resource, which grants actions on it to principals. The
// error is a *Malformed.
func ParseResource(document string) (*Document, error) {
	version, raws, err := split(document)
	if err != nil {
		return nil, err
	}
	if version != "" && version != "2012-10-17" && version != "2008-10-17" {
		return nil, malformed("The policy must contain a valid version string")
	}
	return parse(raws, version == "2012-10-17", func(s *statement, _ map[string]json.RawMessage) error {
		switch {
		case len(s.principals) == 0:
			return malformed("Missing required field Principal")
		case len(s.actions) == 0:
			return malformed("Missing required field Action")
		case len(s.resources) == 0:
			return malformed("Missing required field Resource")
		}
		return nil
	})
}

// split takes the outer object apart.
func split(document string) (version string, statements []json.RawMessage, err error) {
	var outer map[string]json.RawMessage
	dec := json.NewDecoder(strings.NewReader(document))
	if err := dec.Decode(&outer); err != nil || outer == nil {
		return "", nil, malformed("This policy contains invalid Json")
	}
	if _, err := dec.Token(); err != io.EOF {
		return "", nil, malformed("This policy contains invalid Json")
	}
	for _, k := range slices.Sorted(maps.Keys(outer)) {
		if k != "Version" && k != "Id" && k != "Statement" {
			return "", nil, malformed(syntaxErrors)
		}
	}
	if !plain(document) {
		return "", nil, malformed(syntaxErrors)
	}
	if raw, ok := outer["Version"]; ok && json.Unmarshal(raw, &version) != nil {
		return "", nil, malformed(syntaxErrors)
	}
	raw := bytes.TrimSpace(outer["Statement"])
	if len(raw) > 0 && raw[0] == '{' {
		return version, []json.RawMessage{raw}, nil
	}
	if json.Unmarshal(raw, &statements) != nil || len(statements) == 0 {
		return "", nil, malformed(syntaxErrors)
	}
	return version, statements, nil
}

// plain reports whether no object of valid JSON has a key twice, of which readers take
// one or the other, and nothing is null.
func plain(document string) bool {
	dec := json.NewDecoder(strings.NewReader(document))
	dec.UseNumber()
	type scope struct {
		keys  map[string]bool // nil: a list
		value bool            // of a key comes next
	}
	var open []*scope
	for {
		token, err := dec.Token()
		if err != nil {
			return err == io.EOF
		}
		var in *scope
		if len(open) > 0 {
			in = open[len(open)-1]
		}
		if end := token == json.Delim('}') || token == json.Delim(']'); end {
			open = open[:len(open)-1]
			continue
		}
		if in != nil && in.keys != nil && !in.value {
			key := token.(string) // the decoder lets nothing else be a key
			if in.keys[key] {
				return false
			}
			in.keys[key], in.value = true, true
			continue
		}
		if in != nil {
			in.value = false
		}
		switch token {
		case nil:
			return false
		case json.Delim('{'):
			open = append(open, &scope{keys: map[string]bool{}})
		case json.Delim('['):
			open = append(open, &scope{})
		}
	}
}

// parse reads the statements; check is what the kind of policy asks of each.
func parse(raws []json.RawMessage, variables bool, check func(*statement, map[string]json.RawMessage) error) (*Document, error) {
	var d Document
	sids := map[string]bool{}
	for _, raw := range raws {
		var fields map[string]json.RawMessage
		if json.Unmarshal(raw, &fields) != nil || fields == nil {
			return nil, malformed(syntaxErrors)
		}
		s := statement{variables: variables}
		if err := s.parse(fields); err != nil {
			return nil, err
		}
		if err := check(&s, fields); err != nil {
			return nil, err
		}
		if s.sid != "" && sids[s.sid] {
			return nil, malformed("Statement IDs (SID) in a single policy must be unique.")
		}
		sids[s.sid] = true
		d.statements = append(d.statements, s)
	}
	return &d, nil
}

var sidPattern = regexp.MustCompile(`^[0-9A-Za-z]*$`)

// parse reads what both kinds have.
func (s *statement) parse(fields map[string]json.RawMessage) error {
	for _, k := range slices.Sorted(maps.Keys(fields)) {
		raw := fields[k]
		var err error
		switch k {
		case "Sid":
			if json.Unmarshal(raw, &s.sid) != nil {
				err = malformed(syntaxErrors)
			}
		case "Effect":
			var effect string
			if json.Unmarshal(raw, &effect) != nil || effect != "Allow" && effect != "Deny" {
				err = malformed(syntaxErrors)
			}
			s.deny = effect == "Deny"
		case "Action":
			s.actions, err = list(raw)
		case "NotAction":
			s.actions, err = list(raw)
			s.notActions = true
		case "Resource":
			s.resources, err = list(raw)
		case "NotResource":
			s.resources, err = list(raw)
			s.notRes = true
		case "Condition":
			s.conditions, err = parseConditions(raw)
		case "Principal":
			s.principals, err = parsePrincipals(raw)
		case "NotPrincipal":
			err = malformed("Policy document should not specify a principal.")
		default:
			err = malformed(syntaxErrors)
		}
		if err != nil {
			return err
		}
	}
	switch {
	case fields["Effect"] == nil,
		fields["Action"] != nil && fields["NotAction"] != nil,
		fields["Resource"] != nil && fields["NotResource"] != nil:
		return malformed(syntaxErrors)
	}
	for i, action := range s.actions {
		if err := checkAction(action); err != nil {
			return err
		}
		s.actions[i] = strings.ToLower(action)
	}
	return nil
}

// checkSid is for IAM's own policies; those of resources have other characters in theirs.
func (s *statement) checkSid() error {
	if !sidPattern.MatchString(s.sid) {
		return malformed("Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*")
	}
	return nil
}

func identityStatement(s *statement, fields map[string]json.RawMessage) error {
	if err := s.checkSid(); err != nil {
		return err
	}
	switch {
	case fields["Principal"] != nil:
		return malformed("Policy document should not specify a principal.")
	case len(s.actions) == 0:
		return malformed("Policy statement must contain actions.")
	case len(s.resources) == 0:
		return malformed("Policy statement must contain resources.")
	}
	for _, r := range s.resources {
		if err := checkResource(r); err != nil {
			return err
		}
	}
	return nil
}

func trustStatement(s *statement, fields map[string]json.RawMessage) error {
	if err := s.checkSid(); err != nil {
		return err
	}
	for _, prohibited := range []string{"Resource", "NotResource"} {
		if fields[prohibited] != nil {
			return malformed("Has prohibited field %s", prohibited)
		}
	}
	switch {
	case len(s.principals) == 0:
		return malformed("Missing required field Principal")
	case len(s.actions) == 0 || s.notActions:
		return malformed("Missing required field Action")
	}
	for _, a := range s.actions {
		if !strings.HasPrefix(a, "sts:") {
			return malformed("AssumeRole policy may only specify STS AssumeRole actions.")
		}
	}
	return nil
}

// list reads a string or a list of them.
func list(raw json.RawMessage) ([]string, error) {
	var one string
	if json.Unmarshal(raw, &one) == nil && raw[0] == '"' {
		return []string{one}, nil
	}
	var many []*string
	if json.Unmarshal(raw, &many) != nil {
		return nil, malformed(syntaxErrors)
	}
	values := make([]string, len(many))
	for i, v := range many {
		if v == nil {
			return nil, malformed(syntaxErrors)
		}
		values[i] = *v
	}
	return values, nil
}

var vendorPattern = regexp.MustCompile(`^[a-zA-Z0-9.-]+$`)

func checkAction(action string) error {
	if action == "*" {
		return nil
	}
	vendor, name, found := strings.Cut(action, ":")
	switch {
	case !found:
		return malformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
	case strings.Contains(name, ":"):
		return malformed("Actions/Condition can contain only one colon.")
	case !vendorPattern.MatchString(vendor):
		return malformed("Vendor %s is not valid", vendor)
	case name == "":
		return malformed(syntaxErrors)
	}
	return nil
}

func checkResource(resource string) error {
	if resource == "*" {
		return nil
	}
	parts := strings.SplitN(resource, ":", 6)
	switch {
	case parts[0] != "arn" || len(parts) < 2:
		return malformed("Resource %s must be in ARN format or \"*\".", resource)
	case parts[1] != "aws" && parts[1] != "aws-cn" && parts[1] != "aws-us-gov" && parts[1] != "*":
		return malformed("Partition %q is not valid for resource %q.", parts[1], resource)
	case len(parts) < 6 && !strings.HasSuffix(resource, "*"):
		return malformed("The policy failed legacy parsing")
	}
	return nil
}

func parseConditions(raw json.RawMessage) ([]condition, error) {
	var byOperator map[string]map[string]json.RawMessage
	if json.Unmarshal(raw, &byOperator) != nil {
		return nil, malformed(syntaxErrors)
	}
	var conditions []condition
	for _, name := range slices.Sorted(maps.Keys(byOperator)) {
		op, ok := parseOperator(name)
		if !ok {
			return nil, malformed("Invalid Condition type : %s.", name)
		}
		if byOperator[name] == nil {
			return nil, malformed(syntaxErrors)
		}
		for _, key := range slices.Sorted(maps.Keys(byOperator[name])) {
			c := op
			c.key = key
			if !strings.Contains(key, ":") {
				return nil, malformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
			}
			var err error
			if c.values, err = scalars(byOperator[name][key]); err != nil {
				return nil, err
			}
			conditions = append(conditions, c)
		}
	}
	return conditions, nil
}

// scalars reads a condition's values: one or a list, of strings, numbers and booleans.
func scalars(raw json.RawMessage) ([]string, error) {
	many := []json.RawMessage{raw}
	if raw[0] == '[' && json.Unmarshal(raw, &many) != nil {
		return nil, malformed(syntaxErrors)
	}
	values := make([]string, len(many))
	for i, one := range many {
		switch one[0] {
		case '"':
			if json.Unmarshal(one, &values[i]) != nil {
				return nil, malformed(syntaxErrors)
			}
		case '{', '[', 'n':
			return nil, malformed(syntaxErrors)
		default:
			values[i] = string(one)
		}
	}
	return values, nil
}

func parsePrincipals(raw json.RawMessage) ([]principal, error) {
	var everybody string
	if json.Unmarshal(raw, &everybody) == nil {
		if everybody != "*" {
			return nil, malformed("Invalid principal in policy: %q", everybody)
		}
		return []principal{{name: "*"}}, nil
	}
	var byKind map[string]json.RawMessage
	if json.Unmarshal(raw, &byKind) != nil {
		return nil, malformed(syntaxErrors)
	}
	var principals []principal
	for _, kind := range slices.Sorted(maps.Keys(byKind)) {
		names, err := list(byKind[kind])
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			switch {
			case kind == "AWS" && isAWSPrincipal(name):
				principals = append(principals, principal{name: name})
			case kind == "Service" && strings.HasSuffix(name, ".amazonaws.com"):
				principals = append(principals, principal{service: true, name: name})
			default:
				return nil, malformed("Invalid principal in policy: %q:%q", strings.ToUpper(kind), name)
			}
		}
	}
	return principals, nil
}

var (
	accountPattern      = regexp.MustCompile(`^[0-9]{12}$`)
	principalARNPattern = regexp.MustCompile(
		`^arn:aws[a-z-]*:(iam::[0-9]{12}:(root|user/.+|role/.+)|sts::[0-9]{12}:assumed-role/[^/]+/[^/]+)$`)
)

// isAWSPrincipal reports whether a trust policy can name it. IAM allows no
// wildcards but the one that is everybody.
func isAWSPrincipal(name string) bool {
	if name == "*" || accountPattern.MatchString(name) {
		return true
	}
	return principalARNPattern.MatchString(name) && !strings.ContainsAny(name, "*?")
}
