package resource

import "slices"

// Types are all types that the local cloud can make.
func Types() []Type {
	return []Type{
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
