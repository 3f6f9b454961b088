package stack_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/parascope/parascope/internal/artifact/deployertest"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/stack"
	"github.com/parascope/parascope/localaws"
	"github.com/parascope/parascope/localaws/localtest/check"
)

// TestCheckNetwork: the one that is wrong is named, with the parameter it came by.
func TestCheckNetwork(t *testing.T) {
	a := start(t, localaws.Options{})
	client := ec2.NewFromConfig(a.Operator)
	network := func(cidr string) (vpc, public, private string) {
		t.Helper()
		v, err := client.CreateVpc(t.Context(), &ec2.CreateVpcInput{CidrBlock: aws.String(cidr + "0.0/16")})
		check.OK(t, err)
		var subnets []string
		for _, third := range []string{"0", "1"} {
			s, err := client.CreateSubnet(t.Context(), &ec2.CreateSubnetInput{VpcId: v.Vpc.VpcId, CidrBlock: aws.String(cidr + third + ".0/24")})
			check.OK(t, err)
			subnets = append(subnets, *s.Subnet.SubnetId)
		}
		return *v.Vpc.VpcId, subnets[0], subnets[1]
	}
	vpc, public, private := network("10.0.")
	other, foreign, _ := network("10.1.")
	find := func(vpc, public, private string) error {
		return stack.CheckNetwork(t.Context(), a.Deployer, map[string]string{"ExistingVPC": vpc, "ExistingPublicSubnet": public,
			"ExistingPrivateSubnet": private})
	}
	check.OK(t, find(vpc, public, private))
	check.OK(t, find("", "", ""))
	check.OK(t, find(vpc, "", "")) // the template's to say
	deployertest.CheckError(t, find("vpc-00000000", public, private), hint.NotFound, "ExistingVPC: there is no VPC vpc-00000000 in us-east-2",
		"aws ec2 describe-vpcs")
	deployertest.CheckError(t, find(vpc, "subnet-00000000", private), hint.NotFound,
		"ExistingPublicSubnet: there is no subnet subnet-00000000 in us-east-2",
		"Values="+vpc)
	deployertest.CheckError(t, find(vpc, public, foreign), hint.NotFound,
		"ExistingPrivateSubnet: subnet "+foreign+" is in VPC "+other+", not in "+vpc)
}
