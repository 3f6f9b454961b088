// Package localaws is the local cloud: some AWS APIs, on one address of
// this machine, with real data behind them. Any AWS client is served
// that is given the address as its endpoint and one of the access keys from the
// data directory. It is written from AWS's documentation and shares no code with
// its clients; docs/operations.md lists what it does and how that is known.
package localaws

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/google/uuid"

	"github.com/parascope/parascope/localaws/amp/dataplane"
	"github.com/parascope/parascope/localaws/cloudwatch"
	"github.com/parascope/parascope/localaws/faults"
	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/grafana"
	"github.com/parascope/parascope/localaws/identity"
	"github.com/parascope/parascope/localaws/state"
	"github.com/parascope/parascope/localaws/viewer"
)

// Ask and Decision are what an audit is told: what a principal wanted to do, and
// what the policies say of it.
type (
	Ask      = gateway.Ask
	Decision = gateway.Decision
)

// HeldError says that another process, named by its pid, has the data directory open.
type HeldError = state.HeldError

// Hints are what the local Grafana's pages advise.
type Hints = viewer.Hints

// AddressError says that the Grafana of a workspace cannot have its address again.
type AddressError = grafana.AddressError

// Options configure a cloud. Only DataDir is needed.
type Options struct {
	DataDir string  // state, samples and access keys
	ID      string  // of this run, told by the health answer: an address says little of who answers there
	Listen  string  // host:port; default 127.0.0.1:9280
	Region  string  // default region of the profiles in DataDir/aws/config; default us-east-2
	AMP     AMP     // behaviour of Amazon Managed Service for Prometheus
	Grafana Grafana // behaviour of Amazon Managed Grafana
	S3      S3      // behaviour of Amazon S3
	SNS     SNS     // behaviour of Amazon SNS
	People  People  // IAM Identity Center
	IMDS    IMDS    // instance metadata service; off unless it has an address
	Users   []User  // are made at the start; without one nobody has a key
	// Audit is called with each permission that a request needs, and the decision.
	Audit  func(gateway.Ask, gateway.Decision)
	Now    func() time.Time // clock; default time.Now
	NewID  func() string    // request and resource ids; default random UUIDs
	Logger *slog.Logger     // default: discards
}

// AMP configures the Prometheus service.
type AMP struct {
	Limits      dataplane.Limits // quotas; AWS's where zero
	CreateDelay time.Duration    // how long a workspace stays CREATING
	DeleteDelay time.Duration    // how long it stays DELETING
	// DocumentDelay is how long rule groups namespaces and alert manager definitions take to be in force.
	DocumentDelay time.Duration
	ManualRules   bool // rules are evaluated by Cloud.EvaluateRules only, not as time goes by
}

// Grafana configures the Grafana service.
type Grafana struct {
	CreateDelay time.Duration // how long a workspace stays CREATING
	// Faults are what goes wrong with new workspaces, by their name; "" is all others.
	Faults map[string]grafana.Fault
	Hints  Hints // of its pages
}

// S3 configures the object store.
type S3 struct {
	// Taken says which bucket names other accounts have; nil: those that begin with "taken-".
	Taken func(bucket string) bool
}

// SNS configures the notification service.
type SNS struct {
	Reach      func(netip.Addr) bool // which addresses HTTP deliveries may go to; nil: this machine's own
	RetryDelay time.Duration         // between the tries of a delivery; AWS's 20 s where zero
}

// People configures IAM Identity Center.
type People struct {
	Kind   IdentityCenter
	Seed   string // JSON file of users and groups; see package identity
	Region string // where the instance is; default Options.Region
}

// ReadPeople reads a seed file's e-mails, in its order; of the example people where
// file is empty.
func ReadPeople(file string) (emails []string, err error) { return identity.Emails(file) }

// IdentityCenter is what kind of instance the account has: "organization", which
// is the default, "account" or "none".
type IdentityCenter = identity.Kind

// IMDS configures the instance metadata service, which has a port of its own.
type IMDS struct {
	Listen             string        // host:port; empty: no such service
	Role               Role          // of the machine; made at the start where it has a name
	CredentialLifetime time.Duration // AWS's six hours where zero
}

// Cloud is a local cloud. Its data directory is held from New to Stop.
type Cloud struct {
	opts     Options
	state    *state.DB
	parts    parts
	faults   *faults.Table
	cloud    endpoint
	metadata endpoint           // without a server when it is off
	stopWork context.CancelFunc // ends what goes on between requests; nil before Start
}

// New opens the data directory, which it creates when needed, and writes the
// users' access keys to its folder aws, in the format of AWS's shared files. A *HeldError means that another cloud has it, an
// *AddressError that somebody else has the address of one of its workspaces.
func New(opts Options) (*Cloud, error) {
	opts = opts.withDefaults()
	if opts.IMDS.Listen != "" && opts.IMDS.Role.Name == "" {
		return nil, errors.New("the instance metadata service requires a role for its credentials; set IMDS.Role")
	}
	db, err := state.Open(opts.DataDir)
	if err != nil {
		return nil, err
	}
	c := &Cloud{opts: opts, state: db, faults: faults.New(opts.NewID)}
	if err := c.open(); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return c, nil
}

func (o Options) withDefaults() Options {
	if o.Listen == "" {
		o.Listen = "127.0.0.1:9280"
	}
	if o.Region == "" {
		o.Region = "us-east-2"
	}
	if o.S3.Taken == nil {
		o.S3.Taken = takenByOthers
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.NewID == nil {
		o.NewID = uuid.NewString
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	return o
}

// Paths of the local cloud's own, and how requests for faults are signed.
const (
	HealthPath        = "/_localaws/health" // needs no signature
	FaultsPath        = faults.Path
	FaultsSigningName = faults.SigningName
)

func (c *Cloud) writeHealth(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(struct { // an error means that the client is gone
		Status string `json:"status"`
		ID     string `json:"id,omitempty"`
	}{"ok", c.opts.ID})
}

// Start binds the addresses, serves until Stop, and takes up what a stop of the
// process cut off. Stacks and functions go on whoever asked for them and went away:
// of ctx only the values count.
func (c *Cloud) Start(ctx context.Context) error {
	err := c.cloud.start(c.opts.Listen)
	if err == nil && c.metadata.server != nil {
		err = c.metadata.start(c.opts.IMDS.Listen)
	}
	if err != nil {
		return err
	}
	ctx, c.stopWork = context.WithCancel(context.WithoutCancel(ctx))
	c.parts.amp.Start(ctx)
	return errors.Join(c.parts.lambda.Resume(ctx), c.parts.cloudformation.Start(ctx))
}

// URL is the endpoint for AWS clients, http://host:port; known after Start.
func (c *Cloud) URL() string { return c.cloud.url(c.opts.Listen) }

// BreakGrafana makes a Grafana workspace one that f happens to, from now on; with
// no fault it is repaired.
func (c *Cloud) BreakGrafana(workspaceID string, f grafana.Fault) error {
	return c.parts.grafana.Break(workspaceID, f)
}

// EvaluateRules evaluates the rules of all workspaces at the cloud's time.
func (c *Cloud) EvaluateRules(ctx context.Context) error { return c.parts.amp.EvaluateRules(ctx) }

// RecordMetrics stores values of CloudWatch's metrics that no client may put: those of AWS' own
// services.
func (c *Cloud) RecordMetrics(values []cloudwatch.Value) error {
	return c.parts.metrics.Record(c.opts.Region, values)
}

// MetadataURL is the instance metadata service's, for
// AWS_EC2_METADATA_SERVICE_ENDPOINT; empty when it is off.
func (c *Cloud) MetadataURL() string {
	if c.metadata.listener == nil {
		return ""
	}
	return c.metadata.url(c.opts.IMDS.Listen)
}

// Stop ends invocations of functions, lets other running calls finish while ctx allows, and
// closes the data directory.
func (c *Cloud) Stop(ctx context.Context) error {
	c.faults.Close() // a request that hangs must not keep the cloud from stopping
	if c.stopWork != nil {
		c.stopWork()
		c.parts.cloudformation.Wait()
	}
	// Before the server: an Invoke lasts as long as its function, which tries again and again to
	// reach a cloud that takes no new connections.
	err := c.parts.lambda.Close()
	return errors.Join(err, c.cloud.stop(ctx), c.metadata.stop(ctx), c.parts.close(), c.state.Close())
}
