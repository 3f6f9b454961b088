package cloudformation

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/parascope/parascope/localaws/cloudformation/catalog"
	"github.com/parascope/parascope/localaws/cloudformation/deployment"
	"github.com/parascope/parascope/localaws/cloudformation/resource"
	"github.com/parascope/parascope/localaws/cloudformation/template"
	"github.com/parascope/parascope/localaws/gateway"
)

// members are the values of a list of the query protocol.
func members(form url.Values, name string) []string {
	var out []string
	for i := 1; form.Has(fmt.Sprintf("%s.member.%d", name, i)); i++ {
		out = append(out, form.Get(fmt.Sprintf("%s.member.%d", name, i)))
	}
	return out
}

// pair is a member of Parameters or Tags.
type pair struct {
	key, value string
	previous   bool // UsePreviousValue
}

func pairs(form url.Values, name, key, value string) []pair {
	var out []pair
	for i := 1; ; i++ {
		prefix := fmt.Sprintf("%s.member.%d.", name, i)
		if !form.Has(prefix + key) {
			return out
		}
		out = append(out, pair{form.Get(prefix + key), form.Get(prefix + value), form.Get(prefix+"UsePreviousValue") == "true"})
	}
}

// list reports whether the request gives the list, be it empty.
func given(form url.Values, name string) bool {
	return form.Has(name) || slices.ContainsFunc(keys(form), func(k string) bool { return strings.HasPrefix(k, name+".member.") })
}

func keys(form url.Values) []string {
	out := make([]string, 0, len(form))
	for k := range form {
		out = append(out, k)
	}
	return out
}

var namePattern = regexp.MustCompile(`^[a-zA-Z][-a-zA-Z0-9]*$`)

const maxName = 128

// checkName refuses names that a stack or change set cannot have.
func checkName(member, name string) error {
	switch {
	case name == "":
		return invalid("1 validation error detected: Value null at '%s' failed to satisfy constraint: Member must not be null", member)
	case len(name) > maxName:
		return constraint(member, name, "Member must have length less than or equal to 128")
	case !namePattern.MatchString(name):
		return constraint(member, name, "Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*")
	}
	return nil
}

// body is the request's template: from it, from S3, or previous.
func (c *CloudFormation) body(r *gateway.Request, previous *deployment.Stack) (string, error) {
	text, address := r.Form.Get("TemplateBody"), r.Form.Get("TemplateURL")
	usePrevious := previous != nil && r.Form.Get("UsePreviousTemplate") == "true"
	switch {
	case usePrevious && text == "" && address == "":
		return previous.Definition.Body, nil
	case text != "" && address != "", usePrevious:
		return "", invalid("Only one of Template Body, Template URL and UsePreviousTemplate can be specified.")
	case address != "":
		return c.fetch(r, address)
	case text == "":
		return "", invalid("Either Template URL or Template Body must be specified.")
	case len(text) > template.MaxBody:
		return "", constraint("templateBody", text[:200]+"…", fmt.Sprintf("Member must have length less than or equal to %d", template.MaxBody))
	}
	return text, nil
}

// s3Hosts are the host names of S3: with the bucket in front, or in the path.
var s3Hosts = regexp.MustCompile(`^(?:([a-z0-9.-]+)\.)?s3(?:[.-][a-z0-9-]+)?\.amazonaws\.com$`)

// fetch reads a template from S3 as the caller.
func (c *CloudFormation) fetch(r *gateway.Request, address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", invalid("TemplateURL must be a supported URL.")
	}
	path := u.EscapedPath()
	if m := s3Hosts.FindStringSubmatch(u.Hostname()); m != nil {
		if m[1] != "" {
			path = "/" + m[1] + path
		}
	} else if u.Scheme+"://"+u.Host != c.o.BaseURL() {
		return "", invalid("S3 error: Domain name specified in %s is not a valid S3 domain", u.Hostname())
	}
	if len(strings.SplitN(path, "/", 3)) < 3 {
		return "", invalid("TemplateURL must reference a valid S3 object to which you have access.")
	}
	got, err := c.o.Call(r.Context(), r.Principal, gateway.Call{Service: "s3", Operation: "GetObject", Region: r.Region, Path: path})
	if err != nil {
		return "", fmt.Errorf("could not read template: %w", err)
	}
	if got.Status >= 400 {
		return "", invalid("S3 error: %s\nFor more information check http://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html",
			resource.Element(got.Body, "Error", "Message"))
	}
	if len(got.Body) > template.MaxStored {
		return "", invalid("Template may not exceed %d bytes in size.", template.MaxStored)
	}
	return string(got.Body), nil
}

// define reads what the request wants a stack to be, and checks it. previous is the
// stack as it is; for a new one it has no definition yet.
func (c *CloudFormation) define(r *gateway.Request, previous *deployment.Stack) (deployment.Definition, *template.Template, error) {
	d := deployment.Definition{Capabilities: members(r.Form, "Capabilities"), RoleARN: r.Form.Get("RoleARN"), Tags: previous.Definition.Tags}
	if d.RoleARN == "" {
		d.RoleARN = previous.Definition.RoleARN
	} else if err := r.Authorize("iam:PassRole", d.RoleARN, map[string][]string{"iam:PassedToService": {serviceName}}); err != nil {
		return d, nil, err
	}
	var err error
	if d.Body, err = c.body(r, previous); err != nil {
		return d, nil, err
	}
	if d.Tags, err = tags(r.Form, previous.Definition.Tags); err != nil {
		return d, nil, err
	}
	if err := refuseUnsupported(r.Form); err != nil {
		return d, nil, err
	}
	t, err := parse(d.Body)
	if err != nil {
		return d, nil, err
	}
	if d.Parameters, err = parameters(r.Form, t, previous.Definition.Parameters); err != nil {
		return d, nil, err
	}
	if err := c.existing(r, t, d.Parameters); err != nil {
		return d, nil, err
	}
	return d, t, checkCapabilities(t, d.Capabilities)
}

// refuseUnsupported refuses what would change what AWS does with the stack, and that
// the local cloud does not have.
func refuseUnsupported(form url.Values) error {
	names := []string{
		"NotificationARNs", "ResourceTypes", "RollbackConfiguration",
		"StackPolicyBody", "StackPolicyURL", "StackPolicyDuringUpdateBody", "StackPolicyDuringUpdateURL",
	}
	for key, values := range form {
		member, _, _ := strings.Cut(key, ".")
		if slices.Contains(names, member) && strings.Join(values, "") != "" { // an empty list is sent as one empty value
			return invalid("%s is not supported by the local cloud", member)
		}
	}
	return nil
}

func tags(form url.Values, previous map[string]string) (map[string]string, error) {
	if !given(form, "Tags") {
		return previous, nil
	}
	out := map[string]string{}
	for _, tag := range pairs(form, "Tags", "Key", "Value") {
		if _, twice := out[tag.key]; twice {
			return nil, invalid("Duplicate tag keys found: %s", tag.key)
		}
		if strings.HasPrefix(tag.key, "aws:") {
			return nil, invalid("aws: prefixed tag key names are not allowed for external use.")
		}
		out[tag.key] = tag.value
	}
	if len(out) > 50 {
		return nil, constraint("tags", strconv.Itoa(len(out)), "Member must have length less than or equal to 50")
	}
	return out, nil
}

func parameters(form url.Values, t *template.Template, previous map[string]string) (map[string]string, error) {
	values := map[string]string{}
	for _, p := range pairs(form, "Parameters", "ParameterKey", "ParameterValue") {
		if !p.previous {
			values[p.key] = p.value
			continue
		}
		value, known := previous[p.key]
		if !known {
			return nil, invalid("Invalid input for parameter key %s. Cannot specify usePreviousValue as true for a parameter key not in the "+
				"previous template", p.key)
		}
		values[p.key] = value
	}
	complete, err := t.Values(values)
	return complete, answer(err)
}

// existing checks parameters that name things of the account, as the caller.
func (c *CloudFormation) existing(r *gateway.Request, t *template.Template, values map[string]string) error {
	for name, p := range t.Parameters {
		kind, _ := p.Element()
		for _, v := range p.Members(values[name]) {
			if v == "" {
				continue // a template's way to say: none
			}
			found, err := catalog.Exists(c.work(r), kind, v)
			if err != nil {
				return answer(err)
			}
			if !found {
				return invalid("Parameter validation failed: parameter value %s for parameter name %s does not exist", v, name)
			}
		}
	}
	return nil
}

// work is what it takes to ask a service something before there is a resource.
func (c *CloudFormation) work(r *gateway.Request) *resource.Work {
	return &resource.Work{Context: r.Context(), Cloud: c.cloud(), As: r.Principal,
		Stack: resource.Stack{Region: r.Region, Account: r.Principal.Account}}
}

// parse reads a template and checks it against the resource types.
func parse(body string) (*template.Template, error) {
	t, err := template.Parse(body)
	if err != nil {
		return nil, answer(err)
	}
	var unknown []string
	for _, name := range t.Types() {
		if _, ok := catalog.Lookup(name); !ok {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) > 0 {
		return nil, invalid("Template format error: Unrecognized resource types: [%s] (%s)", strings.Join(unknown, ", "),
			gateway.Simplified("supports only some of AWS's types"))
	}
	for id, attributes := range t.Attributes() {
		typ, _ := catalog.Lookup(t.Resources[id].Type)
		for _, a := range attributes {
			if a != "" && !typ.AnyAttribute && !slices.Contains(typ.Attributes, a) {
				return nil, invalid("Template error: resource %s does not support attribute type %s in Fn::GetAtt", id, a)
			}
		}
	}
	return t, nil
}

// checkCapabilities: who makes IAM resources must say that they know.
func checkCapabilities(t *template.Template, have []string) error {
	for _, capability := range have {
		if !slices.Contains([]string{"CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"}, capability) {
			return constraint("capabilities", "["+capability+"]", "Member must satisfy constraint: [Member must satisfy enum value set: "+
				"[CAPABILITY_IAM, CAPABILITY_NAMED_IAM, CAPABILITY_AUTO_EXPAND]]")
		}
	}
	need, _ := t.Capability()
	if need == "" || slices.Contains(have, "CAPABILITY_NAMED_IAM") || need == "CAPABILITY_IAM" && slices.Contains(have, need) {
		return nil
	}
	return refused("InsufficientCapabilitiesException", "Requires capabilities : [%s]", need)
}
