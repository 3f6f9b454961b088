// Package localaws is the local cloud: the AWS APIs that parascope uses, on one
// address of this machine, with real data behind them. Any AWS client is served
// that is given the address as its endpoint and one of the access keys from the
// data directory. It is written from AWS's documentation and shares no code with
// the product; docs/local-cloud.md lists what it does and how that is known.
package localaws

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"github.com/google/uuid"

	"github.com/parascope/parascope/internal/localaws/amp"
	"github.com/parascope/parascope/internal/localaws/amp/dataplane"
	"github.com/parascope/parascope/internal/localaws/gateway"
	"github.com/parascope/parascope/internal/localaws/lambda"
	"github.com/parascope/parascope/internal/localaws/logs"
	"github.com/parascope/parascope/internal/localaws/principal"
	"github.com/parascope/parascope/internal/localaws/s3"
	"github.com/parascope/parascope/internal/localaws/state"
)

// HeldError says that another process, named by its pid, has the data directory open.
type HeldError = state.HeldError

// Options configure a cloud. Only DataDir is needed.
type Options struct {
	DataDir string           // state, samples and access keys
	Listen  string           // host:port; default 127.0.0.1:9280
	Region  string           // default region of the profiles in DataDir/aws/config; default us-east-2
	Roles   []string         // ARNs of roles that AssumeRole accepts
	AMP     AMP              // behaviour of Amazon Managed Service for Prometheus
	Now     func() time.Time // clock; default time.Now
	NewID   func() string    // request and resource ids; default random UUIDs
	Logger  *slog.Logger     // default: discards
}

// AMP configures the Prometheus service.
type AMP struct {
	Limits      dataplane.Limits // quotas; AWS's where zero
	CreateDelay time.Duration    // how long a workspace stays CREATING
	DeleteDelay time.Duration    // how long it stays DELETING
}

// Cloud is a local cloud. Its data directory is held from New to Stop.
type Cloud struct {
	opts     Options
	state    *state.DB
	amp      *amp.AMP
	lambda   *lambda.Lambda
	server   *http.Server
	listener net.Listener
	serving  chan error
}

// New opens the data directory, which it creates when needed, and writes the
// access keys of the profiles "operator" and "head" to its folder aws, in the
// format of AWS's shared files. A *HeldError means that another cloud has it.
func New(opts Options) (*Cloud, error) {
	opts = opts.withDefaults()
	db, err := state.Open(opts.DataDir)
	if err != nil {
		return nil, err
	}
	c := &Cloud{opts: opts, state: db, serving: make(chan error, 1)}
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

// open puts the services together on the open state.
func (c *Cloud) open() error {
	principals, err := c.seed()
	if err != nil {
		return err
	}
	c.amp, err = amp.New(amp.Options{
		State: c.state, Dir: filepath.Join(c.opts.DataDir, "amp"), BaseURL: c.URL,
		Now: c.opts.Now, NewID: c.opts.NewID, Logger: c.opts.Logger,
		CreateDelay: c.opts.AMP.CreateDelay, DeleteDelay: c.opts.AMP.DeleteDelay, Limits: c.opts.AMP.Limits,
	})
	if err != nil {
		return err
	}
	objects, events, err := c.storage()
	if err != nil {
		return errors.Join(err, c.amp.Close())
	}
	var gw *gateway.Gateway
	c.lambda, err = lambda.New(lambda.Options{
		State: c.state, Dir: filepath.Join(c.opts.DataDir, "lambda"), BaseURL: c.URL,
		Now: c.opts.Now, NewID: c.opts.NewID, Logger: c.opts.Logger,
		Call: func(ctx context.Context, as principal.Principal, call gateway.Call) (gateway.Answer, error) {
			return gw.Call(ctx, as, call)
		},
		AssumeRole: c.assumeForLambda(principals), // until the account has trust policies
	})
	if err != nil {
		return errors.Join(err, c.amp.Close())
	}
	gw, err = gateway.New(gateway.Options{
		Services: services(principals, c.amp, objects, events, c.lambda), Lookup: principals.Lookup, Authorize: gateway.AllowAll, // until the account has policies
		Now: c.opts.Now, NewID: c.opts.NewID, Logger: c.opts.Logger,
	})
	if err != nil {
		return errors.Join(err, c.amp.Close())
	}
	c.server = &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == healthPath {
				writeHealth(w)
				return
			}
			gw.ServeHTTP(w, r)
		}),
		ReadHeaderTimeout: 10 * time.Second,
	}
	return nil
}

// storage opens the services that only keep things.
func (c *Cloud) storage() (*s3.S3, *logs.Logs, error) {
	objects, err := s3.New(s3.Options{
		State: c.state, Dir: filepath.Join(c.opts.DataDir, "s3"), Now: c.opts.Now, NewID: c.opts.NewID, Logger: c.opts.Logger,
	})
	if err != nil {
		return nil, nil, err
	}
	events, err := logs.New(logs.Options{State: c.state, Now: c.opts.Now, Logger: c.opts.Logger})
	return objects, events, err
}

// assumeForLambda gives a function the session of any role of the account.
func (c *Cloud) assumeForLambda(principals *principal.Store) func(string, string, string, map[string][]string, time.Duration) (principal.AccessKey, error) {
	return func(role, _, session string, _ map[string][]string, lifetime time.Duration) (principal.AccessKey, error) {
		key, found, err := principals.Assume(role, session, c.opts.Now().Add(lifetime))
		if err == nil && !found {
			err = &gateway.Error{Status: http.StatusForbidden, Code: "AccessDenied", Message: "no role " + role}
		}
		return key, err
	}
}

// healthPath is the one path that is not AWS's; it needs no signature.
const healthPath = "/_parascope/health"

func writeHealth(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	io.WriteString(w, `{"status":"ok"}`+"\n") // an error means that the client is gone
}

// seed makes the account's principals and hands out their keys.
func (c *Cloud) seed() (*principal.Store, error) {
	principals, err := principal.NewStore(c.state, c.opts.Now())
	if err != nil {
		return nil, err
	}
	for _, arn := range c.opts.Roles {
		if err := principals.AddRole(arn); err != nil {
			return nil, fmt.Errorf("add role %s: %w", arn, err)
		}
	}
	operator, err := principals.User("operator")
	if err != nil {
		return nil, err
	}
	head, err := principals.User("parascope-head")
	if err != nil {
		return nil, err
	}
	return principals, principal.WriteSharedFiles(filepath.Join(c.opts.DataDir, "aws"), c.opts.Region,
		[]principal.Profile{{Name: "operator", Key: operator}, {Name: "head", Key: head}})
}

// Start binds the address and serves until Stop.
func (c *Cloud) Start() error {
	listener, err := net.Listen("tcp", c.opts.Listen)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", c.opts.Listen, err)
	}
	c.listener = listener
	go func() { c.serving <- c.server.Serve(listener) }()
	return nil
}

// URL is the endpoint for AWS clients, http://host:port; known after Start.
func (c *Cloud) URL() string {
	if c.listener == nil {
		return "http://" + c.opts.Listen
	}
	return "http://" + c.listener.Addr().String()
}

// Stop lets running calls finish while ctx allows, and closes the data directory.
func (c *Cloud) Stop(ctx context.Context) error {
	var errs []error
	if c.listener != nil {
		if err := c.server.Shutdown(ctx); err != nil {
			errs = append(errs, fmt.Errorf("finish running calls: %w", err), c.server.Close())
		}
		if err := <-c.serving; !errors.Is(err, http.ErrServerClosed) {
			errs = append(errs, fmt.Errorf("serve: %w", err))
		}
	}
	errs = append(errs, c.lambda.Close(), c.amp.Close(), c.state.Close())
	return errors.Join(errs...)
}
