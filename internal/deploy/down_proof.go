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

	"github.com/parascope/parascope/internal/awserr"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/stack"
)

// The types of CloudFormation that are billed as long as they are there.
const (
	prometheusType = "AWS::APS::Workspace"
	grafanaType    = "AWS::Grafana::Workspace"
	natType        = "AWS::EC2::NatGateway"
	addressType    = "AWS::EC2::EIP"
)

// remains is something billed that is still there.
type remains struct {
	what   string // in words, with its id
	remove string // the command that deletes it
}

// prover asks the services of what is billed.
type prover struct {
	prometheus *amp.Client
	grafana    *amg.Client
	network    *ec2.Client
	elsewhere  string // flags that name the place, which the AWS CLI calls the same
}

func newProver(cfg aws.Config, elsewhere string) prover {
	return prover{amp.NewFromConfig(cfg), amg.NewFromConfig(cfg), ec2.NewFromConfig(cfg), elsewhere}
}

// prove asks each billed resource's own service whether it is there still, since
// CloudFormation only knows what it was told. It looks for those that the stack had,
// and for those that bear its name: an earlier deletion may have retained some. What
// was found until an error is returned with it.
func (p prover) prove(ctx context.Context, stackName string, had []stack.Resource, result *DownResult) (left []remains, err error) {
	named, err := p.named(ctx, stackName)
	looks := map[string]func(context.Context, string) (*remains, error){
		prometheusType: p.lookForPrometheus, grafanaType: p.lookForGrafana, natType: p.lookForNAT, addressType: p.lookForAddress,
	}
	looked := map[string]bool{}
	for _, r := range append(had, named...) {
		look, billed := looks[r.Type]
		if !billed || r.PhysicalID == "" || looked[r.PhysicalID] {
			continue
		}
		looked[r.PhysicalID] = true
		there, failed := look(ctx, r.PhysicalID)
		switch {
		case failed != nil:
			err = errors.Join(err, unproved(fmt.Sprintf("verify that %s %s is deleted", r.Type, r.PhysicalID), failed))
		case there != nil:
			left = append(left, *there)
		case r.LogicalID != "":
			result.Gone = append(result.Gone, Looked{r.LogicalID, r.Type, r.PhysicalID})
		}
	}
	return left, err
}

// unproved is the error of a look that could not be taken.
func unproved(doing string, err error) error {
	return awserr.Explain(doing, err, awserr.Next{Denied: "check in the AWS console whether the resource exists; " +
		"docs/iam/deployer-policy.json has the permissions that 'parascope down' needs for this check"})
}

func (p prover) lookForPrometheus(ctx context.Context, arn string) (*remains, error) {
	id := arn[strings.LastIndex(arn, "/")+1:]
	out, err := p.prometheus.DescribeWorkspace(ctx, &amp.DescribeWorkspaceInput{WorkspaceId: &id})
	if err != nil || out.Workspace.Status.StatusCode == "DELETING" {
		return nil, notFoundIsNil(err)
	}
	return &remains{"Prometheus workspace " + id, "aws amp delete-workspace --workspace-id " + id + p.elsewhere}, nil
}

func (p prover) lookForGrafana(ctx context.Context, id string) (*remains, error) {
	out, err := p.grafana.DescribeWorkspace(ctx, &amg.DescribeWorkspaceInput{WorkspaceId: &id})
	if err != nil || out.Workspace.Status == "DELETING" {
		return nil, notFoundIsNil(err)
	}
	return &remains{"Grafana workspace " + id, "aws grafana delete-workspace --workspace-id " + id + p.elsewhere}, nil
}

func (p prover) lookForNAT(ctx context.Context, id string) (*remains, error) {
	out, err := p.network.DescribeNatGateways(ctx, &ec2.DescribeNatGatewaysInput{NatGatewayIds: []string{id}})
	if err != nil || len(out.NatGateways) == 0 {
		return nil, notFoundIsNil(err)
	}
	if s := out.NatGateways[0].State; s == ec2types.NatGatewayStateDeleted || s == ec2types.NatGatewayStateDeleting {
		return nil, nil
	}
	return &remains{"NAT gateway " + id, "aws ec2 delete-nat-gateway --nat-gateway-id " + id + p.elsewhere}, nil
}

func (p prover) lookForAddress(ctx context.Context, ip string) (*remains, error) {
	out, err := p.network.DescribeAddresses(ctx, &ec2.DescribeAddressesInput{PublicIps: []string{ip}})
	if err != nil || len(out.Addresses) == 0 {
		return nil, notFoundIsNil(err)
	}
	return &remains{"address " + ip, "aws ec2 release-address --allocation-id " + aws.ToString(out.Addresses[0].AllocationId) + p.elsewhere},
		nil
}

// named finds what bears the stack's name: a workspace is called as the stack is, and
// CloudFormation tags the others.
func (p prover) named(ctx context.Context, stackName string) ([]stack.Resource, error) {
	var all []stack.Resource
	var errs []error
	for _, list := range []func(context.Context, string) ([]stack.Resource, error){p.namedPrometheus, p.namedGrafana, p.taggedNATs,
		p.taggedAddresses} {
		found, err := list(ctx, stackName)
		all, errs = append(all, found...), append(errs, err)
	}
	return all, errors.Join(errs...)
}

func (p prover) namedPrometheus(ctx context.Context, name string) (all []stack.Resource, err error) {
	pages := amp.NewListWorkspacesPaginator(p.prometheus, &amp.ListWorkspacesInput{Alias: &name}) // those that begin so
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return all, unproved("list Prometheus workspaces", err)
		}
		for _, w := range page.Workspaces {
			if aws.ToString(w.Alias) == name {
				all = append(all, stack.Resource{Type: prometheusType, PhysicalID: aws.ToString(w.Arn)})
			}
		}
	}
	return all, nil
}

func (p prover) namedGrafana(ctx context.Context, name string) (all []stack.Resource, err error) {
	pages := amg.NewListWorkspacesPaginator(p.grafana, &amg.ListWorkspacesInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return all, unproved("list Grafana workspaces", err)
		}
		for _, w := range page.Workspaces {
			if aws.ToString(w.Name) == name {
				all = append(all, stack.Resource{Type: grafanaType, PhysicalID: aws.ToString(w.Id)})
			}
		}
	}
	return all, nil
}

// taggedWith keeps what CloudFormation made for a stack of this name.
func taggedWith(stackName string) []ec2types.Filter {
	return []ec2types.Filter{{Name: aws.String("tag:aws:cloudformation:stack-name"), Values: []string{stackName}}}
}

func (p prover) taggedNATs(ctx context.Context, stackName string) (all []stack.Resource, err error) {
	pages := ec2.NewDescribeNatGatewaysPaginator(p.network, &ec2.DescribeNatGatewaysInput{Filter: taggedWith(stackName)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return all, unproved("list NAT gateways", err)
		}
		for _, g := range page.NatGateways {
			all = append(all, stack.Resource{Type: natType, PhysicalID: aws.ToString(g.NatGatewayId)})
		}
	}
	return all, nil
}

func (p prover) taggedAddresses(ctx context.Context, stackName string) (all []stack.Resource, err error) {
	out, err := p.network.DescribeAddresses(ctx, &ec2.DescribeAddressesInput{Filters: taggedWith(stackName)})
	if err != nil {
		return nil, unproved("list addresses", err)
	}
	for _, a := range out.Addresses {
		all = append(all, stack.Resource{Type: addressType, PhysicalID: aws.ToString(a.PublicIp)})
	}
	return all, nil
}

// stillThere is the error of a proof that failed. No stack holds these any more, so
// that running Down again would not delete them.
func (d *down) stillThere(left []remains) error {
	var what []string
	for _, r := range left {
		what = append(what, r.what)
		d.report(Event{Kind: Warning, Step: "proof", Text: fmt.Sprintf("%s still exists: %s", r.what, r.remove)})
	}
	return hint.New(hint.Failure, fmt.Errorf("these resources still exist and are billed: %s", strings.Join(what, ", ")),
		"the resources do not belong to a stack: delete the resources with the commands above, then verify with '"+d.o.Again("down")+"'")
}

// notFoundIsNil drops the error that says what we want to hear.
func notFoundIsNil(err error) error {
	api, ok := errors.AsType[smithy.APIError](err)
	if ok && (api.ErrorCode() == "ResourceNotFoundException" || strings.HasSuffix(api.ErrorCode(), ".NotFound") ||
		strings.HasSuffix(api.ErrorCode(), "NotFound") || api.ErrorCode() == "NoSuchEntity") {
		return nil
	}
	return err
}
