package ec2

import (
	"strconv"

	"github.com/parascope/parascope/internal/localaws/gateway"
	"github.com/parascope/parascope/internal/localaws/state"
)

// parameters are the form's fields that name a resource, and of which kind.
var parameters = map[string]*kind{
	"VpcId": vpcKind, "SubnetId": subnetKind, "InternetGatewayId": gatewayKind, "AllocationId": addressKind, "NatGatewayId": natKind,
	"RouteTableId": tableKind, "VpcEndpointId": endpointKind,
}

// on makes the Resources of an operation: the resources that the form's fields
// name, one each or a list. A field that is absent is left out.
func on(fields ...string) func(*gateway.Request) []string {
	return func(r *gateway.Request) []string {
		var arns []string
		for _, f := range fields {
			ids := listOf(r.Form, f)
			if id := r.Form.Get(f); id != "" {
				ids = append(ids, id)
			}
			for _, id := range ids {
				arns = append(arns, parameters[f].arn(r.Region, id))
			}
		}
		if len(arns) == 0 {
			arns = []string{"*"}
		}
		return arns
	}
}

// creating is on with the resource that is to be made, of which no id is known.
func creating(k *kind, fields ...string) func(*gateway.Request) []string {
	named := on(fields...)
	return func(r *gateway.Request) []string {
		arns := []string{k.arn(r.Region, "*")}
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
	for _, id := range listOf(r.Form, "ResourceId") {
		arn := "*"
		if k := kindOf(id); k != nil {
			arn = k.arn(r.Region, id)
		}
		arns = append(arns, arn)
	}
	return arns
}

// onAssociation is the route table that has the association of the request. One
// that does not exist may be anybody's.
func (e *EC2) onAssociation(r *gateway.Request) []string {
	arns := []string{tableKind.arn(r.Region, "*")}
	e.look(r, func(n *network) {
		if t, _, err := n.findAssociation(r.Form.Get("AssociationId")); err == nil {
			arns[0] = tableKind.arn(r.Region, t.ID)
		}
	})
	if id := r.Form.Get("RouteTableId"); id != "" {
		arns = append(arns, tableKind.arn(r.Region, id))
	}
	return arns
}

// look shows f the region's network, before the operation does. Where it cannot
// be read f is not called, and the operation itself will say so.
func (e *EC2) look(r *gateway.Request, f func(*network)) {
	e.opts.State.View(func(tx *state.Tx) error {
		n, err := load(tx, r.Region, r.Now)
		if err == nil {
			f(n)
		}
		return err
	})
}

// keys are the condition keys of every operation of EC2: the region, the tags
// that the request gives, and the tags of the resource where it names just one.
func (e *EC2) keys(r *gateway.Request) map[string][]string {
	keys := map[string][]string{"ec2:Region": {r.Region}}
	addTags(keys, r)
	id := ""
	for field := range parameters {
		if named := r.Form.Get(field); named != "" {
			if id != "" {
				return keys
			}
			id = named
		}
	}
	e.look(r, func(n *network) {
		if tags, ok := n.tagged()[id]; ok {
			for _, t := range *tags {
				keys["aws:ResourceTag/"+t.Key] = []string{t.Value}
				keys["ec2:ResourceTag/"+t.Key] = []string{t.Value}
			}
		}
	})
	return keys
}

// addTags notes the tags that the request gives, in either of the two ways.
func addTags(keys map[string][]string, r *gateway.Request) {
	given := tagsOf(r.Form, "Tag")
	for i := 1; r.Form.Has("TagSpecification." + strconv.Itoa(i) + ".ResourceType"); i++ {
		given = append(given, tagsOf(r.Form, "TagSpecification."+strconv.Itoa(i)+".Tag")...)
	}
	for _, t := range given {
		keys["aws:RequestTag/"+t.Key] = []string{t.Value}
		keys["aws:TagKeys"] = append(keys["aws:TagKeys"], t.Key)
	}
}

// authorizeTags asks for the further permission that tags on creation need.
func authorizeTags(r *gateway.Request) error {
	for i := 1; ; i++ {
		of := r.Form.Get("TagSpecification." + strconv.Itoa(i) + ".ResourceType")
		if of == "" {
			return nil
		}
		keys := map[string][]string{"ec2:Region": {r.Region}, "ec2:CreateAction": {r.Form.Get("Action")}}
		addTags(keys, r)
		if err := r.Authorize("ec2:CreateTags", "arn:aws:ec2:"+r.Region+":"+account+":"+of+"/*", keys); err != nil {
			return err
		}
	}
}
