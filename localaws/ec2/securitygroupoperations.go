package ec2

import (
	"github.com/parascope/parascope/localaws/ec2/network"
	"github.com/parascope/parascope/localaws/gateway"
)

func (e *EC2) securityGroups() []gateway.Operation {
	return []gateway.Operation{
		{Name: "CreateSecurityGroup", Serve: e.changes((*call).createSecurityGroup), Resources: creating(network.KindSecurityGroup, "VpcId"),
			Rules: []gateway.Rule{
				{Text: "a new group allows all outbound traffic and no inbound traffic; a name that another group of the VPC has is refused with " +
					"400 InvalidGroup.Duplicate; a name must not begin with sg-", Basis: gateway.Confirmed, Source: vpcGuide + ", security groups; " +
					"" + model},
				{Text: "the name default is refused with 400 InvalidParameterValue `Cannot use reserved security group name: " +
					"default`", Basis: gateway.Inferred, Source: "wording of the error message as reported by users"},
			}},
		{Name: "DeleteSecurityGroup", Serve: e.changes((*call).deleteSecurityGroup), Resources: on("GroupId"), Rules: []gateway.Rule{
			{Text: "the deletion is refused with 400 DependencyViolation while an instance is in the group or a rule of another group names it, " +
				"and with 400 CannotDelete for a default group",
				Basis: gateway.Confirmed, Source: model + "; " + errorCodes + "; texts as reported by users"},
		}},
		{Name: "AuthorizeSecurityGroupIngress", Serve: e.changes(authorize(false)), Resources: on("GroupId"), Rules: ruleRules()},
		{Name: "AuthorizeSecurityGroupEgress", Serve: e.changes(authorize(true)), Resources: on("GroupId"), Rules: ruleRules()[:1]},
		{Name: "RevokeSecurityGroupIngress", Serve: e.changes(revoke(false)), Resources: on("GroupId"), Rules: []gateway.Rule{
			{Text: "rules are revoked by their ids, or by exact protocol, ports and source; a rule that does not exist is refused with 400 " +
				"InvalidPermission.NotFound",
				Basis: gateway.Confirmed, Source: model + " (in a default VPC, AWS returns 200 and lists the unknown rules)"},
		}},
		{Name: "RevokeSecurityGroupEgress", Serve: e.changes(revoke(true)), Resources: on("GroupId")},
		{Name: "DescribeSecurityGroups", Serve: e.reads((*call).describeSecurityGroups), Rules: []gateway.Rule{
			{Text: "rules with the same protocol and ports are returned as one permission; a permission with protocol -1 has no " +
				"ports", Basis: gateway.Inferred, Source: "EC2 API reference, examples of DescribeSecurityGroups"},
		}},
		{Name: "DescribeSecurityGroupRules", Serve: e.reads((*call).describeSecurityGroupRules)},
	}
}

func ruleRules() []gateway.Rule {
	return []gateway.Rule{
		{Text: "one rule is created for each source or target; a duplicate rule is refused with 400 InvalidPermission.Duplicate; a group has " +
			"at most 60 rules in each direction, and further rules are refused with 400 " +
			"RulesPerSecurityGroupLimitExceeded", Basis: gateway.Confirmed, Source: errorCodes + "; VPC user guide, quotas"},
		{Text: "rules for tcp, udp and icmp have ports, and rules for other protocols allow all ports; group names, IPv6, prefix lists and " +
			"tags of rules are refused with 501", Basis: gateway.Confirmed, Source: model + " (refusing them is a simplification of the local " +
			"cloud)"},
		{Text: "rules are stored but not enforced, because the local cloud has no network traffic", Basis: gateway.Assumed, Source: simplified},
	}
}
