// Package catalog is the list of resource types that the local cloud can make,
// one file per family of AWS's.
package catalog

import (
	"slices"

	"github.com/parascope/parascope/localaws/cloudformation/resource"
)

// The tables of types are written in the words of package resource.
type (
	Type       = resource.Type
	Work       = resource.Work
	Property   = resource.Property
	Properties = resource.Properties
)

const (
	Text       = resource.Text
	Flag       = resource.Flag
	Whole      = resource.Whole
	Texts      = resource.Texts
	Document   = resource.Document
	Free       = resource.Free
	Structure  = resource.Structure
	Structures = resource.Structures
	Tags       = resource.Tags
)

// Types are all types that the local cloud can make.
func Types() []Type {
	return []Type{
		apsRuleGroupsNamespace(),
		apsWorkspace(),
		waitConditionHandle(),
		ec2EIP(),
		ec2InternetGateway(),
		ec2NatGateway(),
		ec2Route(),
		ec2RouteTable(),
		ec2Subnet(),
		ec2SubnetRouteTableAssociation(),
		ec2VPC(),
		ec2VPCEndpoint(),
		ec2VPCGatewayAttachment(),
		grafanaWorkspace(),
		iamInstanceProfile(),
		iamManagedPolicy(),
		iamPolicy(),
		iamRole(),
		lambdaFunction(),
		lambdaPermission(),
		logsLogGroup(),
		s3Bucket(),
		snsSubscription(),
		snsTopic(),
		snsTopicPolicy(),
	}
}

// Lookup finds the type with this name; all custom resources are of one type.
func Lookup(name string) (Type, bool) {
	if Custom(name) {
		return customResource(), true
	}
	types := Types()
	at := slices.IndexFunc(types, func(t Type) bool { return t.Name == name })
	if at < 0 {
		return Type{}, false
	}
	return types[at], true
}
