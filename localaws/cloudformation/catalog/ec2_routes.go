package catalog

import (
	"maps"

	"github.com/parascope/parascope/localaws/cloudformation/resource"
)

func ec2RouteTable() Type {
	return Type{
		Name:       "AWS::EC2::RouteTable",
		Properties: Properties{"VpcId": {Kind: Text, Required: true, Replaces: true}, "Tags": {Kind: Tags}},
		Attributes: []string{"RouteTableId"},
		Create: func(w *Work) error {
			_, err := ec2Create(w, "CreateRouteTable", "route-table", []string{"routeTable", "routeTableId"}, "VpcId", w.Text("VpcId"))
			w.Attributes["RouteTableId"] = w.ID
			return err
		},
		Update: func(w *Work) error { return ec2Tags(w, w.ID) },
		Delete: func(w *Work) error { _, err := ec2(w, "DeleteRouteTable", "RouteTableId", w.ID); return err },
	}
}

func ec2Route() Type {
	destination := func(w *Work) []string {
		return []string{"RouteTableId", w.Text("RouteTableId"), "DestinationCidrBlock", w.Text("DestinationCidrBlock")}
	}
	target := func(w *Work) []string {
		pairs := destination(w)
		for _, name := range []string{"GatewayId", "NatGatewayId", "NetworkInterfaceId", "VpcEndpointId"} {
			pairs = append(pairs, name, w.Text(name))
		}
		return pairs
	}
	return Type{
		Name: "AWS::EC2::Route",
		Properties: Properties{
			"RouteTableId": {Kind: Text, Required: true, Replaces: true}, "DestinationCidrBlock": {Kind: Text, Required: true, Replaces: true},
			"GatewayId": {Kind: Text}, "NatGatewayId": {Kind: Text}, "NetworkInterfaceId": {Kind: Text}, "VpcEndpointId": {Kind: Text},
		},
		Elsewhere: []string{
			"CarrierGatewayId", "CoreNetworkArn", "DestinationIpv6CidrBlock", "DestinationPrefixListId", "EgressOnlyInternetGatewayId", "InstanceId",
			"LocalGatewayId",
			"TransitGatewayId", "VpcPeeringConnectionId",
		},
		Attributes: []string{"CidrBlock"},
		Create: func(w *Work) error {
			if _, err := ec2(w, "CreateRoute", target(w)...); err != nil {
				return err
			}
			w.Attributes["CidrBlock"] = w.Text("DestinationCidrBlock")
			return w.Made(w.Text("RouteTableId") + "|" + w.Text("DestinationCidrBlock"))
		},
		Update: func(w *Work) error { _, err := ec2(w, "ReplaceRoute", target(w)...); return err },
		Delete: func(w *Work) error { _, err := ec2(w, "DeleteRoute", destination(w)...); return err },
	}
}

func ec2SubnetRouteTableAssociation() Type {
	return Type{
		Name:       "AWS::EC2::SubnetRouteTableAssociation",
		Properties: Properties{"SubnetId": {Kind: Text, Required: true}, "RouteTableId": {Kind: Text, Required: true}},
		Attributes: []string{"Id"},
		Create: func(w *Work) error {
			_, err := ec2Create(w, "AssociateRouteTable", "", []string{"associationId"}, "SubnetId", w.Text("SubnetId"), "RouteTableId",
				w.Text("RouteTableId"))
			w.Attributes["Id"] = w.ID
			return err
		},
		Delete: func(w *Work) error {
			_, err := ec2(w, "DisassociateRouteTable", "AssociationId", w.ID)
			return err
		},
	}
}

func ec2VPCEndpoint() Type {
	return Type{
		Name: "AWS::EC2::VPCEndpoint",
		Properties: Properties{
			"VpcId": {Kind: Text, Required: true, Replaces: true}, "ServiceName": {Kind: Text, Required: true, Replaces: true},
			"VpcEndpointType": {Kind: Text, Replaces: true},
			"RouteTableIds":   {Kind: Texts}, "PolicyDocument": {Kind: Document}, "Tags": {Kind: Tags},
		},
		Elsewhere: []string{
			"DnsOptions", "IpAddressType", "PrivateDnsEnabled", "ResourceConfigurationArn", "SecurityGroupIds", "ServiceNetworkArn", "ServiceRegion",
			"SubnetIds",
		},
		Attributes: []string{"Id", "CreationTimestamp"},
		Create:     createVPCEndpoint,
		Update: func(w *Work) error {
			if w.Changed("RouteTableIds", "PolicyDocument") {
				added, removed := diff(texts(w.Old["RouteTableIds"]), texts(w.Properties["RouteTableIds"]))
				form := values("VpcEndpointId", w.ID)
				maps.Copy(form, list("AddRouteTableId", added))
				maps.Copy(form, list("RemoveRouteTableId", removed))
				switch {
				case w.Has("PolicyDocument"):
					form.Set("PolicyDocument", document(w.Properties["PolicyDocument"]))
				case w.Changed("PolicyDocument"):
					form.Set("ResetPolicy", "true")
				}
				if _, err := w.Form("ec2", "ModifyVpcEndpoint", form); err != nil {
					return err
				}
			}
			return ec2Tags(w, w.ID)
		},
		Delete: deleteVPCEndpoint,
	}
}

func createVPCEndpoint(w *Work) error {
	pairs := []string{"VpcId", w.Text("VpcId"), "ServiceName", w.Text("ServiceName"), "VpcEndpointType", w.Text("VpcEndpointType")}
	if w.Has("PolicyDocument") {
		pairs = append(pairs, "PolicyDocument", document(w.Properties["PolicyDocument"]))
	}
	for name, value := range list("RouteTableId", texts(w.Properties["RouteTableIds"])) {
		pairs = append(pairs, name, value[0])
	}
	body, err := ec2Create(w, "CreateVpcEndpoint", "vpc-endpoint", []string{"vpcEndpoint", "vpcEndpointId"}, pairs...)
	if err != nil {
		return err
	}
	w.Attributes["Id"], w.Attributes["CreationTimestamp"] = w.ID, resource.Element(body, "vpcEndpoint", "creationTimestamp")
	return ec2State(w, "DescribeVpcEndpoints", "VpcEndpointId.1", "available", "item", "state")
}

func deleteVPCEndpoint(w *Work) error {
	body, err := ec2(w, "DeleteVpcEndpoints", "VpcEndpointId.1", w.ID)
	if err != nil {
		return err
	}
	// What could not be deleted comes back inside a 200.
	if code := resource.Element(body, "error", "code"); code != "" {
		f := &resource.Failure{Service: "Ec2", Status: 400, Code: code, Message: resource.Element(body, "error", "message")}
		f.HandlerCode = resource.HandlerCode(f)
		return f
	}
	return w.Until(func() (bool, error) {
		body, err := ec2(w, "DescribeVpcEndpoints", "VpcEndpointId.1", w.ID)
		if err != nil {
			return resource.Gone(err), resource.IgnoreGone(err)
		}
		state := resource.Element(body, "item", "state")
		return state == "" || state == "deleted", nil
	})
}
