// Package iam is the local cloud's AWS Identity and Access Management: the API over
// package account, which decides what the gateway lets through.
package iam

import (
	"log/slog"
	"time"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/iam/account"
	"github.com/parascope/parascope/localaws/principal"
	"github.com/parascope/parascope/localaws/state"
)

// Options are what the service is made of; all are needed.
type Options struct {
	State  *state.DB
	Keys   *principal.Store
	Now    func() time.Time
	Logger *slog.Logger
}

// IAM is the service. What the other services ask of it is the Account's.
type IAM struct {
	*account.Account
	opts Options
}

// New opens the service on its state.
func New(o Options) (*IAM, error) {
	a, err := account.New(o.State, o.Keys, o.Now)
	if err != nil {
		return nil, err
	}
	return &IAM{a, o}, nil
}

func (i *IAM) update(f func(tx *state.Tx) error) error { return i.opts.State.Update(f) }

func (i *IAM) view(f func(tx *state.Tx) error) error { return i.opts.State.View(f) }

// Service is the API.
func (i *IAM) Service() gateway.Service {
	return gateway.Service{
		Name: "iam", Title: "AWS Identity and Access Management", SigningName: "iam", Version: "2010-05-08", Protocol: gateway.Query,
		Operations: gateway.RequireActions("iam", i.resources, append(i.operations(), notHere()...)), Rules: rules(),
	}
}
