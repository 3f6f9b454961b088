package deploy

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/amp"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	amg "github.com/aws/aws-sdk-go-v2/service/grafana"
	"github.com/aws/smithy-go"

	"github.com/parascope/parascope/internal/stack"
)

// prove asks each billed resource's own service whether it is there still, since
// CloudFormation only knows what it was told. It returns what is left.
func prove(ctx context.Context, cfg aws.Config, resources []stack.Resource, result *DownResult) (left []string, err error) {
	prometheus, grafana, network := amp.NewFromConfig(cfg), amg.NewFromConfig(cfg), ec2.NewFromConfig(cfg)
	looks := map[string]func(id string) (there bool, err error){
		"AWS::APS::Workspace": func(arn string) (bool, error) {
			id := arn[strings.LastIndex(arn, "/")+1:]
			out, err := prometheus.DescribeWorkspace(ctx, &amp.DescribeWorkspaceInput{WorkspaceId: &id})
			return err == nil && out.Workspace.Status.StatusCode != "DELETING", notFoundIsNil(err)
		},
		"AWS::Grafana::Workspace": func(id string) (bool, error) {
			out, err := grafana.DescribeWorkspace(ctx, &amg.DescribeWorkspaceInput{WorkspaceId: &id})
			return err == nil && out.Workspace.Status != "DELETING", notFoundIsNil(err)
		},
		"AWS::EC2::NatGateway": func(id string) (bool, error) {
			out, err := network.DescribeNatGateways(ctx, &ec2.DescribeNatGatewaysInput{NatGatewayIds: []string{id}})
			if err != nil || len(out.NatGateways) == 0 {
				return false, notFoundIsNil(err)
			}
			state := out.NatGateways[0].State
			return state != ec2types.NatGatewayStateDeleted && state != ec2types.NatGatewayStateDeleting, nil
		},
		"AWS::EC2::EIP": func(ip string) (bool, error) {
			out, err := network.DescribeAddresses(ctx, &ec2.DescribeAddressesInput{PublicIps: []string{ip}})
			return err == nil && len(out.Addresses) > 0, notFoundIsNil(err)
		},
	}
	for _, r := range resources {
		look, billed := looks[r.Type]
		if !billed || r.PhysicalID == "" {
			continue
		}
		there, err := look(r.PhysicalID)
		if err != nil {
			return nil, fmt.Errorf("look whether %s %s is gone: %w", r.Type, r.PhysicalID, err)
		}
		if there {
			left = append(left, r.PhysicalID)
			continue
		}
		result.Gone = append(result.Gone, Looked{r.LogicalID, r.Type, r.PhysicalID})
	}
	return left, nil
}

// notFoundIsNil drops the error that says what we want to hear.
func notFoundIsNil(err error) error {
	api, ok := errors.AsType[smithy.APIError](err)
	if ok && (api.ErrorCode() == "ResourceNotFoundException" || strings.HasSuffix(api.ErrorCode(), ".NotFound") || strings.HasSuffix(api.ErrorCode(), "NotFound")) {
		return nil
	}
	return err
}
