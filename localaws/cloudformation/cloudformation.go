// Package cloudformation is the local AWS CloudFormation: the API, over package
// template, which reads templates, package catalog, which knows the resource types,
// and package stack, which runs the operations.
package cloudformation

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/parascope/parascope/localaws/cloudformation/catalog"
	"github.com/parascope/parascope/localaws/cloudformation/deployment"
	"github.com/parascope/parascope/localaws/cloudformation/resource"
	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/principal"
	"github.com/parascope/parascope/localaws/sigv4"
	"github.com/parascope/parascope/localaws/state"
)

// serviceName is CloudFormation as a principal of policies.
const serviceName = "cloudformation.amazonaws.com"

// DefaultPoll is how often a resource that takes time is looked at when Options do
// not say.
const DefaultPoll = 200 * time.Millisecond

// Options are what the service is made of; all but Poll are needed.
type Options struct {
	State   *state.DB
	Now     func() time.Time
	NewID   func() string // UUIDs
	Logger  *slog.Logger
	Call    gateway.Caller
	BaseURL func() string // scheme and host of the cloud, for the URLs that custom resources answer to
	Poll    time.Duration
	// AssumeForService gives the rights of a stack's role (RoleARN).
	AssumeForService func(roleARN, service, session string, keys map[string][]string, lifetime time.Duration) (principal.AccessKey, error)
	// ServiceKey is the key that CloudFormation presigns URLs with.
	ServiceKey func(service string) (principal.AccessKey, error)
	// Object reads what was put to such a URL.
	Object func(bucket, key string) ([]byte, bool, error)
}

// CloudFormation is the service.
type CloudFormation struct {
	o        Options
	engine   *deployment.Engine
	changing sync.Mutex // one change of the stacks is decided at a time
}

// New makes the service. Operations run between Start and the end of its context.
func New(o Options) *CloudFormation {
	if o.Poll == 0 {
		o.Poll = DefaultPoll
	}
	c := &CloudFormation{o: o}
	c.engine = deployment.New(deployment.Options{State: o.State, Logger: o.Logger, Lookup: catalog.Lookup, Cloud: c.cloud()})
	return c
}

func (c *CloudFormation) cloud() resource.Cloud {
	return resource.Cloud{
		Call: c.o.Call, Now: c.o.Now, NewID: c.o.NewID, Poll: c.o.Poll, ResponseURL: c.responseURL,
		Response: func(region, key string) ([]byte, bool, error) { return c.o.Object(responseBucket(region), key) },
	}
}

// Start takes up the operations that a stop of the process interrupted, and lets
// new ones begin. The end of ctx stops them where they are; Wait returns when they
// have. The cloud must be able to answer calls.
func (c *CloudFormation) Start(ctx context.Context) error { return c.engine.Start(ctx) }

// Wait returns when no operation runs.
func (c *CloudFormation) Wait() { c.engine.Wait() }

// responseBucket is CloudFormation's own bucket for the answers of custom resources.
func responseBucket(region string) string {
	return "cloudformation-custom-resource-response-" + strings.ReplaceAll(region, "-", "")
}

func (c *CloudFormation) responseURL(region, key string, lifetime time.Duration) (string, error) {
	signer, err := c.o.ServiceKey(serviceName)
	if err != nil {
		return "", err
	}
	address := c.o.BaseURL() + "/" + responseBucket(region) + "/" + sigv4.EscapePath(key)
	return sigv4.Presign(http.MethodPut, address, signer, "s3", region, c.o.Now(), lifetime)
}

// actor is who a stack's resources are made as: the role that it was given, or the
// caller.
func (c *CloudFormation) actor(caller principal.Principal, stackID, roleARN string) (principal.Principal, error) {
	if roleARN == "" {
		return caller, nil
	}
	keys := map[string][]string{"aws:SourceAccount": {caller.Account}, "aws:SourceArn": {stackID}}
	key, err := c.o.AssumeForService(roleARN, serviceName, "AWSCloudFormation", keys, 12*time.Hour)
	if err != nil {
		return principal.Principal{}, invalid("Role %s is invalid or cannot be assumed", roleARN)
	}
	return key.Principal, nil
}
