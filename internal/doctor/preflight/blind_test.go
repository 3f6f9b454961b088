package preflight

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/parascope/parascope/internal/artifact"
	"github.com/parascope/parascope/internal/doctor"
	"github.com/parascope/parascope/internal/people"
	"github.com/parascope/parascope/localaws"
	"github.com/parascope/parascope/localaws/localtest"
	"github.com/parascope/parascope/localaws/localtest/check"
)

// blindFaults were written from the checks' documents alone, before the checks were read.
var blindFaults = []struct {
	id, name, says string
	make           func(*testing.T, *localtest.Cloud, *Env)
}{
	{"names", "an underscore in the stack's name", "hpc_infra", func(_ *testing.T, _ *localtest.Cloud, e *Env) { e.StackName = "hpc_infra" }},
	{"names", "a capital in the bucket's name", "MyBucket", func(_ *testing.T, _ *localtest.Cloud, e *Env) { e.Bucket = "MyBucket" }},
	{"region", "a region that is misspelled", "us-esat-2", func(_ *testing.T, _ *localtest.Cloud, e *Env) { e.Config.Region = "us-esat-2" }},
	{"caller", "the key was deleted", "", func(t *testing.T, _ *localtest.Cloud, e *Env) {
		users, name := iam.NewFromConfig(e.Config), aws.String("left")
		_, err := users.CreateUser(t.Context(), &iam.CreateUserInput{UserName: name})
		check.OK(t, err)
		key, err := users.CreateAccessKey(t.Context(), &iam.CreateAccessKeyInput{UserName: name})
		check.OK(t, err)
		_, err = users.DeleteAccessKey(t.Context(), &iam.DeleteAccessKeyInput{UserName: name, AccessKeyId: key.AccessKey.AccessKeyId})
		check.OK(t, err)
		e.Config.Credentials = credentials.NewStaticCredentialsProvider(*key.AccessKey.AccessKeyId, *key.AccessKey.SecretAccessKey, "")
	}},
	{"parameters", "a parameter that is misspelled", "MetricRetentionInDays", func(_ *testing.T, _ *localtest.Cloud, e *Env) {
		e.Parameters["MetricRetentionInDays"] = "30"
	}},
	{"stack", "CloudFormation does not answer", "could not describe stack pcluster-infra", func(t *testing.T, c *localtest.Cloud, _ *Env) {
		cut(t, c, "cloudformation")
	}},
	// The document said that the check fails; it was the document that was wrong: up deletes such a stack.
	{"", "a stack that could not be deleted", "", func(t *testing.T, _ *localtest.Cloud, e *Env) {
		// Its VPC is in use: somebody has made a subnet in it.
		stacks, name := cloudformation.NewFromConfig(e.Config), &e.StackName
		_, err := stacks.CreateStack(t.Context(), &cloudformation.CreateStackInput{StackName: name, TemplateBody: aws.String(
			"Resources: {Network: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.9.0.0/16}}}\n" +
				"Outputs: {Network: {Value: !Ref Network}}\n")})
		check.OK(t, err)
		described := &cloudformation.DescribeStacksInput{StackName: name}
		check.OK(t, cloudformation.NewStackCreateCompleteWaiter(stacks, func(o *cloudformation.StackCreateCompleteWaiterOptions) {
			o.MinDelay, o.MaxDelay = 10*time.Millisecond, time.Second
		}).Wait(t.Context(), described, time.Minute))
		out, err := stacks.DescribeStacks(t.Context(), described)
		check.OK(t, err)
		_, err = ec2.NewFromConfig(e.Config).CreateSubnet(t.Context(), &ec2.CreateSubnetInput{VpcId: out.Stacks[0].Outputs[0].OutputValue,
			CidrBlock: aws.String("10.9.0.0/24")})
		check.OK(t, err)
		_, err = stacks.DeleteStack(t.Context(), &cloudformation.DeleteStackInput{StackName: name})
		check.OK(t, err)
		if err := cloudformation.NewStackDeleteCompleteWaiter(stacks, func(o *cloudformation.StackDeleteCompleteWaiterOptions) {
			o.MinDelay, o.MaxDelay = 10*time.Millisecond, time.Second
		}).Wait(t.Context(), described, time.Minute); err == nil {
			t.Fatal("the stack was deleted")
		}
	}},
	{"zone", "a zone of another region", "us-west-2a", func(_ *testing.T, _ *localtest.Cloud, e *Env) {
		e.Parameters["PrimarySubnetAZ"] = "us-west-2a"
	}},
	{"network", "a VPC that there is not", "vpc-0123456789abcdef0", func(_ *testing.T, _ *localtest.Cloud, e *Env) {
		e.Parameters["ExistingVPC"] = "vpc-0123456789abcdef0"
		e.Parameters["ExistingPublicSubnet"], e.Parameters["ExistingPrivateSubnet"] = "subnet-01234567", "subnet-89abcdef"
	}},
	{"network", "a subnet of another VPC", "subnet-", func(t *testing.T, _ *localtest.Cloud, e *Env) {
		network := ec2.NewFromConfig(e.Config)
		for i, cidr := range []string{"10.1.0.0/16", "10.2.0.0/16"} {
			vpc, err := network.CreateVpc(t.Context(), &ec2.CreateVpcInput{CidrBlock: &cidr})
			check.OK(t, err)
			part := strings.Replace(cidr, "/16", "/24", 1)
			subnet, err := network.CreateSubnet(t.Context(), &ec2.CreateSubnetInput{VpcId: vpc.Vpc.VpcId, CidrBlock: &part})
			check.OK(t, err)
			if i == 0 {
				e.Parameters["ExistingVPC"], e.Parameters["ExistingPublicSubnet"] = *vpc.Vpc.VpcId, *subnet.Subnet.SubnetId
			}
			e.Parameters["ExistingPrivateSubnet"] = *subnet.Subnet.SubnetId
		}
	}},
	{"function", "an architecture that the program does not carry", "s390x", func(_ *testing.T, _ *localtest.Cloud, e *Env) {
		e.Architecture = "s390x"
	}},
	{"grafana", "users of a stack without Grafana", "", func(_ *testing.T, _ *localtest.Cloud, e *Env) {
		e.Parameters["MonitoringType"], e.People = "amp-only", []people.Want{{Who: "alice@example.com", Role: "ADMIN"}}
	}},
	{"rights", "a boundary", "aps:CreateWorkspace", func(t *testing.T, _ *localtest.Cloud, e *Env) {
		rights := iam.NewFromConfig(e.Config)
		boundary, err := rights.CreatePolicy(t.Context(), &iam.CreatePolicyInput{PolicyName: aws.String("site"), PolicyDocument: aws.String(
			`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","NotAction":"aps:CreateWorkspace","Resource":"*"}]}`)})
		check.OK(t, err)
		_, err = rights.PutUserPermissionsBoundary(t.Context(), &iam.PutUserPermissionsBoundaryInput{UserName: aws.String(localtest.Operator),
			PermissionsBoundary: boundary.Policy.Arn})
		check.OK(t, err)
	}},
	{"identity", "a user that there is not", "nobody@example.com", func(_ *testing.T, _ *localtest.Cloud, e *Env) {
		e.People = []people.Want{{Who: "nobody@example.com", Role: "VIEWER"}}
	}},
}

// cut asks the cloud's API to cut the connections of all requests for a service, as 'parascope local fault reset' does.
func cut(t *testing.T, c *localtest.Cloud, service string) {
	t.Helper()
	body := []byte(`{"kind":"reset","share":1,"on":"` + service + `"}`)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.URL()+localaws.FaultsPath, bytes.NewReader(body))
	check.OK(t, err)
	cfg := c.Operator()
	keys, err := cfg.Credentials.Retrieve(t.Context())
	check.OK(t, err)
	sum := sha256.Sum256(body)
	check.OK(t, v4.NewSigner().SignHTTP(t.Context(), keys, req, hex.EncodeToString(sum[:]), localaws.FaultsSigningName, cfg.Region,
		c.Clock.Now()))
	resp, err := http.DefaultClient.Do(req)
	check.OK(t, err)
	check.OK(t, resp.Body.Close())
	if resp.StatusCode/100 != 2 {
		t.Fatal(resp.Status)
	}
}

// TestBlindFaultsOfThePreflight: exactly the right check fails, and none where there is no fault.
func TestBlindFaultsOfThePreflight(t *testing.T) {
	covered := map[string]bool{}
	run := func(t *testing.T, c *localtest.Cloud, change func(*testing.T, *localtest.Cloud, *Env)) []doctor.Result {
		e := &Env{Config: c.Operator(), StackName: "pcluster-infra", Parameters: map[string]string{}, Architecture: artifact.HostArchitecture(),
			People: []people.Want{{Who: "alice@example.com", Role: "ADMIN"}}}
		change(t, c, e)
		var all []doctor.Result
		check.OK(t, Run(t.Context(), e, func(r doctor.Result) error {
			all = append(all, r)
			return nil
		}))
		return slices.DeleteFunc(all, func(r doctor.Result) bool { return r.Status != doctor.Failed })
	}
	if err := artifact.CheckFunction(artifact.HostArchitecture()); err != nil {
		t.Skip(err)
	}
	if failed := run(t, localtest.Start(t, localaws.Options{}), func(*testing.T, *localtest.Cloud, *Env) {}); len(failed) > 0 {
		t.Errorf("without a fault: %+v", failed)
	}
	for _, f := range blindFaults {
		t.Run(f.id+" "+f.name, func(t *testing.T) {
			failed := run(t, localtest.Start(t, localaws.Options{}), f.make)
			if f.id == "" && len(failed) == 0 {
				return
			}
			if len(failed) != 1 || failed[0].ID != f.id || !strings.Contains(failed[0].Detail, f.says) || failed[0].Next == "" {
				t.Errorf("failed: %+v; want %s, with %q", failed, f.id, f.says)
			}
		})
		covered[f.id] = true
	}
	for _, c := range Checks() {
		// The template is the program's own: what CloudFormation takes of it changes with the program only.
		if !covered[c.ID] && c.ID != "template" {
			t.Errorf("no fault makes check %s fail", c.ID)
		}
	}
}
