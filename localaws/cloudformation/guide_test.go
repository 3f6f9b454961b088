package cloudformation_test

import (
	"archive/zip"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/parascope/parascope/localaws/localtest/check"
	"github.com/parascope/parascope/localaws/principal"
)

// connected is the shape of a stack that monitors: a workspace, policies, a role, a
// function with its role and log, and a custom resource that runs it.
const connected = `
Parameters: {CodeBucket: {Type: String}, CodeKey: {Type: String}, Note: {Type: String, Default: hello}}
Resources:
  Workspace: {Type: AWS::APS::Workspace, Properties: {Alias: !Ref AWS::StackName}}
  WritePolicy:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      Description: write samples
      PolicyDocument: {Version: 2012-10-17, Statement: [{Effect: Allow, Action: 'aps:RemoteWrite', Resource: !GetAtt Workspace.Arn}]}
  QueryPolicy:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument: {Version: 2012-10-17, Statement: [{Effect: Allow, Action: ['aps:QueryMetrics', 'aps:GetLabels'], Resource: !GetAtt Workspace.Arn}]}
  NodeRole:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: {Version: 2012-10-17, Statement: [{Effect: Allow, Principal: {Service: ec2.amazonaws.com}, Action: 'sts:AssumeRole'}]}
      ManagedPolicyArns: [!Ref WritePolicy]
      Tags: [{Key: a, Value: b}]
  NodeProfile: {Type: AWS::IAM::InstanceProfile, Properties: {Roles: [!Ref NodeRole]}}
  FunctionRole:
    Type: AWS::IAM::Role
    Properties:
      RoleName: !Sub '${AWS::StackName}-function'
      AssumeRolePolicyDocument: {Version: 2012-10-17, Statement: [{Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: 'sts:AssumeRole'}]}
      Policies: [{PolicyName: logs, PolicyDocument: {Version: 2012-10-17, Statement: [{Effect: Allow, Action: ['logs:CreateLogStream', 'logs:PutLogEvents'], Resource: !GetAtt Log.Arn}]}}]
  MorePolicy: {Type: AWS::IAM::Policy, Properties: {PolicyName: more, Roles: [!Ref FunctionRole], PolicyDocument: {Version: 2012-10-17, Statement: [{Effect: Allow, Action: 'aps:DescribeWorkspace', Resource: !GetAtt Workspace.Arn}]}}}
  Log: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: !Sub '/aws/lambda/${AWS::StackName}-setup', RetentionInDays: 30}}
  Function:
    Type: AWS::Lambda::Function
    DependsOn: [Log, MorePolicy]
    Properties:
      FunctionName: !Sub '${AWS::StackName}-setup'
      Runtime: provided.al2023
      Handler: bootstrap
      Architectures: [%ARCH%]
      Role: !GetAtt FunctionRole.Arn
      Timeout: 60
      MemorySize: 128
      Code: {S3Bucket: !Ref CodeBucket, S3Key: !Ref CodeKey}
      Environment: {Variables: {NOTE: !Ref Note}}
      Tags: [{Key: a, Value: b}]
  Permission: {Type: AWS::Lambda::Permission, Properties: {FunctionName: !Ref Function, Action: 'lambda:InvokeFunction', Principal: events.amazonaws.com}}
  Connection: {Type: Custom::Connection, Properties: {ServiceToken: !GetAtt Function.Arn, ServiceTimeout: 60, Workspace: !GetAtt Workspace.WorkspaceId, Note: !Ref Note}}
Outputs:
  Said: {Value: !GetAtt Connection.Said}
  Profile: {Value: !GetAtt NodeProfile.Arn}
  Policy: {Value: !Ref WritePolicy}
  Function: {Value: !GetAtt Function.Arn}
`

// archive builds the function and zips it.
func archive(t *testing.T) []byte {
	t.Helper()
	program := filepath.Join(t.TempDir(), "bootstrap")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, "./testdata/setup/main.go")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	header := &zip.FileHeader{Name: "bootstrap", Method: zip.Deflate}
	header.SetMode(0o755)
	w, err := z.CreateHeader(header)
	check.OK(t, err)
	f, err := os.Open(program)
	check.OK(t, err)
	defer f.Close()
	_, err = io.Copy(w, f)
	check.OK(t, err)
	check.OK(t, z.Close())
	return b.Bytes()
}

// upload puts the function where the template finds it.
func (c *cloud) upload(t *testing.T, code []byte) []types.Parameter {
	t.Helper()
	objects := s3.New(s3.Options{Region: "us-east-2", BaseEndpoint: aws.String(c.url), UsePathStyle: true, RetryMaxAttempts: 1,
		Credentials: static(c.key)})
	_, err := objects.CreateBucket(t.Context(), &s3.CreateBucketInput{
		Bucket: aws.String("code"), CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: "us-east-2"},
	})
	check.OK(t, err)
	_, err = objects.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("code"), Key: aws.String("f.zip"),
		Body: bytes.NewReader(code)})
	check.OK(t, err)
	return []types.Parameter{parameter("CodeBucket", "code"), parameter("CodeKey", "f.zip")}
}

func TestConnectedStack(t *testing.T) {
	template := strings.ReplaceAll(connected, "%ARCH%", architecture())
	c := start(t, parts{})
	code := c.upload(t, archive(t))
	named := []types.Capability{types.CapabilityCapabilityNamedIam}
	id := c.create(t, template, func(in *sdk.CreateStackInput) { in.Parameters, in.Capabilities = code, named })
	s := c.want(t, id, "CREATE_COMPLETE")
	if output(s, "Said") != "hello/hello" || !strings.HasPrefix(output(s, "Policy"), "arn:aws:iam::111122223333:policy/s-WritePolicy-") {
		t.Errorf("outputs: %+v", s.Outputs)
	}
	if _, err := c.UpdateStack(t.Context(), &sdk.UpdateStackInput{StackName: &id, TemplateBody: &template,
		Parameters: append(code, parameter("Note", "bye")), Capabilities: named}); err != nil {
		t.Fatal(err)
	}
	if s = c.want(t, id, "UPDATE_COMPLETE"); output(s, "Said") != "bye/bye" {
		t.Errorf("after the update: %s", output(s, "Said"))
	}
	if _, err := c.DeleteStack(t.Context(), &sdk.DeleteStackInput{StackName: &id}); err != nil {
		t.Fatal(err)
	}
	c.want(t, id, "DELETE_COMPLETE")
}

// A stack may do what its caller may: without the right to pass the role, there is
// no function; with a role of its own, the stack has that role's rights.
func TestRightsByIAM(t *testing.T) {
	template := strings.ReplaceAll(connected, "%ARCH%", architecture())
	c := start(t, parts{})
	code := c.upload(t, archive(t))
	limited := c.userWith(t, "limited", `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","NotAction":"iam:PassRole","Resource":"*"},
		{"Effect":"Allow","Action":"iam:PassRole","Resource":"arn:aws:iam::111122223333:role/deployer"}]}`)
	client := sdk.New(sdk.Options{Region: "us-east-2", BaseEndpoint: aws.String(c.url), RetryMaxAttempts: 1, Credentials: static(limited)})
	in := &sdk.CreateStackInput{StackName: aws.String("s"), TemplateBody: &template, Parameters: code,
		Capabilities: []types.Capability{types.CapabilityCapabilityNamedIam}}
	if _, err := client.CreateStack(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	c.want(t, "s", "ROLLBACK_COMPLETE")
	history := strings.Join(c.history(t, "s"), "\n")
	if !strings.Contains(history, "user/limited is not authorized to perform: iam:PassRole on resource: arn:aws:iam::111122223333:role/") ||
		!strings.Contains(history, "HandlerErrorCode: AccessDenied)") {
		t.Error(history)
	}
	if _, err := client.DeleteStack(t.Context(), &sdk.DeleteStackInput{StackName: in.StackName}); err != nil {
		t.Fatal(err)
	}
	c.roleFor(t, "deployer", "cloudformation.amazonaws.com")
	in.StackName, in.RoleARN = aws.String("with-a-role"), aws.String("arn:aws:iam::111122223333:role/other")
	if _, err := client.CreateStack(t.Context(), in); !isError(err, "AccessDenied",
		"is not authorized to perform: iam:PassRole on resource: arn:aws:iam::111122223333:role/other") {
		t.Errorf("another role: %v", err)
	}
	in.RoleARN = aws.String("arn:aws:iam::111122223333:role/deployer")
	_, err := client.CreateStack(t.Context(), in)
	check.OK(t, err)
	c.want(t, "with-a-role", "CREATE_COMPLETE")
}

// architecture is this machine's, in Lambda's words.
func architecture() string {
	if runtime.GOARCH == "arm64" {
		return "arm64"
	}
	return "x86_64"
}

func (c *cloud) iamClient() *iam.Client {
	return iam.New(iam.Options{Region: "us-east-1", BaseEndpoint: aws.String(c.url), RetryMaxAttempts: 1, Credentials: static(c.key)})
}

// userWith makes a user with one policy.
func (c *cloud) userWith(t *testing.T, name, policy string) principal.AccessKey {
	t.Helper()
	key, err := c.iam.EnsureUser(name)
	check.OK(t, err)
	_, err = c.iamClient().PutUserPolicy(t.Context(), &iam.PutUserPolicyInput{UserName: &name, PolicyName: aws.String("p"),
		PolicyDocument: &policy})
	check.OK(t, err)
	return key
}

// roleFor makes an administrator's role that the service may assume.
func (c *cloud) roleFor(t *testing.T, name, service string) {
	t.Helper()
	trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"` + service + `"},"Action":"sts:AssumeRole"}]}`
	_, err := c.iamClient().CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: &trust})
	check.OK(t, err)
	_, err = c.iamClient().AttachRolePolicy(t.Context(), &iam.AttachRolePolicyInput{RoleName: &name, PolicyArn: aws.String(administrator)})
	check.OK(t, err)
}
