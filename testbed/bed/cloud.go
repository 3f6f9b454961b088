//go:build linux

package bed

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/parascope/parascope/testbed/instances"
)

// account is the local cloud's one.
const account = "111122223333"

// Cloud is the local cloud, which keeps the records of instances and checks what
// their roles may do.
type Cloud struct {
	URL    string
	Config aws.Config // of a user who may do everything
}

// Credentials are those of a role.
type Credentials struct {
	ID, Secret, Token string
	Expires           time.Time
}

// runInstance makes EC2's record of a machine, with ParallelCluster's tags.
func (c *Cloud) runInstance(ctx context.Context, cl *cluster, o order) (id, address string, err error) {
	tag := func(k, v string) types.Tag { return types.Tag{Key: &k, Value: &v} }
	tags := []types.Tag{
		tag("Name", o.kind), tag("parallelcluster:cluster-name", cl.name), tag("parallelcluster:node-type", o.kind),
		tag("parallelcluster:version", cl.version), tag("parallelcluster:attributes", "debian12, slurm, "+cl.version+", x86_64"),
		tag("parallelcluster:networking", "EFA=NONE"),
	}
	if o.queue != "" {
		tags = append(tags, tag("parallelcluster:queue-name", o.queue), tag("parallelcluster:compute-resource-name", o.resource))
	}
	if o.pool != "" {
		tags = append(tags, tag("parallelcluster:login-nodes-pool-name", o.pool))
	}
	out, err := ec2.NewFromConfig(c.Config).RunInstances(ctx, &ec2.RunInstancesInput{
		ImageId: aws.String("ami-0123456789abcdef0"), InstanceType: types.InstanceType(o.typ), MinCount: aws.Int32(1), MaxCount: aws.Int32(1),
		SubnetId:          aws.String(o.settings.Networking.Subnet()),
		TagSpecifications: []types.TagSpecification{{ResourceType: types.ResourceTypeInstance, Tags: tags}},
	})
	if err != nil {
		if refused, ok := errors.AsType[smithy.APIError](err); ok {
			return "", "", &instances.Failure{Code: refused.ErrorCode(), Message: refused.ErrorMessage()}
		}
		return "", "", fmt.Errorf("run an instance: %w", err)
	}
	i := out.Instances[0]
	return aws.ToString(i.InstanceId), aws.ToString(i.PrivateIpAddress), nil
}

func (c *Cloud) terminate(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if _, err := ec2.NewFromConfig(c.Config).TerminateInstances(ctx, &ec2.TerminateInstancesInput{InstanceIds: []string{id}}); err != nil {
		return fmt.Errorf("terminate instance %s: %w", id, err)
	}
	return nil
}

// assume gives a machine its role's credentials.
func (c *Cloud) assume(ctx context.Context, role, session string) (Credentials, error) {
	out, err := sts.NewFromConfig(c.Config).AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: &role, RoleSessionName: &session})
	if err != nil {
		return Credentials{}, fmt.Errorf("assume %s: %w", role, err)
	}
	k := out.Credentials
	return Credentials{
		aws.ToString(k.AccessKeyId),
		aws.ToString(k.SecretAccessKey),
		aws.ToString(k.SessionToken),
		aws.ToTime(k.Expiration),
	}, nil
}

// Subnet is one of the cloud's for somebody who names none: the stack's, or a new one.
func (c *Cloud) Subnet(ctx context.Context) (string, error) {
	client := ec2.NewFromConfig(c.Config)
	all, err := client.DescribeSubnets(ctx, nil)
	if err != nil {
		return "", fmt.Errorf("find a subnet: %w", err)
	}
	for _, s := range all.Subnets {
		if block, err := netip.ParsePrefix(aws.ToString(s.CidrBlock)); err == nil && network.Contains(block.Addr()) {
			return aws.ToString(s.SubnetId), nil
		}
	}
	vpc, err := client.CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String(network.Masked().String())})
	if err != nil {
		return "", fmt.Errorf("make a network: %w", err)
	}
	made, err := client.CreateSubnet(ctx, &ec2.CreateSubnetInput{VpcId: vpc.Vpc.VpcId, CidrBlock: aws.String("10.0.128.0/20")})
	if err != nil {
		return "", fmt.Errorf("make a subnet: %w", err)
	}
	return aws.ToString(made.Subnet.SubnetId), nil
}
