package account

import (
	"encoding/json"
	"fmt"

	"github.com/parascope/parascope/localaws/principal"
	"github.com/parascope/parascope/localaws/state"
)

// EnsureRole makes a role that a service may assume, unless it is there, and the
// attachments of managed policies that are missing.
func (a *Account) EnsureRole(name, service string, policyARNs ...string) error {
	trust, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": []any{map[string]any{
		"Effect": "Allow", "Principal": map[string]string{"Service": service}, "Action": "sts:AssumeRole",
	}}})
	if err != nil {
		return fmt.Errorf("could not create role %s: %w", name, err)
	}
	err = a.state.Update(func(tx *state.Tx) error {
		r, found, err := Roles.Get(tx, name)
		if err != nil {
			return err
		}
		if !found {
			r = NewEntity(Roles, name, "/", a.now())
			r.Trust, r.MaxSession = string(trust), 3600
		}
		for _, arn := range policyARNs {
			r.Attach(arn)
		}
		return Roles.Put(tx, r)
	})
	if err != nil {
		return fmt.Errorf("could not create role %s: %w", name, err)
	}
	return nil
}

// EnsurePolicy makes a managed policy of the account, or gives the one of this name
// the document, and returns its ARN.
func (a *Account) EnsurePolicy(name, document string) (arn string, err error) {
	arn = PolicyARN("/", name)
	err = a.state.Update(func(tx *state.Tx) error {
		var p Policy
		found, err := tx.Get(policyBucket, arn, &p)
		if err != nil {
			return err
		}
		if !found {
			p = Policy{ARN: arn, Name: name, Path: "/", ID: principal.NewID("ANPA"), Created: a.now().UTC()}
		}
		if p.Document() == document {
			return nil
		}
		p.Versions = nil // a seed has one version: IAM's limit of five is people's
		p.AddVersion(document, a.now(), true)
		return p.Put(tx)
	})
	if err != nil {
		return "", fmt.Errorf("could not create policy %s: %w", name, err)
	}
	return arn, nil
}
