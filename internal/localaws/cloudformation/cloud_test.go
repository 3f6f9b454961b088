package cloudformation_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/smithy-go"
	"github.com/google/uuid"

	"github.com/parascope/parascope/internal/localaws/amp"
	"github.com/parascope/parascope/internal/localaws/cloudformation"
	"github.com/parascope/parascope/internal/localaws/gateway"
	"github.com/parascope/parascope/internal/localaws/principal"
	"github.com/parascope/parascope/internal/localaws/state"
)

// cloud is CloudFormation with AMP and whatever else a test brings, behind the
// gateway. Its clock runs, and can be moved ahead.
type cloud struct {
	*sdk.Client
	url   string
	key   principal.AccessKey
	ahead atomic.Int64 // a time.Duration
	stop  func()
}

// parts are what a test puts into a cloud.
type parts struct {
	dir       string
	delay     time.Duration // how long AMP workspaces take
	authorize func(gateway.Ask) (gateway.Decision, error)
	services  []gateway.Service
	object    func(bucket, key string) ([]byte, bool, error)
	assume    func(roleARN, service, session string, keys map[string][]string, lifetime time.Duration) (principal.AccessKey, error)
}

func start(t *testing.T, p parts) *cloud {
	t.Helper()
	if p.dir == "" {
		p.dir = t.TempDir()
	}
	if p.authorize == nil {
		p.authorize = gateway.AllowAll
	}
	db, err := state.Open(p.dir)
	if err != nil {
		t.Fatal(err)
	}
	principals, err := principal.NewStore(db, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	c := &cloud{}
	if c.key, err = principals.User("operator"); err != nil {
		t.Fatal(err)
	}
	now := func() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }
	logger := slog.New(slog.NewTextHandler(t.Output(), nil))
	prometheus, err := amp.New(amp.Options{
		State: db, Dir: filepath.Join(p.dir, "amp"), BaseURL: func() string { return c.url }, Now: now, NewID: uuid.NewString, Logger: logger, CreateDelay: p.delay, DeleteDelay: p.delay,
	})
	if err != nil {
		t.Fatal(err)
	}
	var gw *gateway.Gateway
	service := cloudformation.New(cloudformation.Options{
		State: db, Now: now, NewID: uuid.NewString, Logger: logger, BaseURL: func() string { return c.url }, Poll: 5 * time.Millisecond,
		Call: func(ctx context.Context, as principal.Principal, call gateway.Call) (gateway.Answer, error) {
			return gw.Call(ctx, as, call)
		},
		ServiceKey:       func(string) (principal.AccessKey, error) { return c.key, nil },
		Object:           p.object,
		AssumeForService: p.assume,
	})
	services := slices.Concat([]gateway.Service{service.Service()}, prometheus.Services(), p.services)
	gw, err = gateway.New(gateway.Options{Services: services, Lookup: principals.Lookup, Authorize: p.authorize, Now: now, NewID: uuid.NewString, Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(gw)
	c.url = srv.URL
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	if err := service.Start(ctx); err != nil {
		t.Fatal(err)
	}
	stopped := false
	c.stop = func() {
		if stopped {
			return
		}
		stopped = true
		srv.Close()
		cancel()
		service.Wait()
		if err := errors.Join(prometheus.Close(), db.Close()); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(c.stop)
	c.Client = sdk.New(sdk.Options{
		Region: "us-east-2", BaseEndpoint: aws.String(c.url), RetryMaxAttempts: 1, Credentials: credentials.NewStaticCredentialsProvider(c.key.ID, c.key.Secret, ""),
	})
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
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		out, err := c.DescribeStacks(ctx, &sdk.DescribeStacksInput{StackName: &id})
		if err != nil {
			t.Fatal(err)
		}
		if s := out.Stacks[0]; !strings.HasSuffix(string(s.StackStatus), "_IN_PROGRESS") || s.StackStatus == "REVIEW_IN_PROGRESS" {
			return s
		}
		select {
		case <-ctx.Done():
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
		t.Fatalf("stack is %s (%s), not %s; events:\n%s", s.StackStatus, aws.ToString(s.StackStatusReason), status, strings.Join(c.history(t, id), "\n"))
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
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		history := strings.Join(c.history(t, id), "\n")
		if strings.Contains(history, says) {
			return history
		}
		select {
		case <-ctx.Done():
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
