package ec2

import (
	"net/http"
	"net/netip"
	"net/url"
	"strconv"

	"github.com/parascope/parascope/internal/localaws/gateway"
)

// listOf reads a list of the query protocol: name.1, name.2, … up to a gap.
func listOf(form url.Values, name string) []string {
	var values []string
	for i := 1; form.Has(name + "." + strconv.Itoa(i)); i++ {
		values = append(values, form.Get(name+"."+strconv.Itoa(i)))
	}
	return values
}

// tagsOf reads a list of tags: prefix.1.Key, prefix.1.Value, ….
func tagsOf(form url.Values, prefix string) []tag {
	var tags []tag
	for i := 1; ; i++ {
		at := prefix + "." + strconv.Itoa(i)
		if !form.Has(at + ".Key") {
			return tags
		}
		tags = append(tags, tag{form.Get(at + ".Key"), form.Get(at + ".Value")})
	}
}

// boolOf reads a parameter that is true, false or absent.
func (c *call) boolOf(name string) (value, present bool, err error) {
	if !c.Form.Has(name) {
		return false, false, nil
	}
	value, err = strconv.ParseBool(c.Form.Get(name))
	if err != nil {
		return false, false, invalidValue(c.Form.Get(name), name, "It must be true or false.")
	}
	return value, true, nil
}

// need reads a parameter that must be there.
func (c *call) need(name string) (string, error) {
	if value := c.Form.Get(name); value != "" {
		return value, nil
	}
	return "", missing(name)
}

// refuse answers 501 where the request uses one of the parameters, which mean
// something that the local cloud does not have: better no network than another
// one than was asked for.
func (c *call) refuse(parameters ...string) error {
	for _, p := range parameters {
		if v := c.Form.Get(p); v != "" && v != "false" {
			return unsupported(c.Form.Get("Action") + " with " + p)
		}
	}
	return nil
}

// cidrOf reads an IPv4 block in its canonical form: 10.0.0.7/16 is 10.0.0.0/16.
func cidrOf(text, parameter string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(text)
	if err != nil || !p.Addr().Is4() {
		return netip.Prefix{}, invalidValue(text, parameter, "This is not a valid CIDR block.")
	}
	return p.Masked(), nil
}

// failure is EC2's answer to what it refuses.
func failure(code, message string) error {
	return &gateway.Error{Status: http.StatusBadRequest, Code: code, Message: message}
}

func invalidValue(value, parameter, why string) error {
	return failure("InvalidParameterValue", "Value ("+value+") for parameter "+parameter+" is invalid. "+why)
}

func missing(parameter string) error {
	return failure("MissingParameter", "The request must contain the parameter "+parameter)
}

func unsupported(what string) error {
	return &gateway.Error{Status: http.StatusNotImplemented, Code: "NotImplemented",
		Message: "parascope local does not implement ec2:" + what + "; see docs/local-cloud.md"}
}

func dependency(kind, id string) error {
	return failure("DependencyViolation", "The "+kind+" '"+id+"' has dependencies and cannot be deleted.")
}

// find is the part of the network with this id, or the kind's own NotFound.
func find[T any](parts map[string]*T, k *kind, id string) (*T, error) {
	if part, ok := parts[id]; ok {
		return part, nil
	}
	return nil, k.notFound(id)
}
