// Package local runs the whole product on one machine without AWS: the local
// cloud with a Prometheus workspace in it, a node exporter and a head agent as
// the processes they are on a cluster. Everything but the starting of processes
// goes the way it goes on AWS: through the SDK to an endpoint.
package local

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/parascope/parascope/internal/awsconf"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/listen"
	"github.com/parascope/parascope/localaws"
)

// Options say where things listen and where they keep their data.
type Options struct {
	DataDir        string // everything that must survive: state, samples, keys, logs of the two daemons
	CloudAddress   string // host:port of the local cloud
	NodeAddress    string // host:port of the node exporter
	HeadAddress    string // host:port of the head agent
	IMDSAddress    string // host:port of the instance metadata service; empty: none, the head has keys in a file
	Region         string // region of the workspace
	NoStack        bool   // make a workspace by itself instead of the stack
	Alias          string // NoStack: alias of that workspace
	IdentityCenter string // organization (the default), account or none; only with the first has the stack a Grafana
	AuditFile      string // where every permission that is asked for is written; "": nowhere
	Interval       time.Duration
	Patience       int    // multiplies the limits of the start and the stop, for machines that are busy; below 2: once
	Demo           bool   // a made-up cluster beside this machine
	DemoNodes      int    // machines that it has, 12 or more
	NodeProgram    string // path of parascope-node
	HeadProgram    string // path of parascope-head
	Cloud          localaws.Options
	Logger         *slog.Logger

	metadataURL string // known when the cloud runs
	demo        *demo  // nil without one
}

// regionShape is the shape of all regions' names, those to come included.
var regionShape = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]$`)

// Validate returns what is wrong with the options.
func (o Options) Validate() error {
	switch {
	case o.DataDir == "":
		return hint.New(hint.Usage, errors.New("no data directory"), "give --data DIR")
	case o.Interval < time.Second:
		return hint.New(hint.Usage, fmt.Errorf("scrape interval %s is shorter than a second", o.Interval), "give --scrape-interval 15s")
	case o.IMDSAddress != "" && o.Cloud.IMDS.CredentialLifetime < time.Second:
		return hint.New(hint.Usage, fmt.Errorf("credential lifetime %s is shorter than a second", o.Cloud.IMDS.CredentialLifetime),
			"give --imds-credential-lifetime 30s")
	}
	if !slices.Contains([]string{"", "organization", "account", "none"}, o.IdentityCenter) {
		return hint.New(hint.Usage, fmt.Errorf("%q is not a kind of Identity Center", o.IdentityCenter),
			"give --identity-center organization, account or none")
	}
	if o.Demo && (o.DemoNodes < demoNodes || o.DemoNodes > 1000) {
		return hint.New(hint.Usage, fmt.Errorf("a made-up cluster cannot have %d nodes", o.DemoNodes), "give --demo-nodes 12, or up to 1000")
	}
	if _, err := localaws.ReadPeople(o.Cloud.People.Seed); err != nil {
		return hint.New(hint.BadInput, err, "'parascope local --help' shows an example of a file for --people")
	}
	if !regionShape.MatchString(o.Region) {
		return hint.New(hint.Usage, fmt.Errorf("%q is not an AWS region", o.Region), "give --region us-east-2, or the name of another region")
	}
	for _, limit := range []struct {
		flag string
		n    int
	}{
		{"--amp-ingestion-rate", o.Cloud.AMP.Limits.IngestionRate},
		{"--amp-active-series", o.Cloud.AMP.Limits.ActiveSeries},
	} {
		if limit.n < 0 {
			return hint.New(hint.Usage, fmt.Errorf("%s is %d but must not be negative", limit.flag, limit.n), "give a number above 0, or "+
				"0 for AWS's default quota")
		}
	}
	return nil
}

// stopTimeout bounds the whole shutdown: Ctrl-C gives the terminal back within 5 s.
const stopTimeout = 4500 * time.Millisecond

// patient is a limit of the start or the stop.
func (o Options) patient(limit time.Duration) time.Duration {
	return limit * time.Duration(max(1, o.Patience))
}

// Run starts everything, reports each step, and returns when ctx ends and all
// of it has stopped, or when the start fails.
func Run(ctx context.Context, o Options, report func(Event)) (err error) {
	if err := o.Validate(); err != nil {
		return err
	}
	if err := os.MkdirAll(o.DataDir, 0o700); err != nil {
		return hint.New(hint.BadInput, fmt.Errorf("could not create data directory: %w", err),
			"give --data a directory that this user may write to")
	}
	if err := o.reserveAddresses(ctx); err != nil {
		return err
	}
	var stops stopList
	if o.AuditFile != "" {
		audit, err := openAudit(o.AuditFile)
		if err != nil {
			return err
		}
		o.Cloud.Audit = audit.note
		stops.add("audit", audit.close)
	}
	ctx, endWatches := context.WithCancel(ctx) // what is stopped here did not end by itself
	defer func() {
		endWatches()
		stopCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), o.patient(stopTimeout))
		defer cancel()
		err = errors.Join(err, stops.run(stopCtx))
	}()

	o.Cloud.ID = rand.Text()
	cloud, err := startCloud(ctx, o)
	if err != nil {
		return err
	}
	stops.add("local cloud", cloud.Stop)
	report(Event{Kind: Started, What: "cloud", Address: cloud.URL(), Detail: "AWS APIs, region " + o.Region})
	if o.metadataURL = cloud.MetadataURL(); o.metadataURL != "" {
		report(Event{Kind: Started, What: "imds", Address: o.metadataURL, Detail: "credentials of " + headRole().ARN()})
	}

	cfg, err := o.credentials(ctx, Operator, cloud.URL())
	if err != nil {
		return err
	}
	endpoint, rest, err := o.workspace(ctx, cfg, cloud.URL(), report)
	if err != nil {
		return err
	}
	report(Event{Kind: Started, What: "workspace", Address: endpoint, Detail: path.Base(endpoint) + o.otherWorkspaces()})

	if o.Demo {
		if o.demo, err = startDemo(ctx, o, cfg, cloud, endpoint, report); err != nil {
			return err
		}
		stops.add("demo", o.demo.server.Shutdown)
	}
	for _, start := range []func(context.Context, Options, string, func(Event)) (*child, error){startNode, startHead} {
		c, err := start(ctx, o, endpoint, report)
		if c != nil {
			stops.add(c.name, c.stop) // even when it never became ready
		}
		if err != nil {
			return err
		}
	}
	if err := awaitSamples(ctx, cfg, endpoint, o); err != nil {
		return err
	}
	if err := rest(ctx); err != nil {
		return err
	}
	if err := writeMarker(o, cloud.URL()); err != nil {
		return err
	}
	stops.add("marker", func(context.Context) error { return removeMarker(o.DataDir) })
	report(Event{Kind: Ready, Detail: o.DataDir})
	<-ctx.Done()
	report(Event{Kind: Stopping})
	return nil
}

// otherWorkspaces says how the head comes to send to a workspace that a person makes
// beside the one of --no-stack; "" with a stack, which has the workspace.
func (o Options) otherWorkspaces() string {
	if !o.NoStack {
		return ""
	}
	return " (the head sends only to this workspace. To send to a stack that you create, stop 'parascope local' and start it with " +
		"the same --data and without --no-stack: the head then sends to the workspace of stack " + StackName + "; 'parascope query " +
		"--workspace " + StackName + "' queries that workspace)"
}

// workspace returns the endpoint of the workspace that the head sends to, and what
// is still to wait for: with a stack its Grafana, which takes longer.
func (o Options) workspace(ctx context.Context, operator aws.Config, cloudURL string, report func(Event)) (endpoint string,
	rest func(context.Context) error, err error) {
	if o.NoStack {
		endpoint, err = ensureWorkspace(ctx, operator, o.Alias)
		return endpoint, func(context.Context) error { return nil }, err
	}
	deployer, err := o.credentials(ctx, Deployer, cloudURL)
	if err != nil {
		return "", nil, err
	}
	stack := o.bringUp(ctx, deployer, report)
	endpoint, err = stack.awaitPrometheus(ctx)
	return endpoint, func(ctx context.Context) error { return stack.await(ctx, report) }, err
}

// credentials are those of one of the local cloud's users.
func (o Options) credentials(ctx context.Context, user, endpoint string) (aws.Config, error) {
	cfg, err := awsconf.Load(ctx, awsconf.Options{Region: o.Region, Profile: user, Files: sharedFiles(o.DataDir), Endpoint: endpoint})
	if err != nil {
		return aws.Config{}, fmt.Errorf("could not load the credentials of %s: %w", user, err)
	}
	return cfg, nil
}

// reserveAddresses finds a taken address before anything is started, and turns
// port 0 into a free port, since the daemons must be told a real one.
func (o *Options) reserveAddresses(ctx context.Context) error {
	addresses := []*string{&o.CloudAddress, &o.NodeAddress, &o.HeadAddress}
	if o.IMDSAddress != "" {
		addresses = append(addresses, &o.IMDSAddress)
	}
	for _, addr := range addresses {
		l, err := listen.TCP(ctx, *addr)
		if err != nil {
			return err
		}
		*addr = l.Addr().String()
		// Only closed when all are bound, or port 0 could give one twice.
		defer l.Close()
	}
	return nil
}

func startCloud(ctx context.Context, o Options) (*localaws.Cloud, error) {
	opts := o.Cloud
	opts.DataDir, opts.Listen, opts.Region, opts.Logger = o.DataDir, o.CloudAddress, o.Region, o.Logger.With("component", "cloud")
	opts.IMDS.Listen = o.IMDSAddress
	opts.People.Kind = localaws.IdentityCenter(o.IdentityCenter)
	opts.Users, opts.IMDS.Role = users(), headRole()
	opts.Grafana.Hints = hints()
	cloud, err := localaws.New(opts)
	if err != nil {
		return nil, explainHeld(err)
	}
	if err := cloud.Start(ctx); err != nil {
		return nil, listen.Explain(err, o.CloudAddress)
	}
	return cloud, nil
}

// explainHeld says what to do about what somebody else has: the data directory, or
// the address of a Grafana workspace in it.
func explainHeld(err error) error {
	if denied, ok := errors.AsType[*fs.PathError](err); ok && errors.Is(err, fs.ErrPermission) {
		return hint.New(hint.BadInput, denied, "give --data a directory that this user can write to")
	}
	if held, ok := errors.AsType[*localaws.HeldError](err); ok {
		return hint.New(hint.Busy, held,
			"use the running local cloud (parascope local env), stop it, or give --data another directory")
	}
	if a, ok := errors.AsType[*localaws.AddressError](err); ok {
		err := listen.Explain(a.Err, a.Address)
		return hint.New(hint.CodeOf(err), fmt.Errorf("could not open the Grafana of workspace %s at its previous address: %w", a.Workspace, err),
			"stop the process that uses the address and start the local cloud again, or give --data another directory; Grafana keeps its "+
				"address because the stack's outputs contain it")
	}
	return err
}

func sharedFiles(dir string) awsconf.Files {
	return awsconf.Files{
		Credentials: filepath.Join(dir, "aws", "credentials"),
		Config:      filepath.Join(dir, "aws", "config"),
	}
}

// stopList stops what was started, the last first.
type stopList struct{ steps []stopStep }

type stopStep struct {
	name string
	stop func(context.Context) error
}

func (l *stopList) add(name string, stop func(context.Context) error) {
	l.steps = append(l.steps, stopStep{name, stop})
}

func (l *stopList) run(ctx context.Context) error {
	var errs []error
	for i := len(l.steps) - 1; i >= 0; i-- {
		if err := l.steps[i].stop(ctx); err != nil {
			errs = append(errs, fmt.Errorf("could not stop %s: %w", l.steps[i].name, err))
		}
	}
	return errors.Join(errs...)
}
