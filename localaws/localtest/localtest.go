// Package localtest runs the whole local cloud in a test, and gives AWS's SDK the
// shared files that the cloud writes, as a person's shell does.
package localtest

import (
	"context"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/parascope/parascope/localaws"
	"github.com/parascope/parascope/localaws/localtest/check"
	"github.com/parascope/parascope/localaws/localtest/servicetest"
)

// Cloud is a local cloud that runs until Stop, or the test's end.
type Cloud struct {
	*localaws.Cloud
	Dir   string             // its data directory
	Clock *servicetest.Clock // the cloud's, unless Options.Now was given
	Stop  func()             // a second call does nothing

	t    testing.TB
	opts localaws.Options
}

// Users that every cloud of a test has, beside those of its options, and their
// profiles: who may do everything, and who may send metrics and nothing else.
const (
	Operator = "operator"
	Sender   = "sender"
)

// Start starts a cloud with a directory of the test's own, on a free port and by
// Clock, where o does not say otherwise. It empties the AWS variables of whoever
// runs the test, which must not be a parallel one.
func Start(t testing.TB, o localaws.Options) *Cloud {
	t.Helper()
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION",
		"AWS_PROFILE"} {
		t.Setenv(name, "")
	}
	c := &Cloud{Clock: &servicetest.Clock{}, Stop: func() {}, t: t}
	if o.DataDir == "" {
		o.DataDir = t.TempDir()
	}
	if o.Listen == "" {
		o.Listen = "127.0.0.1:0"
	}
	if o.Now == nil {
		o.Now = c.Clock.Now
	}
	o.Users = append([]localaws.User{
		{Name: Operator, Managed: localaws.AdministratorAccess}, {Name: Sender, Managed: localaws.RemoteWriteAccess},
	}, o.Users...)
	c.Dir, c.opts = o.DataDir, o
	t.Cleanup(func() { c.Stop() })
	c.start()
	return c
}

func (c *Cloud) start() {
	c.t.Helper()
	var err error
	c.Cloud, err = localaws.New(c.opts)
	check.OK(c.t, err)
	c.Stop = sync.OnceFunc(c.stop)
	check.OK(c.t, c.Cloud.Start(c.t.Context()))
}

// Restart stops the cloud and starts it again on its directory and address.
func (c *Cloud) Restart() {
	c.t.Helper()
	c.opts.Listen = strings.TrimPrefix(c.URL(), "http://")
	c.Stop()
	c.start()
}

// stop gives requests that still run ten seconds. The test's context may be over.
func (c *Cloud) stop() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.t.Context()), 10*time.Second)
	defer cancel()
	if err := c.Cloud.Stop(ctx); err != nil {
		c.t.Errorf("could not stop the cloud: %v", err)
	}
}

// Operator is the SDK's configuration of the user who may do everything.
func (c *Cloud) Operator() aws.Config { return c.As(Operator) }

// As is the SDK's configuration of a profile: Operator, Sender, or a user's of the
// options. It retries as the SDK does without settings; a test that counts requests
// sets RetryMaxAttempts to 1. The options given come after its own.
func (c *Cloud) As(profile string, options ...func(*config.LoadOptions) error) aws.Config {
	c.t.Helper()
	keys := filepath.Join(c.Dir, "aws")
	cfg, err := config.LoadDefaultConfig(c.t.Context(), append([]func(*config.LoadOptions) error{
		config.WithSharedConfigProfile(profile), config.WithBaseEndpoint(c.URL()),
		config.WithSharedCredentialsFiles([]string{filepath.Join(keys, "credentials")}),
		config.WithSharedConfigFiles([]string{filepath.Join(keys, "config")}),
	}, options...)...)
	check.OK(c.t, err)
	return cfg
}
