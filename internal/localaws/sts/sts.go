// Package sts is the local cloud's AWS Security Token Service: who a caller is,
// and temporary credentials for roles.
package sts

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"github.com/parascope/parascope/internal/localaws/gateway"
	"github.com/parascope/parascope/internal/localaws/principal"
)

// Bounds of DurationSeconds, and what it is when the caller does not say.
const (
	minDuration     = 900
	maxDuration     = 43200
	defaultDuration = 3600
)

// service answers from the account's principals.
type service struct{ principals *principal.Store }

// Service is STS over the account's principals.
func Service(principals *principal.Store) gateway.Service {
	s := service{principals}
	return gateway.Service{
		Name: "sts", Title: "AWS Security Token Service", SigningName: "sts", Version: "2011-06-15", Protocol: gateway.Query,
		Operations: []gateway.Operation{
			{Name: "AssumeRole", Serve: s.assumeRole, Rules: []gateway.Rule{
				{Text: "RoleSessionName is 2 to 64 characters of `\\w+=,.@-`; DurationSeconds is 900 to 43200, 3600 when absent; else 400 ValidationError", Basis: gateway.Confirmed, Source: "STS API reference, AssumeRole"},
				{Text: "a role that does not exist, or that the caller may not assume: 403 AccessDenied with the same text", Basis: gateway.Inferred, Source: "STS does not tell which roles exist; text as reported by users"},
				{Text: "every principal of the account may assume every role; trust policies are not evaluated", Basis: gateway.Assumed, Source: "a simplification of the local cloud: AWS evaluates them"},
				{Text: "Policy, PolicyArns, Tags, ExternalId, MFA and SourceIdentity are accepted and ignored", Basis: gateway.Assumed, Source: "a simplification of the local cloud"},
			}},
			{Name: "AssumeRoleWithSAML"},
			{Name: "AssumeRoleWithWebIdentity"},
			{Name: "AssumeRoot"},
			{Name: "DecodeAuthorizationMessage"},
			{Name: "GetAccessKeyInfo"},
			{Name: "GetCallerIdentity", Serve: s.getCallerIdentity, Rules: []gateway.Rule{
				{Text: "needs no permission; a user's id is AIDA…, a session's AROA…:session", Basis: gateway.Confirmed, Source: "STS API reference, GetCallerIdentity; IAM identifiers"},
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
	seconds, err := duration(r.Form.Get("DurationSeconds"))
	if err != nil {
		return err
	}
	// AWS prints and compares expirations in whole seconds.
	expires := r.Now.Add(seconds).UTC().Truncate(time.Second)
	key, found, err := s.principals.Assume(role, name, expires)
	if err != nil {
		return err
	}
	if !found {
		return &gateway.Error{Status: http.StatusForbidden, Code: "AccessDenied",
			Message: fmt.Sprintf("User: %s is not authorized to perform: sts:AssumeRole on resource: %s", r.Principal.ARN, role)}
	}
	type credentials struct{ AccessKeyId, SecretAccessKey, SessionToken, Expiration string }
	type assumedRoleUser struct{ AssumedRoleId, Arn string }
	return gateway.WriteQuery(w, r, struct {
		Credentials     credentials
		AssumedRoleUser assumedRoleUser
	}{
		credentials{key.ID, key.Secret, key.SessionToken, expires.Format(time.RFC3339)},
		assumedRoleUser{key.Principal.UserID, key.Principal.ARN},
	})
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
