// Package principal holds what requests to the local cloud are signed with: the
// access keys of users, of sessions of roles, and of AWS's own services. Who
// the users and roles are, and what they may do, is package iam's.
package principal

import "time"

// Principal is an identity as STS reports it.
type Principal struct {
	Account string // "111122223333"
	ARN     string // arn:aws:iam::A:user/N, arn:aws:sts::A:assumed-role/R/S; of AWS itself "lambda.amazonaws.com"
	UserID  string // AIDA…, or AROA…:S
}

// AccessKey is what a request is signed with.
type AccessKey struct {
	ID           string // AKIA…, or ASIA… for a session
	Secret       string
	SessionToken string    // sessions only
	Created      time.Time // zero in keys of the first version
	Expires      time.Time // sessions only; zero: never
	Principal    Principal
}
