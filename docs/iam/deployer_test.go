package iam_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/grafana"
	grafanatypes "github.com/aws/aws-sdk-go-v2/service/grafana/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"github.com/parascope/parascope"
)

// IAM counts a managed policy's characters without its white space.
func TestTheDeployersPoliciesFit(t *testing.T) {
	const most = 6144
	for name, text := range map[string]string{"deployer-policy": parascope.DeployerPolicy, "deployer-alerts": parascope.DeployerAlertsPolicy} {
		if n := len(strings.Join(strings.Fields(text), "")); n > most {
			t.Errorf("%s has %d characters, a managed policy at most %d", name, n, most)
		}
	}
}

// TestWhatTheDeployerMayNot stands at the fences: other names, other services,
// other people's policies.
func TestWhatTheDeployerMayNot(t *testing.T) {
	c := startCloud(t)
	ctx, cfg := t.Context(), c.As(deployer)
	roles, stacks := iam.NewFromConfig(cfg), cloudformation.NewFromConfig(cfg)
	trust := aws.String(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"cloudformation.amazonaws.com"},"Action":"sts:AssumeRole"}]}`)
	mine, err := roles.CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String(stackName + "-role"), AssumeRolePolicyDocument: trust})
	if err != nil {
		t.Fatal(err)
	}
	empty := aws.String("Resources: {H: {Type: AWS::CloudFormation::WaitConditionHandle}}")
	for name, try := range map[string]func() error{
		"iam:CreateRole with another name": func() error {
			_, err := roles.CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String("another"), AssumeRolePolicyDocument: trust})
			return err
		},
		"iam:AttachRolePolicy of AWS's": func() error {
			_, err := roles.AttachRolePolicy(ctx,
				&iam.AttachRolePolicyInput{RoleName: mine.Role.RoleName, PolicyArn: aws.String("arn:aws:iam::aws:policy/AdministratorAccess")})
			return err
		},
		"iam:CreateUser": func() error {
			_, err := roles.CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String(stackName + "-user")})
			return err
		},
		"iam:SimulatePrincipalPolicy of another user": func() error {
			_, err := roles.SimulatePrincipalPolicy(ctx,
				&iam.SimulatePrincipalPolicyInput{PolicySourceArn: aws.String("arn:aws:iam::111122223333:user/operator"),
					ActionNames: []string{"s3:GetObject"}})
			return err
		},
		"iam:PassRole to another service": func() error {
			_, err := stacks.CreateStack(ctx, &cloudformation.CreateStackInput{StackName: aws.String(stackName), TemplateBody: empty,
				RoleARN: mine.Role.Arn})
			return err
		},
		"iam:PassRole of another role": func() error {
			_, err := lambda.NewFromConfig(cfg).CreateFunction(ctx, &lambda.CreateFunctionInput{
				FunctionName: aws.String(stackName + "-grafana-datasource-setup"), Role: aws.String("arn:aws:iam::111122223333:role/administrator"),
				Runtime: lambdatypes.RuntimeProvidedal2023, Handler: aws.String("bootstrap"), Code: &lambdatypes.FunctionCode{ZipFile: []byte("x")}})
			return err
		},
		"cloudformation:CreateStack with another name": func() error {
			_, err := stacks.CreateStack(ctx, &cloudformation.CreateStackInput{StackName: aws.String("another"), TemplateBody: empty,
				Capabilities: []types.Capability{types.CapabilityCapabilityIam}})
			return err
		},
		"lambda:InvokeFunction of another": func() error {
			_, err := lambda.NewFromConfig(cfg).Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String("another")})
			return err
		},
		"s3:ListAllMyBuckets": func() error {
			_, err := s3.NewFromConfig(cfg).ListBuckets(ctx, nil)
			return err
		},
		"grafana:CreateWorkspaceServiceAccount": func() error {
			_, err := grafana.NewFromConfig(cfg).CreateWorkspaceServiceAccount(ctx, &grafana.CreateWorkspaceServiceAccountInput{
				WorkspaceId: aws.String("g-0123456789"), Name: aws.String("me"), GrafanaRole: grafanatypes.RoleAdmin})
			return err
		},
	} {
		action, _, _ := strings.Cut(name, " ")
		api, ok := errors.AsType[smithy.APIError](try())
		if !ok || !strings.HasPrefix(api.ErrorCode(), "AccessDenied") ||
			!strings.Contains(api.ErrorMessage(), "not authorized to perform: "+action) {
			t.Errorf("%s: %v", name, api)
		}
	}
}
