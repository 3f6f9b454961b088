package ec2_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/parascope/parascope/localaws/localtest/check"
)

// TestInstances launches records of machines, finds them by their tags as service
// discovery does, and ends them.
func TestInstances(t *testing.T) {
	c := start(t, t.TempDir())
	n := build(t, c)
	ctx, client := t.Context(), c.client("us-east-2")
	run := func(subnet string, count int32, name string) (*sdk.RunInstancesOutput, error) {
		return client.RunInstances(ctx, &sdk.RunInstancesInput{
			ImageId: aws.String("ami-1"), InstanceType: "c5.large", MinCount: &count, MaxCount: &count, SubnetId: &subnet,
			TagSpecifications: named(types.ResourceTypeInstance, name), ClientToken: aws.String("token-" + name),
		})
	}
	find := func(filter, value string) []types.Instance {
		t.Helper()
		out := check.Must[*sdk.DescribeInstancesOutput](t)(client.DescribeInstances(ctx, &sdk.DescribeInstancesInput{
			Filters: []types.Filter{{Name: &filter, Values: []string{value}}},
		}))
		var all []types.Instance
		for _, r := range out.Reservations {
			all = append(all, r.Instances...)
		}
		return all
	}
	out := check.Must[*sdk.RunInstancesOutput](t)(run(n.private, 2, "Compute"))
	if len(out.Instances) != 2 || out.Instances[0].State.Name != types.InstanceStateNamePending ||
		*out.Instances[0].PrivateIpAddress == *out.Instances[1].PrivateIpAddress {
		t.Fatalf("launched %+v", out.Instances)
	}
	again := check.Must[*sdk.RunInstancesOutput](t)(run(n.private, 2, "Compute"))
	if *again.ReservationId != *out.ReservationId {
		t.Error("the same client token launched others")
	}
	if got := find("tag:Name", "Comp*"); len(got) != 2 || got[0].State.Name != types.InstanceStateNameRunning ||
		*got[0].SubnetId != n.private ||
		*got[0].Placement.AvailabilityZone == "" ||
		len(got[0].Tags) != 1 {
		t.Errorf("found by tag: %+v", got)
	}
	if got := find("instance-state-name", "stopped"); len(got) != 0 {
		t.Errorf("found as stopped: %+v", got)
	}
	_, err := run("subnet-0123456789abcdef0", 1, "Nowhere")
	refused(t, err, "InvalidSubnetID.NotFound", "subnet-0123456789abcdef0")
	_, err = run("", 1, "Default")
	refused(t, err, "VPCIdNotSpecified", "No default VPC")
	_, err = run(n.private, 101, "Many")
	refused(t, err, "InvalidParameterValue", "between 1 and 100")
	_, err = client.TerminateInstances(ctx, &sdk.TerminateInstancesInput{InstanceIds: []string{*out.Instances[0].InstanceId, "i-0123"}})
	refused(t, err, "InvalidInstanceID.NotFound", "i-0123")
	_, err = client.DeleteSubnet(ctx, &sdk.DeleteSubnetInput{SubnetId: &n.private})
	refused(t, err, "DependencyViolation", n.private)

	ended := check.Must[*sdk.TerminateInstancesOutput](t)(client.TerminateInstances(ctx, &sdk.TerminateInstancesInput{
		InstanceIds: []string{*out.Instances[0].InstanceId},
	}))
	if s := ended.TerminatingInstances[0]; s.PreviousState.Name != types.InstanceStateNameRunning ||
		s.CurrentState.Name != types.InstanceStateNameShuttingDown {
		t.Errorf("ended: %+v", s)
	}
	if got := find("instance-state-name", "terminated"); len(got) != 1 || *got[0].InstanceId != *out.Instances[0].InstanceId ||
		got[0].PrivateIpAddress != nil {
		t.Errorf("terminated: %+v", got)
	}
	third := check.Must[*sdk.RunInstancesOutput](t)(run(n.private, 1, "Next"))
	if *third.Instances[0].PrivateIpAddress != *out.Instances[0].PrivateIpAddress {
		t.Error("the address of one that ended is not free again")
	}
}
