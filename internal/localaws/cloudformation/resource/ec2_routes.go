package resource

import (
	"maps"
)

func ec2RouteTable() Type {
	return Type{
		Name:       "AWS::EC2::RouteTable",
		Properties: Properties{"VpcId": {Kind: Text, Required: true, Replaces: true}, "Tags": {Kind: Tags}},
		Attributes: []string{"RouteTableId"},
		Create: func(w *Work) error {
			_, err := w.ec2Create("CreateRouteTable", "route-table", []string{"routeTable", "routeTableId"}, "VpcId", w.text("VpcId"))
			w.Attributes["RouteTableId"] = w.ID
			return err
		},
		Update: func(w *Work) error { return w.ec2Tags(w.ID) },
		Delete: func(w *Work) error { _, err := w.ec2("DeleteRouteTable", "RouteTableId", w.ID); return err },
	}
}

func ec2Route() Type {
	destination := func(w *Work) []string {
		return []string{"RouteTableId", w.text("RouteTableId"), "DestinationCidrBlock", w.text("DestinationCidrBlock")}
	}
	target := func(w *Work) []string {
		pairs := destination(w)
		for _, name := range []string{"GatewayId", "NatGatewayId", "NetworkInterfaceId", "VpcEndpointId"} {
			pairs = append(pairs, name, w.text(name))
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
			"CarrierGatewayId", "CoreNetworkArn", "DestinationIpv6CidrBlock", "DestinationPrefixListId", "EgressOnlyInternetGatewayId", "InstanceId", "LocalGatewayId",
			"TransitGatewayId", "VpcPeeringConnectionId",
		},
		Attributes: []string{"CidrBlock"},
		Create: func(w *Work) error {
			if _, err := w.ec2("CreateRoute", target(w)...); err != nil {
				return err
			}
			w.Attributes["CidrBlock"] = w.text("DestinationCidrBlock")
			return w.made(w.text("RouteTableId") + "|" + w.text("DestinationCidrBlock"))
		},
		Update: func(w *Work) error { _, err := w.ec2("ReplaceRoute", target(w)...); return err },
		Delete: func(w *Work) error { _, err := w.ec2("DeleteRoute", destination(w)...); return err },
	}
}

func ec2SubnetRouteTableAssociation() Type {
	return Type{
		Name:       "AWS::EC2::SubnetRouteTableAssociation",
		Properties: Properties{"SubnetId": {Kind: Text, Required: true}, "RouteTableId": {Kind: Text, Required: true}},
		Attributes: []string{"Id"},
		Create: func(w *Work) error {
			_, err := w.ec2Create("AssociateRouteTable", "", []string{"associationId"}, "SubnetId", w.text("SubnetId"), "RouteTableId", w.text("RouteTableId"))
			w.Attributes["Id"] = w.ID
			return err
		},
		Delete: func(w *Work) error {
			_, err := w.ec2("DisassociateRouteTable", "AssociationId", w.ID)
			return err
		},
	}
}

func ec2VPCEndpoint() Type {
	return Type{
		Name: "AWS::EC2::VPCEndpoint",
		Properties: Properties{
			"VpcId": {Kind: Text, Required: true, Replaces: true}, "ServiceName": {Kind: Text, Required: true, Replaces: true}, "VpcEndpointType": {Kind: Text, Replaces: true},
			"RouteTableIds": {Kind: Texts}, "PolicyDocument": {Kind: Document}, "Tags": {Kind: Tags},
		},
		Elsewhere: []string{
			"DnsOptions", "IpAddressType", "PrivateDnsEnabled", "ResourceConfigurationArn", "SecurityGroupIds", "ServiceNetworkArn", "ServiceRegion", "SubnetIds",
		},
		Attributes: []string{"Id", "CreationTimestamp"},
		Create:     createVPCEndpoint,
		Update: func(w *Work) error {
			if w.changed("RouteTableIds", "PolicyDocument") {
				added, removed := diff(texts(w.Old["RouteTableIds"]), texts(w.Properties["RouteTableIds"]))
				form := values("VpcEndpointId", w.ID)
				maps.Copy(form, list("AddRouteTableId", added))
				maps.Copy(form, list("RemoveRouteTableId", removed))
				switch {
				case w.has("PolicyDocument"):
					form.Set("PolicyDocument", document(w.Properties["PolicyDocument"]))
				case w.changed("PolicyDocument"):
					form.Set("ResetPolicy", "true")
				}
				if _, err := w.form("ec2", "ModifyVpcEndpoint", form); err != nil {
					return err
				}
			}
			return w.ec2Tags(w.ID)
		},
		Delete: deleteVPCEndpoint,
	}
}

func createVPCEndpoint(w *Work) error {
	pairs := []string{"VpcId", w.text("VpcId"), "ServiceName", w.text("ServiceName"), "VpcEndpointType", w.text("VpcEndpointType")}
	if w.has("PolicyDocument") {
		pairs = append(pairs, "PolicyDocument", document(w.Properties["PolicyDocument"]))
	}
	for name, value := range list("RouteTableId", texts(w.Properties["RouteTableIds"])) {
		pairs = append(pairs, name, value[0])
	}
	body, err := w.ec2Create("CreateVpcEndpoint", "vpc-endpoint", []string{"vpcEndpoint", "vpcEndpointId"}, pairs...)
	if err != nil {
		return err
	}
	w.Attributes["Id"], w.Attributes["CreationTimestamp"] = w.ID, element(body, "vpcEndpoint", "creationTimestamp")
	return w.ec2State("DescribeVpcEndpoints", "VpcEndpointId.1", "available", "item", "state")
}

func deleteVPCEndpoint(w *Work) error {
	body, err := w.ec2("DeleteVpcEndpoints", "VpcEndpointId.1", w.ID)
	if err != nil {
		return err
	}
	// What could not be deleted comes back inside a 200.
	if code := element(body, "error", "code"); code != "" {
		f := &Failure{Service: "Ec2", Status: 400, Code: code, Message: element(body, "error", "message")}
		f.HandlerCode = handlerCode(f)
		return f
	}
	return w.until(func() (bool, error) {
		body, err := w.ec2("DescribeVpcEndpoints", "VpcEndpointId.1", w.ID)
		if err != nil {
			return isGone(err), ignoreGone(err)
		}
		state := element(body, "item", "state")
		return state == "" || state == "deleted", nil
	})
}
