package cli_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/amp"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/grafana"
	"github.com/aws/aws-sdk-go-v2/service/grafana/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/rogpeppe/go-internal/testscript"

	ours "github.com/parascope/parascope/internal/amp"
	ourgrafana "github.com/parascope/parascope/internal/grafana"
)

// account has the script commands that are done to, or asked of, the account in the
// script's cloud, by somebody who may do everything.
type account struct{ ctx context.Context }

func (a account) operator(ts *testscript.TestScript) (context.Context, context.CancelFunc, aws.Config) {
	ctx, cancel := context.WithTimeout(a.ctx, 2*time.Minute)
	cfg, err := config.LoadDefaultConfig(ctx,
		config.WithRegion(ts.Getenv("AWS_REGION")), config.WithSharedConfigProfile("operator"),
		config.WithBaseEndpoint(ts.Getenv("AWS_ENDPOINT_URL")),
		config.WithSharedCredentialsFiles([]string{ts.Getenv("AWS_SHARED_CREDENTIALS_FILE")}),
		config.WithSharedConfigFiles([]string{ts.Getenv("AWS_CONFIG_FILE")}),
	)
	ts.Check(err)
	return ctx, cancel, cfg
}

// deny is the script command
//
//	[!] deny [ACTION ... | FILE.json]
//
// It takes the actions from the deployer, by a policy that denies them or that is
// in the file; with ! it gives back what was taken.
func (a account) deny(ts *testscript.TestScript, neg bool, args []string) {
	ctx, cancel, cfg := a.operator(ts)
	defer cancel()
	client, user, name := iam.NewFromConfig(cfg), aws.String("deployer"), aws.String("taken-away")
	if neg {
		_, err := client.DeleteUserPolicy(ctx, &iam.DeleteUserPolicyInput{UserName: user, PolicyName: name})
		ts.Check(err)
		return
	}
	document, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": []any{
		map[string]any{"Effect": "Deny", "Action": args, "Resource": "*"},
	}})
	ts.Check(err)
	if len(args) == 1 && strings.HasSuffix(args[0], ".json") {
		document = []byte(ts.ReadFile(args[0]))
	}
	_, err = client.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: user, PolicyName: name, PolicyDocument: aws.String(string(document))})
	ts.Check(err)
}

// sample is the script command
//
//	sample NAME LABEL=VALUE ...
//
// It writes a sample of a series, 1 at this moment, into the workspace of stack pcluster-infra.
func (a account) sample(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: sample NAME LABEL=VALUE ...")
	}
	ctx, cancel, cfg := a.operator(ts)
	defer cancel()
	stacks, err := cloudformation.NewFromConfig(cfg).DescribeStacks(ctx, &cloudformation.DescribeStacksInput{
		StackName: aws.String("pcluster-infra")})
	ts.Check(err)
	labels := map[string]string{"__name__": args[0]}
	for _, label := range args[1:] {
		name, value, _ := strings.Cut(label, "=")
		labels[name] = value
	}
	for _, o := range stacks.Stacks[0].Outputs {
		if aws.ToString(o.OutputKey) == "AMPPrometheusEndpoint" {
			ts.Check(ours.WriteSample(ctx, cfg, *o.OutputValue, labels, 1, time.Now()))
			return
		}
	}
	ts.Fatalf("stack pcluster-infra has no workspace")
}

// signIn is the script command
//
//	signin FILE
//
// It makes a service account of the Grafana workspace of stack pcluster-infra, an admin, and writes the address of
// Grafana and the account's token into the file. Debian's AWS CLI does not have that yet.
func (a account) signIn(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: signin FILE")
	}
	ctx, cancel, cfg := a.operator(ts)
	defer cancel()
	client := grafana.NewFromConfig(cfg)
	all, err := client.ListWorkspaces(ctx, &grafana.ListWorkspacesInput{})
	ts.Check(err)
	if len(all.Workspaces) != 1 {
		ts.Fatalf("there are %d Grafana workspaces", len(all.Workspaces))
	}
	id := all.Workspaces[0].Id
	made, err := client.CreateWorkspaceServiceAccount(ctx, &grafana.CreateWorkspaceServiceAccountInput{WorkspaceId: id,
		Name: aws.String("site"), GrafanaRole: types.RoleAdmin})
	ts.Check(err)
	token, err := client.CreateWorkspaceServiceAccountToken(ctx, &grafana.CreateWorkspaceServiceAccountTokenInput{WorkspaceId: id,
		ServiceAccountId: made.Id, Name: aws.String("site"), SecondsToLive: aws.Int32(86400)})
	ts.Check(err)
	address := ourgrafana.BaseURL(aws.ToString(all.Workspaces[0].Endpoint))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(address+" "+*token.ServiceAccountToken.Key), 0o600))
}

// nothingLeft is the script command
//
//	nothing left
//
// It asks each service, by the AWS SDK, for what a stack makes, and fails where it
// finds any of it.
func (a account) nothingLeft(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 || args[0] != "left" {
		ts.Fatalf("usage: nothing left")
	}
	ctx, cancel, cfg := a.operator(ts)
	defer cancel()
	var left []string
	note := func(what string, n int) {
		if n > 0 {
			left = append(left, fmt.Sprintf("%d %s", n, what))
		}
	}
	stacks, err := cloudformation.NewFromConfig(cfg).DescribeStacks(ctx, &cloudformation.DescribeStacksInput{})
	ts.Check(err)
	note("stacks", len(stacks.Stacks))
	dashboards, err := grafana.NewFromConfig(cfg).ListWorkspaces(ctx, &grafana.ListWorkspacesInput{})
	ts.Check(err)
	note("Grafana workspaces", len(dashboards.Workspaces))
	metrics, err := amp.NewFromConfig(cfg).ListWorkspaces(ctx, &amp.ListWorkspacesInput{})
	ts.Check(err)
	note("Prometheus workspaces", len(metrics.Workspaces)-1) // the cloud's own, of --no-stack
	network := ec2.NewFromConfig(cfg)
	nats, err := network.DescribeNatGateways(ctx, &ec2.DescribeNatGatewaysInput{})
	ts.Check(err)
	for _, n := range nats.NatGateways {
		if n.State != "deleted" { // they are listed for an hour
			note("NAT gateways", 1)
		}
	}
	addresses, err := network.DescribeAddresses(ctx, &ec2.DescribeAddressesInput{})
	ts.Check(err)
	note("addresses", len(addresses.Addresses))
	vpcs, err := network.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{})
	ts.Check(err)
	note("VPCs", len(vpcs.Vpcs))
	functions, err := lambda.NewFromConfig(cfg).ListFunctions(ctx, &lambda.ListFunctionsInput{})
	ts.Check(err)
	note("functions", len(functions.Functions))
	groups, err := cloudwatchlogs.NewFromConfig(cfg).DescribeLogGroups(ctx, &cloudwatchlogs.DescribeLogGroupsInput{})
	ts.Check(err)
	note("log groups", len(groups.LogGroups))
	buckets, err := s3.NewFromConfig(cfg).ListBuckets(ctx, &s3.ListBucketsInput{})
	ts.Check(err)
	note("buckets", len(buckets.Buckets))
	roles, err := iam.NewFromConfig(cfg).ListRoles(ctx, &iam.ListRolesInput{})
	ts.Check(err)
	for _, r := range roles.Roles {
		if strings.HasPrefix(aws.ToString(r.RoleName), "pcluster-infra") {
			note("roles", 1)
		}
	}
	if len(left) > 0 {
		ts.Fatalf("there are still: %s", strings.Join(left, ", "))
	}
}
