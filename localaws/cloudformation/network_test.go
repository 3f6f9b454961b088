package cloudformation_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

const network = `
Parameters: {Zone: {Type: AWS::EC2::AvailabilityZone::Name, Default: us-east-2a}, Days: {Type: Number, Default: 7}, Name: {Type: String, Default: net}}
Resources:
  Vpc: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16, EnableDnsHostnames: true, EnableDnsSupport: true, Tags: [{Key: Name, Value: !Ref Name}]}}
  Igw: {Type: AWS::EC2::InternetGateway, Properties: {Tags: [{Key: Name, Value: !Ref Name}]}}
  Attachment: {Type: AWS::EC2::VPCGatewayAttachment, Properties: {VpcId: !Ref Vpc, InternetGatewayId: !Ref Igw}}
  Public: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref Vpc, CidrBlock: !Select [0, !Cidr [!GetAtt Vpc.CidrBlock, 2, 12]], AvailabilityZone: !Ref Zone, MapPublicIpOnLaunch: true}}
  Private: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref Vpc, CidrBlock: !Select [1, !Cidr [!GetAtt Vpc.CidrBlock, 2, 12]], AvailabilityZone: !Select [1, !GetAZs '']}}
  Address: {Type: AWS::EC2::EIP, DependsOn: Attachment, Properties: {Domain: vpc}}
  Nat: {Type: AWS::EC2::NatGateway, Properties: {AllocationId: !GetAtt Address.AllocationId, SubnetId: !Ref Public}}
  PublicTable: {Type: AWS::EC2::RouteTable, Properties: {VpcId: !Ref Vpc}}
  PublicRoute: {Type: AWS::EC2::Route, DependsOn: Attachment, Properties: {RouteTableId: !Ref PublicTable, DestinationCidrBlock: 0.0.0.0/0, GatewayId: !Ref Igw}}
  PublicUse: {Type: AWS::EC2::SubnetRouteTableAssociation, Properties: {SubnetId: !Ref Public, RouteTableId: !Ref PublicTable}}
  PrivateTable: {Type: AWS::EC2::RouteTable, Properties: {VpcId: !Ref Vpc}}
  PrivateRoute: {Type: AWS::EC2::Route, Properties: {RouteTableId: !Ref PrivateTable, DestinationCidrBlock: 0.0.0.0/0, NatGatewayId: !Ref Nat}}
  PrivateUse: {Type: AWS::EC2::SubnetRouteTableAssociation, Properties: {SubnetId: !Ref Private, RouteTableId: !Ref PrivateTable}}
  S3: {Type: AWS::EC2::VPCEndpoint, Properties: {VpcId: !Ref Vpc, ServiceName: !Sub 'com.amazonaws.${AWS::Region}.s3', VpcEndpointType: Gateway, RouteTableIds: [!Ref PublicTable, !Ref PrivateTable]}}
  Group: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: !Sub '/aws/${AWS::StackName}', RetentionInDays: !Ref Days, Tags: [{Key: Name, Value: !Ref Name}]}}
  Bucket:
    Type: AWS::S3::Bucket
    Properties:
      PublicAccessBlockConfiguration: {BlockPublicAcls: true, BlockPublicPolicy: true, IgnorePublicAcls: true, RestrictPublicBuckets: true}
      BucketEncryption: {ServerSideEncryptionConfiguration: [{ServerSideEncryptionByDefault: {SSEAlgorithm: AES256}}]}
      VersioningConfiguration: {Status: Enabled}
      OwnershipControls: {Rules: [{ObjectOwnership: BucketOwnerEnforced}]}
      Tags: [{Key: Name, Value: !Ref Name}]
Outputs:
  Vpc: {Value: !Ref Vpc}
  Subnet: {Value: !Ref Private}
  Group: {Value: !GetAtt Group.Arn}
  Bucket: {Value: !Ref Bucket}
  DefaultGroup: {Value: !GetAtt Vpc.DefaultSecurityGroup}
`

func TestNetworkLogsAndBuckets(t *testing.T) {
	c := start(t, parts{})
	id := c.create(t, network, nil)
	s := c.want(t, id, "CREATE_COMPLETE")
	for key, prefix := range map[string]string{"Vpc": "vpc-", "Subnet": "subnet-",
		"Group": "arn:aws:logs:us-east-2:111122223333:log-group:/aws/s:*", "Bucket": "s-bucket-", "DefaultGroup": "sg-"} {
		if !strings.HasPrefix(output(s, key), prefix) {
			t.Errorf("%s is %s", key, output(s, key))
		}
	}
	if err := c.update(t, network, parameter("Days", "14"), parameter("Name", "other")); err != nil {
		t.Fatal(err)
	}
	c.want(t, id, "UPDATE_COMPLETE")
	c.wantOwnTags(t, id)
	if _, err := c.DeleteStack(t.Context(), &sdk.DeleteStackInput{StackName: &id}); err != nil {
		t.Fatal(err)
	}
	c.want(t, id, "DELETE_COMPLETE")
	_, err := c.CreateStack(t.Context(), &sdk.CreateStackInput{StackName: aws.String("s"), TemplateBody: aws.String(network),
		Parameters: []types.Parameter{parameter("Zone", "us-east-2z")}})
	if !isError(err, "ValidationError", "Parameter validation failed: parameter value us-east-2z for parameter name Zone does not exist") {
		t.Errorf("zone: %v", err)
	}
}

func TestTemplateFromS3(t *testing.T) {
	c := start(t, parts{})
	objects := s3.New(s3.Options{Region: "us-east-2", BaseEndpoint: aws.String(c.url), UsePathStyle: true, RetryMaxAttempts: 1,
		Credentials: c.Options().Credentials})
	if _, err := objects.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("templates")}); err != nil &&
		!strings.Contains(err.Error(), "LocationConstraint") {
		t.Fatal(err)
	}
	id := c.create(t, "Resources: {B: {Type: AWS::S3::Bucket, Properties: {BucketName: my-templates}}}", nil)
	c.want(t, id, "CREATE_COMPLETE")
	_, err := objects.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("my-templates"), Key: aws.String("a b.yaml"),
		Body: strings.NewReader(strings.Repeat("# long\n", 10000) + twoWorkspaces)})
	if err != nil {
		t.Fatal(err)
	}
	for i, address := range []string{"https://my-templates.s3.us-east-2.amazonaws.com/a%20b.yaml",
		"https://s3.us-east-2.amazonaws.com/my-templates/a%20b.yaml", "https://s3.amazonaws.com/my-templates/a%20b.yaml",
		c.url + "/my-templates/a%20b.yaml"} {
		if _, err := c.ValidateTemplate(t.Context(), &sdk.ValidateTemplateInput{TemplateURL: &address}); err != nil {
			t.Errorf("%d: %v", i, err)
		}
	}
	_, err = c.ValidateTemplate(t.Context(), &sdk.ValidateTemplateInput{TemplateURL: aws.String("https://my-templates.s3.amazonaws.com/none")})
	if !isError(err, "ValidationError", "S3 error: ") {
		t.Errorf("missing: %v", err)
	}
	// A bucket that is not empty stays, and says why.
	if _, err := c.DeleteStack(t.Context(), &sdk.DeleteStackInput{StackName: &id}); err != nil {
		t.Fatal(err)
	}
	c.want(t, id, "DELETE_FAILED")
	if history := strings.Join(c.history(t, id), "\n"); !strings.Contains(history, "The bucket you tried to delete is not empty") {
		t.Error(history)
	}
}

// wantOwnTags: what is EC2's is found by the tags that CloudFormation puts on it, an
// address like a VPC, and they outlive an update of the others.
func (c *cloud) wantOwnTags(t *testing.T, stackID string) {
	t.Helper()
	client := ec2.New(ec2.Options{Region: "us-east-2", BaseEndpoint: aws.String(c.url), Credentials: c.Options().Credentials})
	tagged := func(key, value string) ec2types.Filter {
		return ec2types.Filter{Name: aws.String("tag:aws:cloudformation:" + key), Values: []string{value}}
	}
	vpcs, err := client.DescribeVpcs(t.Context(),
		&ec2.DescribeVpcsInput{Filters: []ec2types.Filter{tagged("logical-id", "Vpc"), tagged("stack-id", stackID)}})
	if err != nil || len(vpcs.Vpcs) != 1 {
		t.Errorf("VPC by its logical id: %+v, %v", vpcs, err)
	}
	addresses, err := client.DescribeAddresses(t.Context(),
		&ec2.DescribeAddressesInput{Filters: []ec2types.Filter{tagged("logical-id", "Address"), tagged("stack-name", "s")}})
	if err != nil || len(addresses.Addresses) != 1 {
		t.Errorf("address by its logical id: %+v, %v", addresses, err)
	}
}
