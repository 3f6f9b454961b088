// Package principal holds who may sign requests to the local cloud: users with
// access keys, and sessions of assumed roles with temporary ones.
package principal

import "time"

// Principal is an identity as STS reports it.
type Principal struct {
	Account string // "111122223333"
	ARN     string // arn:aws:iam::A:user/N, or arn:aws:sts::A:assumed-role/R/S
	UserID  string // AIDA…, or AROA…:S
}

// AccessKey is what a request is signed with.
type AccessKey struct {
	ID           string // AKIA…, or ASIA… for a session
	Secret       string
	SessionToken string    // sessions only
	Expires      time.Time // sessions only; zero: never
	Principal    Principal
}
