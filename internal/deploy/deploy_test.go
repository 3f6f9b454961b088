package deploy

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/parascope/parascope/internal/artifact"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/localaws"
	"github.com/parascope/parascope/localaws/localtest"
	"github.com/parascope/parascope/localaws/localtest/check"
)

// cloud is a local cloud with the configuration of who may do everything.
type cloud struct {
	*localtest.Cloud
	cfg aws.Config
}

func start(t *testing.T, o localaws.Options) *cloud {
	t.Helper()
	c := &cloud{Cloud: localtest.Start(t, o)}
	c.cfg = c.Operator()
	return c
}

// session is that of a role, for the shortest time that AWS gives: 15 minutes.
func (c *cloud) session(t *testing.T) aws.Config {
	t.Helper()
	client := iam.NewFromConfig(c.cfg)
	role, err := client.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: aws.String("deploys"), AssumeRolePolicyDocument: aws.String(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"sts:AssumeRole"}]}`)})
	check.OK(t, err)
	_, err = client.AttachRolePolicy(t.Context(),
		&iam.AttachRolePolicyInput{RoleName: role.Role.RoleName, PolicyArn: aws.String("arn:aws:iam::aws:policy/AdministratorAccess")})
	check.OK(t, err)
	out, err := sts.NewFromConfig(c.cfg).AssumeRole(t.Context(),
		&sts.AssumeRoleInput{RoleArn: role.Role.Arn, RoleSessionName: aws.String("deployer"), DurationSeconds: aws.Int32(900)})
	check.OK(t, err)
	cfg := c.cfg.Copy()
	cfg.Credentials = credentials.NewStaticCredentialsProvider(*out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey,
		*out.Credentials.SessionToken)
	return cfg
}

var onlyPrometheus = map[string]string{"MonitoringType": "amp-only"}

func TestCredentialsThatExpireDuringTheWait(t *testing.T) {
	c := start(t, localaws.Options{AMP: localaws.AMP{CreateDelay: 20 * time.Minute}})
	o := UpOptions{Target: Target{StackName: "s"}, Parameters: onlyPrometheus}
	_, err := Up(t.Context(), c.session(t), o, func(e Event) {
		if e.Kind == Progress && e.Resource.LogicalID == "PrometheusWorkspace" && c.Clock.Ahead() == 0 {
			c.Clock.Set(16 * time.Minute)
		}
	})
	if hint.CodeOf(err) != hint.Denied || !strings.Contains(err.Error(),
		"the credentials expired during the wait; the operation continues in AWS") ||
		!strings.Contains(hint.Next(err), "'parascope up --stack s' resumes it") {
		t.Fatalf("%v; %s", err, hint.Next(err))
	}
	// With new ones it is picked up: the operation goes on, and is watched. (The clock
	// goes back, since this process' own cannot follow it, and signs.)
	c.Clock.Set(0)
	ctx, cancel := context.WithCancel(t.Context())
	watched := false
	_, err = Up(ctx, c.cfg, o, func(e Event) {
		if e.Kind == Progress && e.Resource.LogicalID == "PrometheusWorkspace" && e.Resource.Status == "CREATE_IN_PROGRESS" {
			watched = true
			cancel()
		}
	})
	if !watched || !errors.Is(err, context.Canceled) || !strings.Contains(hint.Next(err), "'parascope up --stack s' resumes it") {
		t.Errorf("watched %v, %v", watched, err)
	}
}

// TestASignOnThatEndsDuringTheWait: the SDK asks for new credentials and gets none.
func TestASignOnThatEndsDuringTheWait(t *testing.T) {
	c := start(t, localaws.Options{AMP: localaws.AMP{CreateDelay: time.Hour}})
	var over atomic.Bool
	cfg := c.cfg.Copy()
	cfg.Credentials = aws.NewCredentialsCache(aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
		if over.Load() {
			return aws.Credentials{}, errors.New("the SSO session has expired or is invalid")
		}
		v, err := c.cfg.Credentials.Retrieve(ctx)
		v.CanExpire, v.Expires = true, time.Now() // each call asks anew
		return v, err
	}))
	_, err := Up(t.Context(), cfg, UpOptions{Target: Target{StackName: "s"}, Parameters: onlyPrometheus}, func(e Event) {
		if e.Kind == Progress && e.Resource.LogicalID == "PrometheusWorkspace" {
			over.Store(true)
		}
	})
	if hint.CodeOf(err) != hint.Denied || !strings.Contains(err.Error(), "the credentials expired during the wait") ||
		!strings.Contains(err.Error(), "SSO session") {
		t.Errorf("%v; %s", err, hint.Next(err))
	}
}

// TestUpKeepsWhatTheStackHas: a parameter that is not named keeps its value, and the
// cost and the steps are those of the stack as it is.
func TestUpKeepsWhatTheStackHas(t *testing.T) {
	c := start(t, localaws.Options{People: localaws.People{Kind: "none"}})
	o := UpOptions{Target: Target{StackName: "s"}, Parameters: map[string]string{"MonitoringType": "none", "VPCName": "mine"}}
	if _, err := Up(t.Context(), c.cfg, o, func(Event) {}); err != nil {
		t.Fatal(err)
	}
	o.Parameters = nil
	result, err := Up(t.Context(), c.cfg, o, func(e Event) {
		if e.Kind == Planned {
			t.Errorf("changes are planned: %+v", e.Changes)
		}
	})
	if err != nil || result.Changed {
		t.Errorf("%+v, %v", result, err)
	}
	for _, line := range result.Cost.Lines {
		if strings.Contains(line.What, "Grafana") {
			t.Errorf("a stack without Grafana is said to cost %+v", line)
		}
	}
}

func TestIdentityCenterElsewhereIsAWarning(t *testing.T) {
	c := start(t, localaws.Options{People: localaws.People{Region: "eu-west-1"}})
	warned := false
	ctx, cancel := context.WithCancel(t.Context())
	_, err := Up(ctx, c.cfg, UpOptions{Target: Target{StackName: "s"}, Package: artifact.PackageOptions{Architecture: needFunction(t)}},
		func(e Event) {
			warned = warned || e.Kind == Warning && strings.Contains(e.Text, "Identity Center is in eu-west-1, the stack in us-east-2")
			if e.Kind == Started && e.Step == "settle" {
				cancel() // what comes needs the setup function
			}
		})
	if err == nil || !warned {
		t.Errorf("warned %v, %v", warned, err)
	}
}

// TestDownLooksForAllThatIsBilled: each with its own service.
func TestDownLooksForAllThatIsBilled(t *testing.T) {
	c := start(t, localaws.Options{})
	if _, err := Up(t.Context(), c.cfg, UpOptions{Target: Target{StackName: "s"}, Parameters: onlyPrometheus}, func(Event) {}); err != nil {
		t.Fatal(err)
	}
	result, err := Down(t.Context(), c.cfg, DownOptions{Target: Target{StackName: "s"}}, func(Event) {})
	if err != nil {
		t.Fatal(err)
	}
	looked := map[string]bool{}
	for _, g := range result.Gone {
		looked[g.Type] = true
	}
	for _, billed := range []string{"AWS::APS::Workspace", "AWS::EC2::NatGateway", "AWS::EC2::EIP"} {
		if !looked[billed] {
			t.Errorf("nobody looked for %s: %+v", billed, result.Gone)
		}
	}
}
