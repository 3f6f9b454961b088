package stack

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/parascope/parascope/internal/hint"
)

// CheckNetwork looks for the VPC and the subnets that the template's parameters name,
// and says which of them is not there or is not the VPC's. The template itself can
// only look at how they are written: the stack would come up, and no cluster in it.
func CheckNetwork(ctx context.Context, cfg aws.Config, parameters map[string]string) error {
	vpc := parameters["ExistingVPC"]
	if vpc == "" {
		return nil // the stack makes its own
	}
	client := ec2.NewFromConfig(cfg)
	// A VPC has a security group from its beginning to its end. A filter finds nothing where an id that is not there
	// would be an error.
	groups, err := client.DescribeSecurityGroups(ctx,
		&ec2.DescribeSecurityGroupsInput{Filters: []types.Filter{{Name: aws.String("vpc-id"), Values: []string{vpc}}}})
	if err != nil {
		return explain("find VPC "+vpc, err)
	}
	if len(groups.SecurityGroups) == 0 {
		return hint.New(hint.NotFound, fmt.Errorf("ExistingVPC: there is no VPC %s in %s", vpc, cfg.Region),
			"'aws ec2 describe-vpcs --region "+cfg.Region+"' lists the existing VPCs")
	}
	for _, parameter := range []string{"ExistingPublicSubnet", "ExistingPrivateSubnet"} {
		id := parameters[parameter]
		if id == "" {
			continue // a rule of the template's says that it is missing
		}
		found, err := client.DescribeSubnets(ctx,
			&ec2.DescribeSubnetsInput{Filters: []types.Filter{{Name: aws.String("subnet-id"), Values: []string{id}}}})
		if err != nil {
			return explain("find subnet "+id, err)
		}
		problem := fmt.Errorf("%s: there is no subnet %s in %s", parameter, id, cfg.Region)
		if len(found.Subnets) > 0 {
			if of := aws.ToString(found.Subnets[0].VpcId); of != vpc {
				problem = fmt.Errorf("%s: subnet %s is in VPC %s, not in %s", parameter, id, of, vpc)
			} else {
				continue
			}
		}
		return hint.New(hint.NotFound, problem,
			"'aws ec2 describe-subnets --region "+cfg.Region+" --filters Name=vpc-id,Values="+vpc+"' lists the subnets of the VPC")
	}
	return nil
}
