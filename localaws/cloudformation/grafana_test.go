package cloudformation_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/parascope/parascope/localaws/localtest/check"
)

const visual = `
Parameters: {Version: {Type: String, Default: ''}, Name: {Type: String, Default: first}}
Conditions: {HasVersion: !Not [!Equals [!Ref Version, '']]}
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: {Version: 2012-10-17, Statement: [{Effect: Allow, Principal: {Service: grafana.amazonaws.com}, Action: 'sts:AssumeRole', Condition: {StringEquals: {'aws:SourceAccount': !Ref AWS::AccountId}}}]}
      ManagedPolicyArns: ['arn:aws:iam::aws:policy/service-role/AmazonGrafanaCloudWatchAccess']
  Workspace:
    Type: AWS::Grafana::Workspace
    Properties:
      Name: !Ref Name
      AccountAccessType: CURRENT_ACCOUNT
      AuthenticationProviders: [AWS_SSO]
      PermissionType: CUSTOMER_MANAGED
      RoleArn: !GetAtt Role.Arn
      DataSources: [PROMETHEUS, CLOUDWATCH]
      PluginAdminEnabled: true
      GrafanaVersion: !If [HasVersion, !Ref Version, !Ref AWS::NoValue]
      Tags: [{Key: Name, Value: !Ref Name}]
Outputs:
  Id: {Value: !Ref Workspace}
  Endpoint: {Value: !GetAtt Workspace.Endpoint}
  Version: {Value: !GetAtt Workspace.GrafanaVersion}
  Status: {Value: !GetAtt Workspace.Status}
`

func TestGrafanaWorkspace(t *testing.T) {
	c := start(t, parts{})
	iam := []types.Capability{types.CapabilityCapabilityIam}
	id := c.create(t, visual, func(in *sdk.CreateStackInput) {
		in.Parameters, in.Capabilities = []types.Parameter{parameter("Version", "10.4")}, iam
	})
	s := c.want(t, id, "CREATE_COMPLETE")
	if !strings.HasPrefix(output(s, "Id"), "g-") || output(s, "Version") != "10.4" || output(s, "Status") != "ACTIVE" ||
		output(s, "Endpoint") == "" {
		t.Errorf("outputs: %+v", s.Outputs)
	}
	_, err := c.UpdateStack(t.Context(), &sdk.UpdateStackInput{
		StackName: aws.String("s"), TemplateBody: aws.String(visual), Capabilities: iam,
		Parameters: []types.Parameter{parameter("Version", "12.4"), parameter("Name", "second")},
	})
	check.OK(t, err)
	if s = c.want(t, id, "UPDATE_COMPLETE"); output(s, "Version") != "12.4" {
		t.Errorf("outputs: %+v", s.Outputs)
	}
	_, err = c.DeleteStack(t.Context(), &sdk.DeleteStackInput{StackName: &id})
	check.OK(t, err)
	c.want(t, id, "DELETE_COMPLETE")
}
