// Package query reads EC2's dialect of the query protocol: lists, tags, filters
// and pages in a form's fields, and the errors of those that are wrong.
package query

import (
	"net/http"
	"net/netip"
	"net/url"
	"strconv"

	"github.com/parascope/parascope/localaws/gateway"
)

// Tag is a tag as the requests give it, the answers show it and the state keeps it.
type Tag struct {
	Key   string `xml:"key"`
	Value string `xml:"value"`
}

// List reads a list: name.1, name.2, … up to a gap.
func List(form url.Values, name string) []string {
	var values []string
	for i := 1; form.Has(name + "." + strconv.Itoa(i)); i++ {
		values = append(values, form.Get(name+"."+strconv.Itoa(i)))
	}
	return values
}

// Tags reads a list of tags: prefix.1.Key, prefix.1.Value, ….
func Tags(form url.Values, prefix string) []Tag {
	var tags []Tag
	for i := 1; ; i++ {
		at := prefix + "." + strconv.Itoa(i)
		if !form.Has(at + ".Key") {
			return tags
		}
		tags = append(tags, Tag{form.Get(at + ".Key"), form.Get(at + ".Value")})
	}
}

// Specification is one TagSpecification: tags for what a request creates.
type Specification struct {
	ResourceType string
	Tags         []Tag
}

// Specifications reads the request's TagSpecifications.
func Specifications(form url.Values) []Specification {
	var all []Specification
	for i := 1; ; i++ {
		at := "TagSpecification." + strconv.Itoa(i)
		if !form.Has(at + ".ResourceType") {
			return all
		}
		all = append(all, Specification{form.Get(at + ".ResourceType"), Tags(form, at+".Tag")})
	}
}

// Bool reads a parameter that is true, false or absent.
func Bool(form url.Values, name string) (value, present bool, err error) {
	if !form.Has(name) {
		return false, false, nil
	}
	value, err = strconv.ParseBool(form.Get(name))
	if err != nil {
		return false, false, InvalidValue(form.Get(name), name, "It must be true or false.")
	}
	return value, true, nil
}

// Need reads a parameter that must be there.
func Need(form url.Values, name string) (string, error) {
	if value := form.Get(name); value != "" {
		return value, nil
	}
	return "", Missing(name)
}

// Refuse answers 501 where the request uses one of the parameters, which mean
// something that the local cloud does not have: better no network than another
// one than was asked for.
func Refuse(form url.Values, parameters ...string) error {
	for _, p := range parameters {
		if v := form.Get(p); v != "" && v != "false" {
			return Unsupported(form.Get("Action") + " with " + p)
		}
	}
	return nil
}

// CIDR reads an IPv4 block in its canonical form: 10.0.0.7/16 is 10.0.0.0/16.
func CIDR(text, parameter string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(text)
	if err != nil || !p.Addr().Is4() {
		return netip.Prefix{}, InvalidValue(text, parameter, "This is not a valid CIDR block.")
	}
	return p.Masked(), nil
}

// Failure is EC2's answer to what it refuses.
func Failure(code, message string) error {
	return &gateway.Error{Status: http.StatusBadRequest, Code: code, Message: message}
}

// InvalidValue refuses the value of a parameter.
func InvalidValue(value, parameter, why string) error {
	return Failure("InvalidParameterValue", "Value ("+value+") for parameter "+parameter+" is invalid. "+why)
}

// Missing refuses a request without the parameter.
func Missing(parameter string) error {
	return Failure("MissingParameter", "The request must contain the parameter "+parameter)
}

// Unsupported says that the local cloud, not AWS, does not do this.
func Unsupported(what string) error {
	return gateway.NotImplemented("ec2:" + what)
}
