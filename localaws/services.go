package localaws

import (
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"slices"
	"strings"

	"github.com/parascope/parascope/localaws/amp"
	"github.com/parascope/parascope/localaws/bounded"
	"github.com/parascope/parascope/localaws/cloudformation"
	"github.com/parascope/parascope/localaws/cloudwatch"
	"github.com/parascope/parascope/localaws/ec2"
	"github.com/parascope/parascope/localaws/faults"
	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/grafana"
	"github.com/parascope/parascope/localaws/hostcheck"
	"github.com/parascope/parascope/localaws/iam"
	"github.com/parascope/parascope/localaws/identity"
	"github.com/parascope/parascope/localaws/imds"
	"github.com/parascope/parascope/localaws/lambda"
	"github.com/parascope/parascope/localaws/logs"
	"github.com/parascope/parascope/localaws/organizations"
	"github.com/parascope/parascope/localaws/pricing"
	"github.com/parascope/parascope/localaws/principal"
	"github.com/parascope/parascope/localaws/s3"
	"github.com/parascope/parascope/localaws/sns"
	"github.com/parascope/parascope/localaws/sts"
	"github.com/parascope/parascope/localaws/viewer"
)

// parts are the services of a cloud.
type parts struct {
	iam            *iam.IAM
	amp            *amp.AMP
	grafana        *grafana.Grafana
	identity       *identity.Identity
	cloudformation *cloudformation.CloudFormation
	lambda         *lambda.Lambda
	logs           *logs.Logs
	s3             *s3.S3
	ec2            *ec2.EC2
	sns            *sns.SNS
	metrics        cloudwatch.Options
}

// services are all services of the cloud, in the order of their documentation.
func (p *parts) services(trouble *faults.Table) []gateway.Service {
	return append(trouble.Wrap(slices.Concat(
		[]gateway.Service{sts.Service(p.iam.Account), p.iam.Service(), p.cloudformation.Service()},
		p.amp.Services(),
		[]gateway.Service{p.grafana.Service()},
		p.identity.Services(),
		[]gateway.Service{organizations.Service(p.identity.InOrganization()), p.lambda.Service(), p.s3.Service(), p.logs.Service()},
		cloudwatch.Services(p.metrics),
		[]gateway.Service{p.ec2.Service(), pricing.Service(), p.sns.Service()},
	)), trouble.Service())
}

// close closes what holds files, processes and addresses.
func (p *parts) close() error {
	var errs []error
	if p.grafana != nil {
		errs = append(errs, p.grafana.Close())
	}
	if p.lambda != nil {
		errs = append(errs, p.lambda.Close())
	}
	if p.amp != nil {
		errs = append(errs, p.amp.Close())
	}
	if p.sns != nil {
		errs = append(errs, p.sns.Close())
	}
	return errors.Join(errs...)
}

// open puts the services together on the open state. Services call each other
// through the gateway, which is made of them: the caller they get is bound last.
func (c *Cloud) open() error {
	keys, err := principal.NewStore(c.state, c.opts.Now())
	if err != nil {
		return err
	}
	var gw *gateway.Gateway
	call := func(ctx context.Context, as principal.Principal, what gateway.Call) (gateway.Answer, error) {
		return gw.Call(ctx, as, what)
	}
	if err := c.openParts(keys, call); err != nil {
		return errors.Join(err, c.parts.close())
	}
	if gw, err = gateway.New(gateway.Options{
		Services: c.parts.services(c.faults), Lookup: keys.Lookup, Authorize: c.authorize,
		Now: c.opts.Now, NewID: c.opts.NewID, Logger: c.opts.Logger,
	}); err != nil {
		return errors.Join(err, c.parts.close())
	}
	c.cloud.server = bounded.Server(hostcheck.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == HealthPath {
			c.writeHealth(w)
			return
		}
		if sns.Unsigned(r) {
			c.parts.sns.ServeUnsigned(w, r)
			return
		}
		gw.ServeHTTP(w, r)
	}), hostOf(c.opts.Listen)))
	if c.opts.IMDS.Listen != "" {
		c.metadata.server = bounded.Server(hostcheck.Handler(imds.New(imds.Options{
			Credentials: c.machineCredentials, RoleARN: c.opts.IMDS.Role.ARN(), Region: c.opts.Region, Lifetime: c.opts.IMDS.CredentialLifetime,
			Now: c.opts.Now, Logger: c.opts.Logger,
		}), hostOf(c.opts.IMDS.Listen)))
	}
	return nil
}

// authorize asks IAM, and tells the audit.
func (c *Cloud) authorize(ask gateway.Ask) (gateway.Decision, error) {
	d, err := c.parts.iam.Authorize(ask)
	if err == nil && c.opts.Audit != nil {
		c.opts.Audit(ask, d)
	}
	return d, err
}

func (c *Cloud) openParts(keys *principal.Store, call gateway.Caller) (err error) {
	o, p := c.opts, &c.parts
	if p.iam, err = iam.New(iam.Options{State: c.state, Keys: keys, Now: o.Now, Logger: o.Logger}); err != nil {
		return err
	}
	if err = c.seed(); err != nil {
		return err
	}
	if p.amp, err = amp.New(amp.Options{
		State: c.state, Dir: filepath.Join(o.DataDir, "amp"), BaseURL: c.URL, Now: o.Now, NewID: o.NewID, Logger: o.Logger,
		CreateDelay: o.AMP.CreateDelay, DeleteDelay: o.AMP.DeleteDelay, DocumentDelay: o.AMP.DocumentDelay, Limits: o.AMP.Limits,
		Call: call, ManualRules: o.AMP.ManualRules,
	}); err != nil {
		return err
	}
	if p.identity, err = identity.New(identity.Options{
		State: c.state, Now: o.Now, NewID: o.NewID, Region: o.People.Region, Kind: o.People.Kind, Seed: o.People.Seed,
	}); err != nil {
		return err
	}
	if p.s3, err = s3.New(s3.Options{
		State: c.state, Dir: filepath.Join(o.DataDir, "s3"), Now: o.Now, NewID: o.NewID, Logger: o.Logger, Taken: o.S3.Taken,
	}); err != nil {
		return err
	}
	if p.logs, err = logs.New(logs.Options{State: c.state, Now: o.Now, NewID: o.NewID, Logger: o.Logger}); err != nil {
		return err
	}
	if err = cloudwatch.Forget(c.state, o.Now()); err != nil {
		return err
	}
	if p.ec2, err = ec2.New(ec2.Options{State: c.state, NewID: o.NewID}); err != nil {
		return err
	}
	p.sns = sns.New(sns.Options{
		State: c.state, BaseURL: c.URL, Now: o.Now, NewID: o.NewID, Logger: o.Logger, Reach: o.SNS.Reach, RetryDelay: o.SNS.RetryDelay,
	})
	p.metrics = cloudwatch.Options{State: c.state, Usage: p.amp.Usage, Topic: p.sns.Sums}
	if p.lambda, err = lambda.New(lambda.Options{
		State: c.state, Dir: filepath.Join(o.DataDir, "lambda"), BaseURL: c.URL, Call: call, AssumeRole: p.iam.AssumeForService,
		Now: o.Now, NewID: o.NewID, Logger: o.Logger,
	}); err != nil {
		return err
	}
	p.cloudformation = cloudformation.New(cloudformation.Options{
		State: c.state, Now: o.Now, NewID: o.NewID, Logger: o.Logger, Call: call, BaseURL: c.URL,
		AssumeForService: p.iam.AssumeForService, ServiceKey: keys.ServiceKey, Object: p.s3.Object,
	})
	return c.openGrafana()
}

// openGrafana puts Grafana and its pages together: the pages ask Grafana who may
// do what, and Grafana asks them who is signed in.
func (c *Cloud) openGrafana() error {
	o, p := c.opts, &c.parts
	pages, err := viewer.New(viewer.Options{
		Now: o.Now, Logger: o.Logger, Directory: p.identity, Hints: o.Grafana.Hints,
		Mailbox:     viewer.Mailbox{Mails: p.sns.Mails, Confirm: p.sns.Confirm},
		Permissions: func(workspaceID string) ([]grafana.Permission, error) { return p.grafana.Permissions(workspaceID) },
		Dashboard:   func(workspaceID, uid string) (bool, error) { return p.grafana.HasDashboard(workspaceID, uid) },
	})
	if err != nil {
		return err
	}
	p.grafana, err = grafana.New(grafana.Options{
		Session: pages.Session, Pages: pages.Pages,
		State: c.state, Now: o.Now, NewID: o.NewID, Logger: o.Logger, CloudURL: c.URL, AssumeForService: p.iam.AssumeForService,
		OrganizationInstance: func() (bool, error) { return p.identity.OrganizationInstance(), nil },
		InDirectory:          c.inDirectory, CreateDelay: o.Grafana.CreateDelay, Faults: o.Grafana.Faults,
	})
	return err
}

// takenByOthers says which bucket names other accounts have, so that what happens
// then can be tried.
func takenByOthers(bucket string) bool { return strings.HasPrefix(bucket, "taken-") }

// inDirectory reports whether Identity Center has the user or group.
func (c *Cloud) inDirectory(kind, id string) (bool, error) {
	if kind == "SSO_GROUP" {
		return c.parts.identity.KnowsGroup(id), nil
	}
	return c.parts.identity.KnowsUser(id), nil
}
