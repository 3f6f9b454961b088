package ec2

import (
	"encoding/json"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"
	"time"

	"github.com/parascope/parascope/localaws/ec2/network"
	"github.com/parascope/parascope/localaws/ec2/query"
)

// gatewayServices are the services that have gateway endpoints.
var gatewayServices = []string{"s3", "dynamodb"}

// fullAccess is the policy of an endpoint that was given none.
const fullAccess = `{"Version":"2008-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}`

// prefixList stands for the service's addresses in the routes to its endpoint.
func prefixList(service string) string {
	return fmt.Sprintf("pl-%08x", crc32.ChecksumIEEE([]byte(service)))
}

type endpointAnswer struct {
	Endpoint *network.Endpoint `xml:"vpcEndpoint"`
	Token    string            `xml:"clientToken,omitempty"`
}

func (c *call) createVPCEndpoint() (any, error) {
	token := c.Form.Get("ClientToken")
	for _, e := range c.Endpoints {
		if token != "" && e.Token == token {
			return endpointAnswer{e, token}, nil
		}
	}
	if of := c.Form.Get("VpcEndpointType"); of != "" && of != "Gateway" {
		return nil, query.Unsupported("CreateVpcEndpoint with VpcEndpointType=" + of)
	}
	v, err := network.Find(c.VPCs, network.KindVPC, c.Form.Get("VpcId"))
	if err != nil {
		return nil, err
	}
	service := c.Form.Get("ServiceName")
	name, ours := strings.CutPrefix(service, "com.amazonaws."+c.Region+".")
	if !ours || !slices.Contains(gatewayServices, name) {
		return nil, query.Failure("InvalidServiceName", "The Vpc Endpoint Service '"+service+"' does not exist")
	}
	policy, err := c.endpointPolicy(fullAccess)
	if err != nil {
		return nil, err
	}
	tags, err := c.tagSpecification(network.KindEndpoint)
	if err != nil {
		return nil, err
	}
	e := &network.Endpoint{
		ID: c.newID("vpce"), Type: "Gateway", VPC: v.ID, Service: service, State: "available", Policy: policy,
		CreatedAt: c.Now.UTC().Truncate(time.Millisecond), OwnerID: network.Account, Tags: tags, Token: token,
	}
	for _, id := range query.List(c.Form, "RouteTableId") {
		if err := c.routeThrough(e, id); err != nil {
			return nil, err
		}
	}
	c.Endpoints[e.ID] = e
	return endpointAnswer{e, token}, nil
}

// endpointPolicy reads the policy of the request; without one it is otherwise.
func (c *call) endpointPolicy(otherwise string) (string, error) {
	policy := c.Form.Get("PolicyDocument")
	if policy == "" {
		return otherwise, nil
	}
	var document map[string]any
	if err := json.Unmarshal([]byte(policy), &document); err != nil || document["Statement"] == nil {
		return "", query.Failure("InvalidPolicyDocument", "Policy document is malformed")
	}
	return policy, nil
}

// routeThrough sends the table's packets for the service to the endpoint.
func (c *call) routeThrough(e *network.Endpoint, tableID string) error {
	t, err := network.Find(c.RouteTables, network.KindRouteTable, tableID)
	if err != nil {
		return err
	}
	if t.VPC != e.VPC {
		return query.Failure("InvalidParameter", "Route table "+t.ID+" does not belong to VPC "+e.VPC)
	}
	to := prefixList(e.Service)
	for _, r := range t.Routes {
		if r.PrefixList == to {
			return query.Failure("RouteAlreadyExists", "route table "+t.ID+" already has a route with destination-prefix-list-id "+to)
		}
	}
	t.Routes = append(t.Routes, network.Route{PrefixList: to, Gateway: e.ID, Origin: "CreateRoute"})
	e.RouteTables = append(e.RouteTables, t.ID)
	return nil
}

// routeAround undoes routeThrough.
func (c *call) routeAround(e *network.Endpoint, tableID string) error {
	t, err := network.Find(c.RouteTables, network.KindRouteTable, tableID)
	if err != nil {
		return err
	}
	t.Routes = slices.DeleteFunc(t.Routes, func(r network.Route) bool { return r.Gateway == e.ID })
	e.RouteTables = slices.DeleteFunc(e.RouteTables, func(id string) bool { return id == tableID })
	return nil
}

func (c *call) modifyVPCEndpoint() (any, error) {
	e, err := network.Find(c.Endpoints, network.KindEndpoint, c.Form.Get("VpcEndpointId"))
	if err != nil {
		return nil, err
	}
	if err := query.Refuse(c.Form, "AddSubnetId.1", "AddSecurityGroupId.1", "PrivateDnsEnabled", "IpAddressType"); err != nil {
		return nil, err
	}
	otherwise := e.Policy
	if reset, _, err := query.Bool(c.Form, "ResetPolicy"); err != nil {
		return nil, err
	} else if reset {
		otherwise = fullAccess
	}
	if e.Policy, err = c.endpointPolicy(otherwise); err != nil {
		return nil, err
	}
	for _, id := range query.List(c.Form, "RemoveRouteTableId") {
		if err := c.routeAround(e, id); err != nil {
			return nil, err
		}
	}
	for _, id := range query.List(c.Form, "AddRouteTableId") {
		if err := c.routeThrough(e, id); err != nil {
			return nil, err
		}
	}
	return done{true}, nil
}

// deleteVPCEndpoints deletes those that there are and lists the others: the
// answer is a good one all the same.
func (c *call) deleteVPCEndpoints() (any, error) {
	type failed struct {
		Code    string `xml:"error>code"`
		Message string `xml:"error>message"`
		ID      string `xml:"resourceId"`
	}
	var answer struct {
		Unsuccessful []failed `xml:"unsuccessful>item"`
	}
	ids := query.List(c.Form, "VpcEndpointId")
	if len(ids) == 0 {
		return nil, query.Missing("VpcEndpointId")
	}
	for _, id := range ids {
		e, ok := c.Endpoints[id]
		if !ok {
			answer.Unsuccessful = append(answer.Unsuccessful, failed{network.KindEndpoint.Missing, "The VpcEndpoint Id '" + id + "' does not exist",
				id})
			continue
		}
		for _, table := range slices.Clone(e.RouteTables) {
			if err := c.routeAround(e, table); err != nil {
				return nil, err
			}
		}
		delete(c.Endpoints, id)
	}
	return answer, nil
}

func (c *call) describeVPCEndpoints() (any, error) {
	endpoints, next, err := query.Pick(c.Form, c.Endpoints, "VpcEndpointId", network.KindEndpoint.NotFound,
		func(e *network.Endpoint) query.Attributes {
			return query.Attributes{
				"vpc-endpoint-id": {e.ID}, "vpc-id": {e.VPC}, "service-name": {e.Service}, "vpc-endpoint-type": {e.Type},
				"vpc-endpoint-state": {e.State}, "ip-address-type": nil,
			}.Tagged(e.Tags)
		})
	if err != nil {
		return nil, err
	}
	return struct {
		Endpoints []*network.Endpoint `xml:"vpcEndpointSet>item"`
		Next      string              `xml:"nextToken,omitempty"`
	}{endpoints, next}, nil
}
