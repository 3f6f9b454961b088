package policy

import "slices"

// principal is one that a trust policy names.
type principal struct {
	service bool
	name    string // "*", an account's id, an ARN; a service's name
}

// matchPrincipals reports whether the caller is among those named, and whether
// by its own name.
func matchPrincipals(principals []principal, c Caller) (m match, named bool) {
	for _, p := range principals {
		switch {
		case p.service:
			m = m.or(of(c.Service != "" && p.name == c.Service))
		case c.Service != "":
			// "*" is everybody with an account; AWS's services are named.
		case slices.Contains(c.ARNs, p.name):
			m, named = of(true), true
		default:
			m = m.or(of(p.name == "*" || p.name == c.Account || p.name == "arn:aws:iam::"+c.Account+":root"))
		}
	}
	return m, named
}

// PrincipalARNs are the ARNs that a trust policy names, in its order. IAM wants
// those of its own account to exist.
func (d *Document) PrincipalARNs() []string {
	var arns []string
	for _, s := range d.statements {
		for _, p := range s.principals {
			if !p.service && p.name != "*" {
				arns = append(arns, p.name)
			}
		}
	}
	return arns
}
