package ec2_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/parascope/parascope/localaws/localtest/check"
)

func TestInstanceTypes(t *testing.T) {
	c := start(t, t.TempDir())
	ctx, client := t.Context(), c.client("us-east-2")
	out := check.Must[*sdk.DescribeInstanceTypesOutput](t)(client.DescribeInstanceTypes(ctx, &sdk.DescribeInstanceTypesInput{
		InstanceTypes: []types.InstanceType{"p5.48xlarge", "c7i.4xlarge"}}))
	if len(out.InstanceTypes) != 2 {
		t.Fatalf("described %+v", out.InstanceTypes)
	}
	gpu, cpu := out.InstanceTypes[0], out.InstanceTypes[1]
	if !*gpu.NetworkInfo.EfaSupported || *gpu.NetworkInfo.EfaInfo.MaximumEfaInterfaces != 32 || *gpu.GpuInfo.Gpus[0].Count != 8 {
		t.Errorf("p5.48xlarge: %+v", gpu)
	}
	if *cpu.NetworkInfo.EfaSupported || cpu.NetworkInfo.EfaInfo != nil || cpu.GpuInfo != nil || *cpu.VCpuInfo.DefaultVCpus != 16 ||
		*cpu.MemoryInfo.SizeInMiB != 32768 {
		t.Errorf("c7i.4xlarge: %+v", cpu)
	}
	all := check.Must[*sdk.DescribeInstanceTypesOutput](t)(client.DescribeInstanceTypes(ctx, &sdk.DescribeInstanceTypesInput{
		Filters: []types.Filter{{Name: aws.String("network-info.efa-supported"), Values: []string{"true"}}}}))
	for _, m := range all.InstanceTypes {
		if !*m.NetworkInfo.EfaSupported {
			t.Errorf("%s has no EFA and passed the filter", m.InstanceType)
		}
	}
	if len(all.InstanceTypes) < 5 {
		t.Errorf("%d types with EFA", len(all.InstanceTypes))
	}
	_, err := client.DescribeInstanceTypes(ctx, &sdk.DescribeInstanceTypesInput{InstanceTypes: []types.InstanceType{"p99.48xlarge"}})
	refused(t, err, "InvalidInstanceType", "do not exist: [p99.48xlarge]")
}
