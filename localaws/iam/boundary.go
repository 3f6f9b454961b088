package iam

import (
	"net/http"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/iam/account"
	"github.com/parascope/parascope/localaws/state"
)

type boundaryView struct{ PermissionsBoundaryType, PermissionsBoundaryArn string }

func viewBoundary(e account.Entity) *boundaryView {
	if e.Boundary == "" {
		return nil
	}
	return &boundaryView{"Policy", e.Boundary}
}

// boundaryKey is the condition key for a permissions boundary.
const boundaryKey = "iam:PermissionsBoundary"

// newKeys are the condition keys of what gives a user or role a boundary, tags or none.
func newKeys(r *gateway.Request) map[string][]string {
	keys := tagKeys(r)
	if keys == nil {
		keys = map[string][]string{}
	}
	if arn := r.Form.Get("PermissionsBoundary"); arn != "" {
		keys[boundaryKey] = []string{arn}
	}
	return keys
}

// boundaryKeys are those of what changes a user or role: the boundary that it has.
func (i *IAM) boundaryKeys(k account.Kind) func(*gateway.Request) map[string][]string {
	return func(r *gateway.Request) map[string][]string {
		e, err := i.named(r, k)
		if err != nil || e.Boundary == "" {
			return map[string][]string{} // Serve says what is wrong
		}
		return map[string][]string{boundaryKey: {e.Boundary}}
	}
}

// checkBoundary wants the policy to exist, where there is one.
func checkBoundary(tx *state.Tx, arn string) error {
	if arn == "" {
		return nil
	}
	_, err := account.FindPolicy(tx, arn)
	return err
}

func (i *IAM) putBoundary(k account.Kind) func(http.ResponseWriter, *gateway.Request) error {
	return func(w http.ResponseWriter, r *gateway.Request) error {
		arn, err := required(r, "PermissionsBoundary")
		if err != nil {
			return err
		}
		err = i.change(r, k, func(tx *state.Tx, e *account.Entity) error {
			e.Boundary = arn
			return checkBoundary(tx, arn)
		})
		if err != nil {
			return err
		}
		return done(w, r)
	}
}

func (i *IAM) deleteBoundary(k account.Kind) func(http.ResponseWriter, *gateway.Request) error {
	return func(w http.ResponseWriter, r *gateway.Request) error {
		err := i.change(r, k, func(_ *state.Tx, e *account.Entity) error {
			if e.Boundary == "" {
				return account.NoSuchEntity("The %s with name %s has no permissions boundary.", k.Word, e.Name)
			}
			e.Boundary = ""
			return nil
		})
		if err != nil {
			return err
		}
		return done(w, r)
	}
}
