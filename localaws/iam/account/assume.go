package account

import (
	"fmt"
	"net/http"
	"time"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/iam/policy"
	"github.com/parascope/parascope/localaws/principal"
	"github.com/parascope/parascope/localaws/state"
)

// assumeRole is the action that identity and trust policies speak of.
const assumeRole = "sts:AssumeRole"

// Assumption is a caller's wish to become a role.
type Assumption struct {
	Caller   principal.Principal
	Role     string              // ARN
	Session  string              // name of the session
	Keys     map[string][]string // condition keys: "sts:ExternalId", "aws:SourceArn", …
	Lifetime time.Duration       // the role's limit is for all but AWS's own services
}

// Assume makes temporary credentials of a role, when the role's trust policy lets
// the caller assume it, and the caller's own policies do too; as on AWS, those
// need not when the trust policy names the caller itself. A refusal is a
// *gateway.Error, AccessDenied, which does not tell whether there is such a role.
func (a *Account) Assume(wish Assumption) (principal.AccessKey, error) {
	role, err := a.trusted(wish)
	if err != nil {
		return principal.AccessKey{}, err
	}
	if !isService(wish.Caller) && wish.Lifetime > time.Duration(role.MaxSession)*time.Second {
		return principal.AccessKey{}, &gateway.Error{Status: http.StatusBadRequest, Code: "ValidationError",
			Message: "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."}
	}
	now := a.now()
	// AWS prints and compares expirations in whole seconds.
	return a.keys.Session(role.session(wish.Session), now, now.Add(wish.Lifetime).UTC().Truncate(time.Second))
}

// AssumeForService makes temporary credentials of a role for one of AWS's own
// services, "lambda.amazonaws.com", which the role's trust policy must name. keys
// are the condition keys that the service sends: aws:SourceAccount, aws:SourceArn.
// A refusal is a *gateway.Error, AccessDenied.
func (a *Account) AssumeForService(roleARN, service, session string, keys map[string][]string, lifetime time.Duration) (principal.AccessKey,
	error) {
	return a.Assume(Assumption{Caller: servicePrincipal(service), Role: roleARN, Session: session, Keys: keys, Lifetime: lifetime})
}

// Trusts reports, as an error like AssumeForService's, that the role does not
// exist or does not let the service assume it. Services ask when they are given a role.
func (a *Account) Trusts(roleARN, service string, keys map[string][]string) error {
	_, err := a.trusted(Assumption{Caller: servicePrincipal(service), Role: roleARN, Keys: keys})
	return err
}

func servicePrincipal(service string) principal.Principal {
	return principal.Principal{Account: principal.Account, ARN: service, UserID: service}
}

// trusted finds the role, and decides.
func (a *Account) trusted(wish Assumption) (role Entity, err error) {
	var own, trust policy.Verdict
	err = a.state.View(func(tx *state.Tx) error {
		r, k, found, err := ByARN(tx, wish.Role)
		if err != nil || !found || k != Roles {
			return err
		}
		role = r
		who := identity{caller: policy.Caller{Account: wish.Caller.Account, Service: wish.Caller.ARN},
			keys: map[string][]string{"aws:PrincipalIsAWSService": {"true"}}}
		own.Effect = policy.Allow
		if !isService(wish.Caller) {
			if who, err = identify(tx, wish.Caller); err != nil || !who.exists {
				return err
			}
			if own, err = who.evaluate(tx, gateway.Ask{Principal: wish.Caller, Action: assumeRole, Resource: wish.Role,
				Keys: wish.Keys}); err != nil {
				return err
			}
		}
		document, err := policy.ParseTrust(role.Trust)
		if err != nil {
			return fmt.Errorf("could not parse the trust policy of %s: %w", wish.Role, err)
		}
		trust = policy.Evaluate([]*policy.Document{document},
			policy.Request{Action: assumeRole, Resource: wish.Role, Keys: who.withKeys(wish.Keys), Caller: who.caller})
		return nil
	})
	if err != nil {
		return Entity{}, fmt.Errorf("could not assume %s: %w", wish.Role, err)
	}
	if trust.Effect == policy.Allow && (own.Effect == policy.Allow || trust.Named && own.Effect != policy.Deny) {
		return role, nil
	}
	return Entity{}, &gateway.Error{Status: http.StatusForbidden, Code: "AccessDenied",
		Message: fmt.Sprintf("User: %s is not authorized to perform: %s on resource: %s", wish.Caller.ARN, assumeRole, wish.Role) +
			inParentheses(append(own.Unknown, trust.Unknown...))}
}

// session is who signs as the role.
func (e *Entity) session(name string) principal.Principal {
	return principal.Principal{Account: principal.Account, ARN: sessionARN(e.Name, name), UserID: e.ID + ":" + name}
}
