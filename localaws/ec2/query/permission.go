package query

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Permission is one of a request for rules of a security group.
type Permission struct {
	Protocol string // "-1": all
	From, To int    // -1: all
	Blocks   []Peer
	Groups   []Peer
}

// Peer is a source or a target: a block of addresses, or the id of a security group.
type Peer struct{ Text, Description string }

// protocols are the names that EC2 keeps, by their numbers.
var protocols = map[string]string{"1": "icmp", "6": "tcp", "17": "udp", "58": "icmpv6"}

// Permissions reads those of a request: IpPermissions.1 and on, or the only one in parameters of its own.
func Permissions(form url.Values) (all []Permission, err error) {
	if form.Has("IpProtocol") || form.Has("CidrIp") || form.Has("SourceSecurityGroupName") {
		form = shortForm(form)
	}
	for i := 1; form.Has("IpPermissions." + strconv.Itoa(i) + ".IpProtocol"); i++ {
		p, err := permission(form, "IpPermissions."+strconv.Itoa(i))
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	if len(all) == 0 {
		return nil, Missing("IpPermissions")
	}
	return all, nil
}

// shortForm is the permission of a request that has it in parameters of its own.
func shortForm(form url.Values) url.Values {
	to := url.Values{"Action": form["Action"]}
	for from, name := range map[string]string{"IpProtocol": "IpProtocol", "FromPort": "FromPort", "ToPort": "ToPort",
		"CidrIp":                  "IpRanges.1.CidrIp",
		"SourceSecurityGroupName": "Groups.1.GroupName"} {
		if v := form.Get(from); v != "" {
			to.Set("IpPermissions.1."+name, v)
		}
	}
	return to
}

func permission(form url.Values, at string) (p Permission, err error) {
	if err := Refuse(form, at+".Ipv6Ranges.1.CidrIpv6", at+".PrefixListIds.1.PrefixListId", at+".Groups.1.GroupName",
		at+".Groups.1.VpcPeeringConnectionId"); err != nil {
		return p, err
	}
	if p.Protocol, p.From, p.To, err = ports(form, at); err != nil {
		return p, err
	}
	p.Blocks, p.Groups = peers(form, at+".IpRanges", "CidrIp"), peers(form, at+".Groups", "GroupId")
	if len(p.Blocks)+len(p.Groups) == 0 {
		return p, Missing("CIDR, prefix list, or security group")
	}
	return p, nil
}

func peers(form url.Values, list, name string) (all []Peer) {
	for i := 1; ; i++ {
		at := list + "." + strconv.Itoa(i) + "."
		if !form.Has(at + name) {
			return all
		}
		all = append(all, Peer{form.Get(at + name), form.Get(at + "Description")})
	}
}

// ports reads a permission's protocol and its ports; -1 are all.
func ports(form url.Values, at string) (protocol string, from, to int, err error) {
	protocol = strings.ToLower(form.Get(at + ".IpProtocol"))
	if name, ok := protocols[protocol]; ok {
		protocol = name
	}
	named := slices.Contains([]string{"tcp", "udp", "icmp", "icmpv6"}, protocol)
	if number, err := strconv.Atoi(protocol); !named && (err != nil || number < -1 || number > 255) {
		return "", 0, 0, Failure("InvalidParameterValue", "Invalid value '"+protocol+"' for IP protocol. Unknown protocol.")
	}
	if !named || protocol == "icmpv6" && !form.Has(at+".FromPort") {
		return protocol, -1, -1, nil
	}
	from, errFrom := strconv.Atoi(form.Get(at + ".FromPort"))
	to, errTo := strconv.Atoi(form.Get(at + ".ToPort"))
	least, most := 0, 65535
	if strings.HasPrefix(protocol, "icmp") {
		least, most = -1, 255
	}
	if errFrom != nil || errTo != nil || min(from, to) < least || max(from, to) > most || least == 0 && from > to {
		return "", 0, 0, Failure("InvalidParameterValue",
			fmt.Sprintf("Invalid value 'Must specify both from and to ports with %s.' for portRange.", strings.ToUpper(protocol)))
	}
	return protocol, from, to, nil
}
