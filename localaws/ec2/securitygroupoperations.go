package ec2

import (
	"github.com/parascope/parascope/localaws/ec2/network"
	"github.com/parascope/parascope/localaws/gateway"
)

func (e *EC2) securityGroups() []gateway.Operation {
	return []gateway.Operation{
		{Name: "CreateSecurityGroup", Serve: e.changes((*call).createSecurityGroup), Resources: creating(network.KindSecurityGroup, "VpcId"),
			Rules: []gateway.Rule{
				{Text: "its members may reach everything, and nothing may reach them; a name is another's only in another VPC, else 400 " +
					"InvalidGroup.Duplicate; it does not begin with sg-", Basis: gateway.Confirmed, Source: vpcGuide + ", security groups; " + model},
				{Text: "the name default is 400 InvalidParameterValue `Cannot use reserved security group name: default`", Basis: gateway.Inferred,
					Source: "as reported by users"},
			}},
		{Name: "DeleteSecurityGroup", Serve: e.changes((*call).deleteSecurityGroup), Resources: on("GroupId"), Rules: []gateway.Rule{
			{Text: "400 DependencyViolation while an instance is in it or another group's rule names it; 400 CannotDelete for a default group",
				Basis: gateway.Confirmed, Source: model + "; " + errorCodes + "; texts as reported by users"},
		}},
		{Name: "AuthorizeSecurityGroupIngress", Serve: e.changes(authorize(false)), Resources: on("GroupId"), Rules: ruleRules()},
		{Name: "AuthorizeSecurityGroupEgress", Serve: e.changes(authorize(true)), Resources: on("GroupId"), Rules: ruleRules()[:1]},
		{Name: "RevokeSecurityGroupIngress", Serve: e.changes(revoke(false)), Resources: on("GroupId"), Rules: []gateway.Rule{
			{Text: "by the rules' ids, or by protocol, ports and source exactly; what is not there is 400 InvalidPermission.NotFound",
				Basis: gateway.Confirmed, Source: model + " (in a default VPC AWS answers 200 and lists it)"},
		}},
		{Name: "RevokeSecurityGroupEgress", Serve: e.changes(revoke(true)), Resources: on("GroupId")},
		{Name: "DescribeSecurityGroups", Serve: e.reads((*call).describeSecurityGroups), Rules: []gateway.Rule{
			{Text: "rules with the same protocol and ports are one permission; where the protocol is -1 it has no ports", Basis: gateway.Inferred,
				Source: "EC2 API reference, examples of DescribeSecurityGroups"},
		}},
		{Name: "DescribeSecurityGroupRules", Serve: e.reads((*call).describeSecurityGroupRules)},
	}
}

func ruleRules() []gateway.Rule {
	return []gateway.Rule{
		{Text: "one rule for each source or target; the same one again is 400 InvalidPermission.Duplicate; 60 in each direction, then 400 " +
			"RulesPerSecurityGroupLimitExceeded", Basis: gateway.Confirmed, Source: errorCodes + "; VPC user guide, quotas"},
		{Text: "tcp, udp and icmp have ports, other protocols are allowed on all of them; group ids only, no names, IPv6, prefix lists or " +
			"tags of rules, which are 501", Basis: gateway.Confirmed, Source: model + " (what is left out is a simplification)"},
		{Text: "rules are kept and not enforced: no packet passes here", Basis: gateway.Assumed, Source: simplified},
	}
}
