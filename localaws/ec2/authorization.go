package ec2

import (
	"strings"

	"github.com/parascope/parascope/localaws/ec2/network"
	"github.com/parascope/parascope/localaws/ec2/query"
	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/state"
)

// parameters are the form's fields that name a resource, and of which kind.
var parameters = map[string]*network.Kind{
	"VpcId": network.KindVPC, "SubnetId": network.KindSubnet, "InternetGatewayId": network.KindInternetGateway,
	"AllocationId": network.KindAddress, "NatGatewayId": network.KindNATGateway,
	"RouteTableId": network.KindRouteTable, "VpcEndpointId": network.KindEndpoint, "InstanceId": network.KindInstance,
	"GroupId": network.KindSecurityGroup, "SecurityGroupId": network.KindSecurityGroup,
}

// on makes the Resources of an operation: the resources that the form's fields
// name, one each or a list. A field that is absent is left out.
func on(fields ...string) func(*gateway.Request) []string {
	return func(r *gateway.Request) []string {
		var arns []string
		for _, f := range fields {
			ids := query.List(r.Form, f)
			if id := r.Form.Get(f); id != "" {
				ids = append(ids, id)
			}
			for _, id := range ids {
				arns = append(arns, parameters[f].ARN(r.Region, id))
			}
		}
		if len(arns) == 0 {
			arns = []string{"*"}
		}
		return arns
	}
}

// creating is on with the resource that is to be made, of which no id is known.
func creating(k *network.Kind, fields ...string) func(*gateway.Request) []string {
	named := on(fields...)
	return func(r *gateway.Request) []string {
		arns := []string{k.ARN(r.Region, "*")}
		for _, arn := range named(r) {
			if arn != "*" {
				arns = append(arns, arn)
			}
		}
		return arns
	}
}

// onTagged is what CreateTags and DeleteTags are on.
func onTagged(r *gateway.Request) []string {
	arns := []string{}
	for _, id := range query.List(r.Form, "ResourceId") {
		arn := "*"
		if k := network.KindOf(id); k != nil {
			arn = k.ARN(r.Region, id)
		}
		arns = append(arns, arn)
	}
	return arns
}

// onAssociation is the route table that has the association of the request. One
// that does not exist may be anybody's.
func (e *EC2) onAssociation(r *gateway.Request) []string {
	arns := []string{network.KindRouteTable.ARN(r.Region, "*")}
	e.look(r, func(n *network.Network) {
		if t, _, err := n.FindAssociation(r.Form.Get("AssociationId")); err == nil {
			arns[0] = network.KindRouteTable.ARN(r.Region, t.ID)
		}
	})
	if id := r.Form.Get("RouteTableId"); id != "" {
		arns = append(arns, network.KindRouteTable.ARN(r.Region, id))
	}
	return arns
}

// look shows f the region's network, before the operation does. Where it cannot
// be read f is not called, and the operation itself will say so.
func (e *EC2) look(r *gateway.Request, f func(*network.Network)) {
	e.opts.State.View(func(tx *state.Tx) error {
		n, err := load(tx, r.Region, r.Now)
		if err == nil {
			f(n)
		}
		return err
	})
}

// keys makes the Keys of an operation on these resources: the region, the tags
// that the request gives, and the tags of the resource where it is just one.
func (e *EC2) keys(resources func(*gateway.Request) []string) func(*gateway.Request) map[string][]string {
	return func(r *gateway.Request) map[string][]string {
		keys := map[string][]string{"ec2:Region": {r.Region}}
		addTags(keys, r)
		if resources == nil {
			return keys
		}
		arns := resources(r)
		if len(arns) != 1 {
			return keys
		}
		_, id, _ := strings.Cut(arns[0], "/")
		e.look(r, func(n *network.Network) {
			if tags, ok := n.Tagged()[id]; ok {
				for _, t := range *tags {
					keys["aws:ResourceTag/"+t.Key] = []string{t.Value}
					keys["ec2:ResourceTag/"+t.Key] = []string{t.Value}
				}
			}
		})
		return keys
	}
}

// addTags notes the tags that the request gives, in either of the two ways.
func addTags(keys map[string][]string, r *gateway.Request) {
	given := query.Tags(r.Form, "Tag")
	for _, s := range query.Specifications(r.Form) {
		given = append(given, s.Tags...)
	}
	for _, t := range given {
		keys["aws:RequestTag/"+t.Key] = []string{t.Value}
		keys["aws:TagKeys"] = append(keys["aws:TagKeys"], t.Key)
	}
}

// authorizeTags asks for the further permission that tags on creation need.
func authorizeTags(r *gateway.Request) error {
	for _, s := range query.Specifications(r.Form) {
		keys := map[string][]string{"ec2:Region": {r.Region}, "ec2:CreateAction": {r.Form.Get("Action")}}
		addTags(keys, r)
		if err := r.Authorize("ec2:CreateTags", "arn:aws:ec2:"+r.Region+":"+network.Account+":"+s.ResourceType+"/*", keys); err != nil {
			return err
		}
	}
	return nil
}
