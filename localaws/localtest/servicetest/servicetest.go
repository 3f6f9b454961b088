// Package servicetest runs single services of the local cloud behind its gateway, for
// their own tests. Package localtest runs the whole cloud.
package servicetest

import (
	"context"
	"errors"
	"log/slog"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/google/uuid"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/iam/account"
	"github.com/parascope/parascope/localaws/localtest/check"
	"github.com/parascope/parascope/localaws/principal"
	"github.com/parascope/parascope/localaws/state"
)

// Base is what services are made of: an open data directory, access keys, a clock
// and a gateway.
type Base struct {
	Clock   Clock
	State   *state.DB
	Keys    *principal.Store
	Key     principal.AccessKey // that Config signs with; Account sets it
	Logger  *slog.Logger        // writes to the test's log
	Gateway *gateway.Gateway    // nil before Serve
	Stop    func()              // stops what Serve started and closes the directory; runs at the test's end at the latest

	t       testing.TB
	server  *httptest.Server
	closers []func() error // what Serve was given
}

// Open opens the data directory.
func Open(t testing.TB, dir string) *Base {
	t.Helper()
	db, err := state.Open(dir)
	check.OK(t, err)
	b := &Base{State: db, Logger: slog.New(slog.NewTextHandler(t.Output(), nil)), t: t}
	b.Stop = sync.OnceFunc(b.stop)
	t.Cleanup(b.Stop)
	b.Keys, err = principal.NewStore(db, time.Now())
	check.OK(t, err)
	return b
}

// Account makes the account's access with a user "operator", whose key Config signs with.
func (b *Base) Account() *account.Account {
	b.t.Helper()
	access, err := account.New(b.State, b.Keys, b.Clock.Now)
	check.OK(b.t, err)
	b.Key, err = access.EnsureUser("operator")
	check.OK(b.t, err)
	return access
}

// Serve starts a gateway. What o lacks is the Base's: its keys, clock and logger,
// random ids, and no policies, so that everybody may do everything. Stop calls the
// closers in their order after the last request.
func (b *Base) Serve(o gateway.Options, closers ...func() error) {
	b.t.Helper()
	if o.Lookup == nil {
		o.Lookup = b.Keys.Lookup
	}
	if o.Authorize == nil {
		o.Authorize = gateway.AllowAll
	}
	if o.Now == nil {
		o.Now = b.Clock.Now
	}
	if o.NewID == nil {
		o.NewID = uuid.NewString
	}
	if o.Logger == nil {
		o.Logger = b.Logger
	}
	b.closers = closers
	var err error
	b.Gateway, err = gateway.New(o)
	check.OK(b.t, err)
	b.server = httptest.NewServer(b.Gateway)
}

// URL is the gateway's address, http://host:port; empty before Serve.
func (b *Base) URL() string {
	if b.server == nil {
		return ""
	}
	return b.server.URL
}

// Call calls a service through the gateway, as services do.
func (b *Base) Call(ctx context.Context, as principal.Principal, what gateway.Call) (gateway.Answer, error) {
	return b.Gateway.Call(ctx, as, what)
}

// Config is the SDK's configuration for the region with Key. Nothing is retried.
func (b *Base) Config(region string) aws.Config { return b.As(b.Key, region) }

// As is Config with another key.
func (b *Base) As(key principal.AccessKey, region string) aws.Config {
	return aws.Config{
		Region: region, BaseEndpoint: aws.String(b.URL()), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(key.ID, key.Secret, key.SessionToken),
	}
}

func (b *Base) stop() {
	if b.server != nil {
		b.server.Close()
	}
	var errs []error
	for _, stop := range b.closers {
		errs = append(errs, stop())
	}
	if err := errors.Join(append(errs, b.State.Close())...); err != nil {
		b.t.Errorf("could not stop: %v", err)
	}
}
