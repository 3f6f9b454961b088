// Package sts is the local cloud's AWS Security Token Service: who a caller is,
// and temporary credentials for roles.
package sts

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/iam/account"
)

// Bounds of DurationSeconds, and what it is when the caller does not say.
const (
	minDuration     = 900
	maxDuration     = 43200
	defaultDuration = 3600
)

// maxChained bounds sessions that a session of another role makes.
const maxChained = time.Hour

// service answers from the account.
type service struct{ account *account.Account }

// Service is STS over the account's users and roles.
func Service(a *account.Account) gateway.Service {
	s := service{a}
	return gateway.Service{
		Name: "sts", Title: "AWS Security Token Service", SigningName: "sts", Version: "2011-06-15", Protocol: gateway.Query,
		Operations: []gateway.Operation{
			{Name: "AssumeRole", Serve: s.assumeRole, Rules: []gateway.Rule{
				{Text: "RoleSessionName has 2 to 64 characters of `\\w+=,.@-`; DurationSeconds is 900 to 43200, and 3600 by default; other " +
					"values are refused with 400 ValidationError", Basis: gateway.Confirmed, Source: "STS API reference, AssumeRole"},
				{Text: "the role's trust policy must allow the caller to assume the role; the caller's own policies must allow sts:AssumeRole " +
					"on the role, unless the trust policy names the caller itself instead of its account; an explicit deny in either policy has " +
					"precedence",
					Basis: gateway.Confirmed, Source: "IAM user guide, policy evaluation within one account, and methods to assume a role"},
				{Text: "a role that does not exist and a role that the caller has no permission to assume are refused with 403 AccessDenied " +
					"and the same error text", Basis: gateway.Inferred,
					Source: "STS does not reveal whether a role exists; wording of the error message as reported by users"},
				{Text: "a principal `*` in a trust policy is treated like the account: the caller's own policies must allow the action too",
					Basis:  gateway.Assumed,
					Source: "not documented; the local cloud applies the stricter rule"},
				{Text: "a duration above the role's MaxSessionDuration, or above one hour if the caller is itself a session, is refused with " +
					"400 ValidationError", Basis: gateway.Confirmed, Source: "STS API reference, AssumeRole; IAM user guide, role chaining"},
				{Text: "ExternalId and RoleSessionName are the condition keys sts:ExternalId and sts:RoleSessionName of the trust policy",
					Basis: gateway.Confirmed, Source: "IAM user guide, condition keys of STS"},
				{Text: "Policy, PolicyArns, Tags, SerialNumber and SourceIdentity are refused with 501: a session that ignored them would " +
					"have more permissions than requested", Basis: gateway.Assumed, Source: "a simplification of the local cloud"},
			}},
			{Name: "AssumeRoleWithSAML"},
			{Name: "AssumeRoleWithWebIdentity"},
			{Name: "AssumeRoot"},
			{Name: "DecodeAuthorizationMessage"},
			{Name: "GetAccessKeyInfo"},
			{Name: "GetCallerIdentity", Serve: s.getCallerIdentity, Rules: []gateway.Rule{
				{Text: "the operation requires no permission; UserId is AIDA… for a user, and AROA…:SESSION for a session", Basis: gateway.Confirmed,
					Source: "STS API reference, GetCallerIdentity; IAM identifiers"},
			}},
			{Name: "GetDelegatedAccessToken"},
			{Name: "GetFederationToken"},
			{Name: "GetSessionToken"},
			{Name: "GetWebIdentityToken"},
		},
	}
}

func (s service) getCallerIdentity(w http.ResponseWriter, r *gateway.Request) error {
	return gateway.WriteQuery(w, r, struct {
		Arn, UserId, Account string
	}{r.Principal.ARN, r.Principal.UserID, r.Principal.Account})
}

var sessionName = regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)

func (s service) assumeRole(w http.ResponseWriter, r *gateway.Request) error {
	role, name := r.Form.Get("RoleArn"), r.Form.Get("RoleSessionName")
	if len(role) < 20 {
		return invalid("roleArn", role, "Member must have length greater than or equal to 20")
	}
	if !sessionName.MatchString(name) {
		return invalid("roleSessionName", name, `Member must satisfy regular expression pattern: [\w+=,.@-]*, and have a length of 2 to 64`)
	}
	lifetime, err := duration(r.Form.Get("DurationSeconds"))
	if err != nil {
		return err
	}
	if err := refuseUnknown(r); err != nil {
		return err
	}
	if strings.Contains(r.Principal.ARN, ":assumed-role/") && lifetime > maxChained {
		return &gateway.Error{Status: http.StatusBadRequest, Code: "ValidationError",
			Message: "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"}
	}
	keys := map[string][]string{"aws:RequestedRegion": {r.Region}, "sts:RoleSessionName": {name}}
	if id := r.Form.Get("ExternalId"); id != "" {
		keys["sts:ExternalId"] = []string{id}
	}
	key, err := s.account.Assume(account.Assumption{Caller: r.Principal, Role: role, Session: name, Keys: keys, Lifetime: lifetime})
	if err != nil {
		return err
	}
	type credentials struct{ AccessKeyId, SecretAccessKey, SessionToken, Expiration string }
	type assumedRoleUser struct{ AssumedRoleId, Arn string }
	return gateway.WriteQuery(w, r, struct {
		Credentials     credentials
		AssumedRoleUser assumedRoleUser
	}{
		credentials{key.ID, key.Secret, key.SessionToken, key.Expires.Format(time.RFC3339)},
		assumedRoleUser{key.Principal.UserID, key.Principal.ARN},
	})
}

// refuseUnknown refuses what would make a session that may do less.
func refuseUnknown(r *gateway.Request) error {
	for field := range r.Form {
		for _, unknown := range []string{"Policy", "PolicyArns.", "Tags.", "SerialNumber", "SourceIdentity", "TransitiveTagKeys."} {
			if field == unknown || strings.HasSuffix(unknown, ".") && strings.HasPrefix(field, unknown) {
				return gateway.NotImplemented(strings.TrimSuffix(unknown, ".") + " of sts:AssumeRole")
			}
		}
	}
	return nil
}

func duration(s string) (time.Duration, error) {
	if s == "" {
		return defaultDuration * time.Second, nil
	}
	n, err := strconv.Atoi(s)
	switch {
	case err != nil:
		return 0, &gateway.Error{Status: http.StatusBadRequest, Code: "MalformedInput", Message: "DurationSeconds must be a number"}
	case n < minDuration:
		return 0, invalid("durationSeconds", s, fmt.Sprintf("Member must have value greater than or equal to %d", minDuration))
	case n > maxDuration:
		return 0, invalid("durationSeconds", s, fmt.Sprintf("Member must have value less than or equal to %d", maxDuration))
	}
	return time.Duration(n) * time.Second, nil
}

// invalid is STS's answer to a parameter outside its constraints.
func invalid(member, value, constraint string) error {
	return &gateway.Error{Status: http.StatusBadRequest, Code: "ValidationError",
		Message: fmt.Sprintf("1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: %s", value, member, constraint)}
}
