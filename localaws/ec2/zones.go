package ec2

import (
	"slices"
	"strings"

	"github.com/parascope/parascope/localaws/ec2/instancetype"
	"github.com/parascope/parascope/localaws/ec2/query"
)

// regions are those that every network.Account has without opting in.
var regions = []string{
	"ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-southeast-1", "ap-southeast-2", "ca-central-1",
	"eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3", "sa-east-1", "us-east-1", "us-east-2", "us-west-1", "us-west-2",
}

// zoneLetters are the zones of the regions that have others than a, b and c.
var zoneLetters = map[string]string{
	"ap-northeast-1": "acd", "ap-northeast-2": "abcd", "ca-central-1": "abd", "us-east-1": "abcdef", "us-west-1": "ac", "us-west-2": "abcd",
}

type zone struct {
	Name        string `xml:"zoneName"`
	ID          string `xml:"zoneId"`
	State       string `xml:"zoneState"`
	Region      string `xml:"regionName"`
	Group       string `xml:"groupName"`
	BorderGroup string `xml:"networkBorderGroup"`
	OptIn       string `xml:"optInStatus"`
	Type        string `xml:"zoneType"`
}

func zonesOf(region string) []zone {
	letters := zoneLetters[region]
	if letters == "" {
		letters = "abc"
	}
	var zones []zone
	for i, l := range letters {
		zones = append(zones, zone{
			Name: region + string(l), ID: shortName(region) + "-az" + string(rune('1'+i)), State: "available", Region: region,
			Group: region + "-zg-1", BorderGroup: region, OptIn: "opt-in-not-required", Type: "availability-zone",
		})
	}
	return zones
}

// shortName is a region's name as zone ids have it: use2 is us-east-2, apse1 is
// ap-southeast-1.
func shortName(region string) string {
	parts := strings.Split(region, "-")
	direction := strings.NewReplacer("north", "n", "south", "s", "east", "e", "west", "w", "central", "c")
	for i := 1; i < len(parts)-1; i++ {
		parts[i] = direction.Replace(parts[i])
	}
	return strings.Join(parts, "")
}

func (c *call) describeAvailabilityZones() (any, error) {
	of := func(z zone) query.Attributes {
		return query.Attributes{
			"zone-name": {z.Name}, "zone-id": {z.ID}, "state": {z.State}, "region-name": {z.Region}, "group-name": {z.Group},
			"opt-in-status": {z.OptIn}, "zone-type": {z.Type}, "message": nil, "parent-zone-id": nil, "parent-zone-name": nil,
		}
	}
	filters, err := query.ParseFilters(c.Form, of(zone{}))
	if err != nil {
		return nil, err
	}
	zones := zonesOf(c.Region)
	for parameter, field := range map[string]func(zone) string{
		"ZoneName": func(z zone) string { return z.Name }, "ZoneId": func(z zone) string { return z.ID },
	} {
		for _, asked := range query.List(c.Form, parameter) {
			if !slices.ContainsFunc(zones, func(z zone) bool { return field(z) == asked }) {
				return nil, query.Failure("InvalidParameterValue", "Invalid availability zone: ["+asked+"]")
			}
		}
	}
	zones = slices.DeleteFunc(zones, func(z zone) bool {
		names, ids := query.List(c.Form, "ZoneName"), query.List(c.Form, "ZoneId")
		return len(names) > 0 && !slices.Contains(names, z.Name) || len(ids) > 0 && !slices.Contains(ids, z.ID) ||
			!filters.Match(of(z))
	})
	return struct {
		Zones []zone `xml:"availabilityZoneInfo>item"`
	}{zones}, nil
}

func (c *call) describeRegions() (any, error) {
	type region struct {
		Name     string `xml:"regionName"`
		Endpoint string `xml:"regionEndpoint"`
		OptIn    string `xml:"optInStatus"`
	}
	of := func(r region) query.Attributes {
		return query.Attributes{"region-name": {r.Name}, "endpoint": {r.Endpoint}, "opt-in-status": {r.OptIn}}
	}
	filters, err := query.ParseFilters(c.Form, of(region{}))
	if err != nil {
		return nil, err
	}
	asked := query.List(c.Form, "RegionName")
	for _, name := range asked {
		if !slices.Contains(regions, name) {
			return nil, query.Failure("InvalidParameterValue", "Invalid region: ["+name+"]")
		}
	}
	var answer struct {
		Regions []region `xml:"regionInfo>item"`
	}
	for _, name := range regions {
		r := region{name, "ec2." + name + ".amazonaws.com", "opt-in-not-required"}
		if len(asked) > 0 && !slices.Contains(asked, name) || !filters.Match(of(r)) {
			continue
		}
		answer.Regions = append(answer.Regions, r)
	}
	return answer, nil
}

// describeAccountAttributes says what all accounts of today say, and that there
// is no default VPC.
func (c *call) describeInstanceTypes() (any, error) { return instancetype.Describe(c.Form) }

func (c *call) describeAccountAttributes() (any, error) {
	type attribute struct {
		Name   string   `xml:"attributeName"`
		Values []string `xml:"attributeValueSet>item>attributeValue"`
	}
	all := []attribute{{"supported-platforms", []string{"VPC"}}, {"default-vpc", []string{"none"}}}
	if asked := query.List(c.Form, "AttributeName"); len(asked) > 0 {
		all = slices.DeleteFunc(all, func(a attribute) bool { return !slices.Contains(asked, a.Name) })
	}
	return struct {
		Attributes []attribute `xml:"accountAttributeSet>item"`
	}{all}, nil
}

// describeNetworkInterfaces lists none.
func (c *call) describeNetworkInterfaces() (any, error) {
	return struct {
		Interfaces string `xml:"networkInterfaceSet"`
	}{}, nil
}
