package cloudformation_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/smithy-go"
	"github.com/google/uuid"

	"github.com/parascope/parascope/localaws/amp"
	"github.com/parascope/parascope/localaws/cloudformation"
	"github.com/parascope/parascope/localaws/ec2"
	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/grafana"
	"github.com/parascope/parascope/localaws/iam"
	"github.com/parascope/parascope/localaws/lambda"
	"github.com/parascope/parascope/localaws/localtest/check"
	"github.com/parascope/parascope/localaws/localtest/servicetest"
	"github.com/parascope/parascope/localaws/logs"
	"github.com/parascope/parascope/localaws/principal"
	"github.com/parascope/parascope/localaws/s3"
	notifications "github.com/parascope/parascope/localaws/sns"
	"github.com/parascope/parascope/localaws/sts"
)

// cloud is CloudFormation with the services that its resources are made in, and
// whatever else a test brings, behind the gateway. Its clock runs, and can be moved ahead.
type cloud struct {
	*sdk.Client
	*servicetest.Base // its Key is an administrator's
	iam               *iam.IAM
	stop              func()
}

// parts are what a test changes in a cloud.
type parts struct {
	dir       string
	delay     time.Duration                               // how long AMP workspaces take
	authorize func(gateway.Ask) (gateway.Decision, error) // instead of IAM
	lambda    *gateway.Service                            // instead of Lambda
}

const administrator = "arn:aws:iam::aws:policy/AdministratorAccess"

func start(t *testing.T, p parts) *cloud {
	t.Helper()
	if p.dir == "" {
		p.dir = t.TempDir()
	}
	c := &cloud{Base: servicetest.Open(t, p.dir)}
	now := c.Clock.Now
	c.iam = check.Must[*iam.IAM](t)(iam.New(iam.Options{State: c.State, Keys: c.Keys, Now: now, Logger: c.Logger}))
	c.Key = check.Must[principal.AccessKey](t)(c.iam.EnsureUser("operator", administrator))
	prometheus, err := amp.New(amp.Options{
		State: c.State, Dir: filepath.Join(p.dir, "amp"), BaseURL: c.URL, Now: now, NewID: uuid.NewString, Logger: c.Logger,
		CreateDelay: p.delay, DeleteDelay: p.delay,
	})
	check.OK(t, err)
	objects, err := s3.New(s3.Options{State: c.State, Dir: filepath.Join(p.dir, "s3"), Now: now, NewID: uuid.NewString, Logger: c.Logger})
	check.OK(t, err)
	groups, err := logs.New(logs.Options{State: c.State, Now: now, NewID: uuid.NewString, Logger: c.Logger})
	check.OK(t, err)
	network, err := ec2.New(ec2.Options{State: c.State, NewID: uuid.NewString})
	check.OK(t, err)
	functions, err := lambda.New(lambda.Options{
		State: c.State, Dir: filepath.Join(p.dir, "lambda"), BaseURL: c.URL, Call: c.Call, AssumeRole: c.iam.AssumeForService, Now: now,
		NewID: uuid.NewString, Logger: c.Logger,
	})
	check.OK(t, err)
	messages := notifications.New(notifications.Options{State: c.State, BaseURL: c.URL, Now: now, NewID: uuid.NewString, Logger: c.Logger})
	visual, err := grafana.New(grafana.Options{
		State: c.State, Now: now, NewID: uuid.NewString, Logger: c.Logger, CloudURL: c.URL, AssumeForService: c.iam.AssumeForService,
		OrganizationInstance: func() (bool, error) { return true, nil }, InDirectory: func(string, string) (bool, error) { return true, nil },
	})
	check.OK(t, err)
	service := cloudformation.New(cloudformation.Options{
		State: c.State, Now: now, NewID: uuid.NewString, Logger: c.Logger, BaseURL: c.URL, Poll: 5 * time.Millisecond, Call: c.Call,
		ServiceKey: c.Keys.ServiceKey, Object: objects.Object, AssumeForService: c.iam.AssumeForService,
	})
	third := functions.Service()
	if p.lambda != nil {
		third = *p.lambda
	}
	if p.authorize == nil {
		p.authorize = c.iam.Authorize
	}
	c.Serve(gateway.Options{Authorize: p.authorize, Services: slices.Concat([]gateway.Service{service.Service(), objects.Service(),
		groups.Service(), network.Service(), c.iam.Service(), sts.Service(c.iam.Account), visual.Service(), messages.Service(), third},
		prometheus.Services()),
	}, functions.Close, visual.Close, prometheus.Close, messages.Close)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	check.OK(t, service.Start(ctx))
	c.stop = sync.OnceFunc(func() {
		cancel()
		service.Wait()
		c.Stop()
	})
	t.Cleanup(c.stop)
	// Under load a connection is now and then closed in the middle of a long list of
	// events; the SDK takes that for a reset and reads again.
	c.Client = sdk.NewFromConfig(c.Config("us-east-2"), func(o *sdk.Options) { o.RetryMaxAttempts = 3 })
	return c
}

// create starts a stack called s.
func (c *cloud) create(t *testing.T, template string, change func(*sdk.CreateStackInput)) string {
	t.Helper()
	in := &sdk.CreateStackInput{StackName: aws.String("s"), TemplateBody: &template}
	if change != nil {
		change(in)
	}
	out, err := c.CreateStack(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return *out.StackId
}

// settle waits until no operation runs on the stack, and returns it.
func (c *cloud) settle(t *testing.T, id string) types.Stack {
	t.Helper()
	deadline := time.After(2 * time.Minute)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		out, err := c.DescribeStacks(t.Context(), &sdk.DescribeStacksInput{StackName: &id})
		if err != nil {
			t.Fatal(err)
		}
		if s := out.Stacks[0]; !strings.HasSuffix(string(s.StackStatus), "_IN_PROGRESS") || s.StackStatus == "REVIEW_IN_PROGRESS" {
			return s
		}
		select {
		case <-deadline:
			t.Fatalf("stack is still %s", out.Stacks[0].StackStatus)
		case <-tick.C:
		}
	}
}

// want waits for the stack to settle in this status.
func (c *cloud) want(t *testing.T, id, status string) types.Stack {
	t.Helper()
	s := c.settle(t, id)
	if string(s.StackStatus) != status {
		t.Fatalf("stack is %s (%s), not %s; events:\n%s", s.StackStatus, aws.ToString(s.StackStatusReason), status,
			strings.Join(c.history(t, id), "\n"))
	}
	return s
}

// history is the stack's events, oldest first: logical id, status and reason.
func (c *cloud) history(t *testing.T, id string) []string {
	t.Helper()
	var lines []string
	pages := sdk.NewDescribeStackEventsPaginator(c.Client, &sdk.DescribeStackEventsInput{StackName: &id})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.StackEvents {
			lines = append(lines, strings.TrimSpace(*e.LogicalResourceId+" "+string(e.ResourceStatus)+" "+aws.ToString(e.ResourceStatusReason)))
		}
	}
	slices.Reverse(lines)
	return lines
}

// happened waits until an event of the stack says this, and returns its history.
func (c *cloud) happened(t *testing.T, id, says string) string {
	t.Helper()
	deadline := time.After(2 * time.Minute)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		history := strings.Join(c.history(t, id), "\n")
		if strings.Contains(history, says) {
			return history
		}
		select {
		case <-deadline:
			t.Fatalf("no %q in\n%s", says, history)
		case <-tick.C:
		}
	}
}

func output(s types.Stack, key string) string {
	for _, o := range s.Outputs {
		if *o.OutputKey == key {
			return *o.OutputValue
		}
	}
	return ""
}

// isError reports whether err is AWS's error of this code with this in its text.
func isError(err error, code, says string) bool {
	api, ok := errors.AsType[smithy.APIError](err)
	return ok && api.ErrorCode() == code && strings.Contains(api.ErrorMessage(), says)
}
