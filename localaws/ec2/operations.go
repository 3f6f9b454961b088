package ec2

import (
	"slices"

	"github.com/parascope/parascope/localaws/ec2/network"
	"github.com/parascope/parascope/localaws/gateway"
)

// Sources of the rules below, named once.
const (
	model      = "the SDK's model of the service (ec2 2016-11-15)"
	reference  = "EC2 API reference"
	errorCodes = "EC2 API reference, error codes"
	vpcGuide   = "VPC user guide"
	actions    = "service authorization reference, Amazon EC2"
	simplified = "a simplification of the local cloud"
)

// Service is EC2's network.
func (e *EC2) Service() gateway.Service {
	return gateway.Service{
		Name: "ec2", Title: "Amazon Elastic Compute Cloud, networks and records of instances", SigningName: "ec2", Version: "2016-11-15",
		Protocol: gateway.EC2Query,
		Operations: e.authorized(slices.Concat(e.vpcs(), e.securityGroups(), e.subnets(), e.gateways(), e.addresses(), e.natGateways(),
			e.routeTables(), e.endpoints(), e.instances(), e.tagging(), e.regional(), notImplemented())),
		Rules: []gateway.Rule{
			{Text: "a request for a resource that does not exist is refused with 400 and the code of the resource type, such as " +
				"`InvalidVpcID.NotFound`, also if the id has an invalid format (AWS then returns a Malformed code for some " +
				"types)", Basis: gateway.Inferred, Source: errorCodes + "; texts as reported by users"},
			{Text: "a resource with dependencies is not deleted: 400 DependencyViolation `The subnet 'subnet-…' has dependencies and cannot be " +
				"deleted.`", Basis: gateway.Confirmed, Source: errorCodes + "; wording of the error message as reported by users"},
			{Text: "a filter matches if one of its values matches; values may contain the wildcards * and ?; all filters must match; an unknown " +
				"filter is refused with 400 InvalidParameterValue `The filter 'x' is invalid`", Basis: gateway.Confirmed,
				Source: reference + ", Filter; wording of the error message as reported by users"},
			{Text: "MaxResults is 5 to 1000 and not allowed with ids; results are sorted by id, and without MaxResults a page has up to 1000",
				Basis: gateway.Inferred, Source: model + "; AWS does not define an order"},
			{Text: "with DryRun the response is 412 DryRunOperation if the caller has permission; nothing else is checked", Basis: gateway.Confirmed,
				Source: reference + ", DryRun (HTTP status code as reported by users)"},
			{Text: "permissions are checked for the resources in the request and for `kind/*` of created resources; Describe… actions are " +
				"checked for `*`, except DescribeVpcAttribute; tags on creation also require ec2:CreateTags, with the condition key " +
				"ec2:CreateAction", Basis: gateway.Confirmed, Source: actions},
			{Text: "the supported condition keys are ec2:Region, aws:RequestTag/…, aws:TagKeys, and aws:ResourceTag/… if the action is on one " +
				"existing resource; ec2:Vpc and the other condition keys of EC2 are not set", Basis: gateway.Assumed, Source: simplified},
			{Text: "a new region has no default VPC", Basis: gateway.Assumed, Source: simplified + ": accounts have a default VPC until they " +
				"delete it"},
			{Text: "requests with IPv6, IPAM, Outposts or peers in other regions are refused with 501", Basis: gateway.Assumed, Source: simplified},
			{Text: "a resource has at most 50 tags with keys of 1 to 128 and values of up to 256 characters; keys beginning with aws: are for " +
				"AWS's services", Basis: gateway.Confirmed, Source: "EC2 user guide, tag restrictions"},
		},
	}
}

// authorized names the operations' actions and condition keys.
func (e *EC2) authorized(operations []gateway.Operation) []gateway.Operation {
	for i := range operations {
		operations[i].Keys = e.keys(operations[i].Resources)
	}
	return gateway.RequireActions("ec2", nil, operations)
}

func (e *EC2) vpcs() []gateway.Operation {
	return []gateway.Operation{
		{Name: "CreateVpc", Serve: e.changes((*call).createVPC), Resources: creating(network.KindVPC), Rules: []gateway.Rule{
			{Text: "a VPC has an IPv4 block of /16 to /28, which is made canonical (other blocks are refused with 400 InvalidVpc.Range or " +
				"InvalidParameterValue), a main route table and a default security group; its state is pending in the response of CreateVpc, and " +
				"available when the VPC is described", Basis: gateway.Confirmed, Source: vpcGuide + "; " + reference},
			{Text: "a region has at most 5 VPCs; further VPCs are refused with 400 " +
				"VpcLimitExceeded", Basis: gateway.Confirmed, Source: vpcGuide + ", quotas"},
		}},
		{Name: "DeleteVpc", Serve: e.changes((*call).deleteVPC), Resources: on("VpcId"), Rules: []gateway.Rule{
			{Text: "the deletion is refused while the VPC has subnets, an attached internet gateway, endpoints, or route tables and security " +
				"groups other than the main route table and the default security group", Basis: gateway.Confirmed,
				Source: vpcGuide + ", delete your VPC"},
		}},
		{Name: "DescribeVpcs", Serve: e.reads((*call).describeVPCs)},
		{Name: "DescribeVpcAttribute", Serve: e.reads((*call).describeVPCAttribute), Resources: on("VpcId")},
		{Name: "ModifyVpcAttribute", Serve: e.changes((*call).modifyVPCAttribute), Resources: on("VpcId"), Rules: []gateway.Rule{
			{Text: "a request changes one attribute; by default DNS support is on and DNS host names are off", Basis: gateway.Confirmed,
				Source: reference + " and " + vpcGuide},
		}},
	}
}

func (e *EC2) subnets() []gateway.Operation {
	return []gateway.Operation{
		{Name: "CreateSubnet", Serve: e.changes((*call).createSubnet), Resources: creating(network.KindSubnet, "VpcId"), Rules: []gateway.Rule{
			{Text: "a subnet has an IPv4 block of /16 to /28 inside the VPC's block; other blocks are refused with 400 InvalidSubnet.Range, and " +
				"a block that overlaps another subnet with InvalidSubnet.Conflict; the zone must be a zone of the region and is checked first; the " +
				"default is the first zone", Basis: gateway.Confirmed,
				Source: errorCodes + " (the choice of the first zone and the order of the two checks are assumptions)"},
		}},
		{Name: "DeleteSubnet", Serve: e.changes((*call).deleteSubnet), Resources: on("SubnetId"), Rules: []gateway.Rule{
			{Text: "the deletion is refused while the subnet has NAT gateways or instances; its route table association is deleted too",
				Basis: gateway.Inferred, Source: vpcGuide + " (a network interface prevents the deletion; NAT gateways and instances have network " +
					"interfaces)"},
		}},
		{Name: "DescribeSubnets", Serve: e.reads((*call).describeSubnets)},
		{Name: "ModifySubnetAttribute", Serve: e.changes((*call).modifySubnetAttribute), Resources: on("SubnetId"), Rules: []gateway.Rule{
			{Text: "only the attribute MapPublicIpOnLaunch can be changed", Basis: gateway.Assumed, Source: simplified},
		}},
	}
}

func (e *EC2) gateways() []gateway.Operation {
	return []gateway.Operation{
		{Name: "CreateInternetGateway", Serve: e.changes((*call).createInternetGateway), Resources: creating(network.KindInternetGateway)},
		{Name: "AttachInternetGateway", Serve: e.changes((*call).attachInternetGateway), Resources: on("InternetGatewayId", "VpcId"),
			Rules: []gateway.Rule{
				{Text: "attaching a gateway to a second VPC is refused with 400 Resource.AlreadyAssociated, and attaching a second gateway to a VPC " +
					"with 400 InvalidParameterValue; the state of an attached gateway is " +
					"`available`", Basis: gateway.Confirmed, Source: errorCodes + "; texts and the state as reported by users"},
			}},
		{Name: "DetachInternetGateway", Serve: e.changes((*call).detachInternetGateway), Resources: on("InternetGatewayId", "VpcId"),
			Rules: []gateway.Rule{
				{Text: "the response is 400 DependencyViolation while the VPC has public addresses in use, such as that of a NAT " +
					"gateway", Basis: gateway.Confirmed, Source: vpcGuide + ", internet gateways; wording of the error message as reported by users"},
			}},
		{Name: "DeleteInternetGateway", Serve: e.changes((*call).deleteInternetGateway), Resources: on("InternetGatewayId")},
		{Name: "DescribeInternetGateways", Serve: e.reads((*call).describeInternetGateways)},
	}
}

func (e *EC2) addresses() []gateway.Operation {
	return []gateway.Operation{
		{Name: "AllocateAddress", Serve: e.changes((*call).allocateAddress), Resources: creating(network.KindAddress), Rules: []gateway.Rule{
			{Text: "a region has at most 5 Elastic IP addresses; further addresses are refused with 400 " +
				"AddressLimitExceeded", Basis: gateway.Confirmed, Source: "EC2 user guide, Elastic IP addresses"},
			{Text: "addresses are from 203.0.113.0/24, which is reserved for documentation", Basis: gateway.Assumed, Source: simplified},
		}},
		{Name: "ReleaseAddress", Serve: e.changes((*call).releaseAddress), Resources: on("AllocationId"), Rules: []gateway.Rule{
			{Text: "the response is 400 InvalidIPAddress.InUse while a NAT gateway uses the address", Basis: gateway.Confirmed, Source: errorCodes},
		}},
		{Name: "DescribeAddresses", Serve: e.reads((*call).describeAddresses)},
	}
}

func (e *EC2) natGateways() []gateway.Operation {
	return []gateway.Operation{
		{Name: "CreateNatGateway", Serve: e.changes((*call).createNATGateway),
			Resources: creating(network.KindNATGateway, "SubnetId", "AllocationId"), Rules: []gateway.Rule{
				{Text: "a NAT gateway is pending, then available, by the local cloud's clock; it becomes failed if the VPC has no internet gateway " +
					"(Gateway.NotAttached `Network vpc-… has no Internet gateway attached`) or the address is in use " +
					"(Resource.AlreadyAssociated)", Basis: gateway.Confirmed, Source: vpcGuide + ", troubleshoot NAT gateways"},
				{Text: "only zonal NAT gateways are supported; a repeated request with the same client token returns the same " +
					"gateway", Basis: gateway.Inferred, Source: model + "; regional NAT gateways are refused with 501"},
			}},
		{Name: "DeleteNatGateway", Serve: e.changes((*call).deleteNATGateway), Resources: on("NatGatewayId"), Rules: []gateway.Rule{
			{Text: "a NAT gateway is deleting, then deleted, by the local cloud's clock; its address is released, its routes are blackholes, and " +
				"it can be described for about an hour, as can a failed gateway", Basis: gateway.Confirmed, Source: vpcGuide + ", NAT gateways"},
			{Text: "deleting a NAT gateway again is not an error", Basis: gateway.Assumed, Source: "no source found"},
		}},
		{Name: "DescribeNatGateways", Serve: e.reads((*call).describeNATGateways)},
	}
}

func (e *EC2) routeTables() []gateway.Operation {
	return []gateway.Operation{
		{Name: "CreateRouteTable", Serve: e.changes((*call).createRouteTable), Resources: creating(network.KindRouteTable, "VpcId")},
		{Name: "DeleteRouteTable", Serve: e.changes((*call).deleteRouteTable), Resources: on("RouteTableId"), Rules: []gateway.Rule{
			{Text: "deleting the main route table, or a route table with associations, is refused with 400 " +
				"DependencyViolation", Basis: gateway.Confirmed, Source: vpcGuide + ", route tables"},
		}},
		{Name: "DescribeRouteTables", Serve: e.reads((*call).describeRouteTables)},
		{Name: "CreateRoute", Serve: e.changes((*call).createRoute), Resources: on("RouteTableId"), Rules: []gateway.Rule{
			{Text: "the target of a route is an internet gateway attached to the VPC, or an available NAT gateway in the VPC; a second route " +
				"with the same destination and another target is refused with 400 RouteAlreadyExists; routes into the VPC's own block are " +
				"refused", Basis: gateway.Confirmed,
				Source: errorCodes + "; texts as reported by users (it is inferred that creating the same route again is not an error)"},
		}},
		{Name: "ReplaceRoute", Serve: e.changes((*call).replaceRoute), Resources: on("RouteTableId")},
		{Name: "DeleteRoute", Serve: e.changes((*call).deleteRoute), Resources: on("RouteTableId")},
		{Name: "AssociateRouteTable", Serve: e.changes((*call).associateRouteTable), Resources: on("RouteTableId", "SubnetId"),
			Rules: []gateway.Rule{
				{Text: "a subnet has one route table: associating a second route table is refused with 400 " +
					"Resource.AlreadyAssociated", Basis: gateway.Confirmed, Source: errorCodes + "; wording of the error message as reported by users"},
			}},
		{Name: "DisassociateRouteTable", Serve: e.changes((*call).disassociateRouteTable), Resources: e.onAssociation},
		{Name: "ReplaceRouteTableAssociation", Serve: e.changes((*call).replaceRouteTableAssociation), Resources: e.onAssociation,
			Rules: []gateway.Rule{
				{Text: "replacing the main association makes another route table the main one", Basis: gateway.Confirmed, Source: reference},
			}},
	}
}

func (e *EC2) endpoints() []gateway.Operation {
	return []gateway.Operation{
		{Name: "CreateVpcEndpoint", Serve: e.changes((*call).createVPCEndpoint),
			Resources: creating(network.KindEndpoint, "VpcId", "RouteTableId"), Rules: []gateway.Rule{
				{Text: "only gateway endpoints for S3 and DynamoDB exist, and are available immediately. A route to the service's prefix list is " +
					"added to each of the route tables. An endpoint without a policy allows full access", Basis: gateway.Confirmed,
					Source: vpcGuide + ", gateway endpoints (the ids of prefix lists are fictitious; other endpoint types are refused with 501)"},
				{Text: "the policy is stored but not enforced, because no traffic uses the endpoint", Basis: gateway.Assumed, Source: simplified},
			}},
		{Name: "ModifyVpcEndpoint", Serve: e.changes((*call).modifyVPCEndpoint), Resources: on("VpcEndpointId")},
		{Name: "DeleteVpcEndpoints", Serve: e.changes((*call).deleteVPCEndpoints), Resources: on("VpcEndpointId"), Rules: []gateway.Rule{
			{Text: "endpoints that do not exist are listed in a response with status 200", Basis: gateway.Confirmed, Source: errorCodes},
		}},
		{Name: "DescribeVpcEndpoints", Serve: e.reads((*call).describeVPCEndpoints)},
	}
}

func (e *EC2) instances() []gateway.Operation {
	return []gateway.Operation{
		{Name: "RunInstances", Serve: e.changes((*call).runInstances), Resources: creating(network.KindInstance, "SubnetId", "SecurityGroupId"),
			Rules: []gateway.Rule{
				{Text: "instances get the next addresses of their subnet; the state is pending in this response, and running when the instance is " +
					"described", Basis: gateway.Confirmed, Source: reference},
				{Text: "an instance is in the security groups that the request names, which must belong to the subnet's VPC; by default it is in " +
					"the VPC's default group", Basis: gateway.Confirmed,
					Source: vpcGuide + ", security groups (wording of the error message as reported by users)"},
				{Text: "instances are records only, and no machine is started; a request without a subnet is refused with 400 VPCIdNotSpecified, " +
					"because there is no default VPC; any image id is accepted", Basis: gateway.Assumed, Source: simplified},
				{Text: "a repeated request with the same client token returns the same instances", Basis: gateway.Confirmed, Source: "EC2 API " +
					"reference, idempotency"},
			}},
		{Name: "DescribeInstances", Serve: e.reads((*call).describeInstances), Rules: []gateway.Rule{
			{Text: "a terminated instance can be described for about an hour", Basis: gateway.Confirmed,
				Source: "EC2 user guide, instance lifecycle"},
		}},
		{Name: "TerminateInstances", Serve: e.changes((*call).terminateInstances), Resources: on("InstanceId"), Rules: []gateway.Rule{
			{Text: "the state is shutting-down in the response, and terminated when the instance is described later; terminating an instance " +
				"again is not an error; if one id is unknown, no instance is terminated", Basis: gateway.Confirmed, Source: reference},
		}},
	}
}

func (e *EC2) tagging() []gateway.Operation {
	return []gateway.Operation{
		{Name: "CreateTags", Serve: e.changes((*call).createTags), Resources: onTagged},
		{Name: "DeleteTags", Serve: e.changes((*call).deleteTags), Resources: onTagged, Rules: []gateway.Rule{
			{Text: "if the request names a value, the tag is removed only if it has that value; if the request names no tags, all tags are " +
				"removed except those that begin with aws:", Basis: gateway.Confirmed, Source: reference},
		}},
		{Name: "DescribeTags", Serve: e.reads((*call).describeTags)},
	}
}

func (e *EC2) regional() []gateway.Operation {
	return []gateway.Operation{
		{Name: "DescribeAvailabilityZones", Serve: e.reads((*call).describeAvailabilityZones), Rules: []gateway.Rule{
			{Text: "the zones of the region are sorted by name; the zone ids follow the order of the names, which differs between accounts on " +
				"AWS", Basis: gateway.Inferred, Source: "AWS regions and zones"},
		}},
		{Name: "DescribeRegions", Serve: e.reads((*call).describeRegions), Rules: []gateway.Rule{
			{Text: "the response has the 17 regions that are enabled by default", Basis: gateway.Confirmed, Source: "AWS regions and zones"},
		}},
		{Name: "DescribeInstanceTypes", Serve: e.reads((*call).describeInstanceTypes), Rules: []gateway.Rule{
			{Text: "the response has common types only, with their processors, memory, network cards, EFA and GPUs, in one page; every region has " +
				"the same types", Basis: gateway.Assumed, Source: simplified},
			{Text: "a type that does not exist is 400 InvalidInstanceType", Basis: gateway.Confirmed, Source: "as reported by users"},
		}},
		{Name: "DescribeAccountAttributes", Serve: e.reads((*call).describeAccountAttributes)},
		{Name: "DescribeNetworkInterfaces", Serve: e.reads((*call).describeNetworkInterfaces), Rules: []gateway.Rule{
			{Text: "the list of network interfaces is always empty; the interfaces of NAT gateways are shown with the " +
				"gateways", Basis: gateway.Assumed, Source: simplified},
		}},
	}
}

// notImplemented are the other operations on networks. Those on machines, disks,
// transit gateways, IPAM and the rest of EC2 are not listed one by one.
func notImplemented() []gateway.Operation {
	var operations []gateway.Operation
	for _, name := range []string{
		"AssignPrivateNatGatewayAddress", "AssociateAddress", "AssociateDhcpOptions", "AssociateNatGatewayAddress", "AssociateSecurityGroupVpc",
		"AssociateSubnetCidrBlock", "AssociateVpcCidrBlock", "AttachNetworkInterface",
		"CreateDefaultSubnet", "CreateDefaultVpc", "CreateDhcpOptions", "CreateEgressOnlyInternetGateway", "CreateFlowLogs",
		"CreateManagedPrefixList",
		"CreateNetworkAcl", "CreateNetworkAclEntry", "CreateNetworkInterface", "CreateVpcPeeringConnection",
		"DeleteDhcpOptions", "DeleteEgressOnlyInternetGateway", "DeleteFlowLogs", "DeleteManagedPrefixList", "DeleteNetworkAcl",
		"DeleteNetworkAclEntry",
		"DeleteNetworkInterface", "DeleteVpcPeeringConnection", "DescribeAddressesAttribute", "DescribeDhcpOptions",
		"DescribeEgressOnlyInternetGateways", "DescribeFlowLogs", "DescribeManagedPrefixLists", "DescribeNetworkAcls",
		"DescribeNetworkInterfaceAttribute",
		"DescribePrefixLists", "DescribeSecurityGroupReferences", "DescribeVpcEndpointServices",
		"DescribeVpcPeeringConnections",
		"DescribeVpnGateways", "DetachNetworkInterface", "DisableVgwRoutePropagation", "DisassociateAddress", "DisassociateNatGatewayAddress",
		"DisassociateSecurityGroupVpc", "DisassociateSubnetCidrBlock", "DisassociateVpcCidrBlock", "EnableVgwRoutePropagation",
		"GetSecurityGroupsForVpc",
		"ModifyAddressAttribute", "ModifyNetworkInterfaceAttribute", "ModifySecurityGroupRules", "ModifyVpcTenancy",
		"ReplaceNetworkAclAssociation",
		"ReplaceNetworkAclEntry", "UnassignPrivateNatGatewayAddress",
	} {
		operations = append(operations, gateway.Operation{Name: name})
	}
	return operations
}
