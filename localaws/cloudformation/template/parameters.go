package template

import (
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxValue is the longest value of a parameter in bytes.
const maxValue = 4096

// Parameter is one member of Parameters.
type Parameter struct {
	Type, Description, Default string
	HasDefault, NoEcho         bool
	ConstraintDescription      string
	AllowedValues              []string
	pattern                    *regexp.Regexp
	patternText                string
	minLength, maxLength       *int
	minValue, maxValue         *big.Float
}

// Kinds of parameters that are checked by their form here. AWS also looks whether
// the thing exists; so does the caller of Values, which knows the account.
var idForms = map[string]*regexp.Regexp{
	"AWS::EC2::AvailabilityZone::Name": regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9][a-z]$`),
	"AWS::EC2::VPC::Id":                regexp.MustCompile(`^vpc-[0-9a-f]+$`),
	"AWS::EC2::Subnet::Id":             regexp.MustCompile(`^subnet-[0-9a-f]+$`),
	"AWS::EC2::SecurityGroup::Id":      regexp.MustCompile(`^sg-[0-9a-f]+$`),
}

// Element is the type of one value of the parameter, and whether it holds several.
func (p Parameter) Element() (kind string, list bool) {
	if p.Type == "CommaDelimitedList" {
		return "String", true
	}
	if inner, ok := strings.CutPrefix(p.Type, "List<"); ok {
		return strings.TrimSuffix(inner, ">"), true
	}
	return p.Type, false
}

func (t *Template) readParameters(root map[string]any) error {
	parameters, err := section(root, "Parameters", maxParameters)
	if err != nil {
		return err
	}
	t.Parameters = map[string]Parameter{}
	for _, name := range sortedKeys(parameters) {
		p, err := readParameter(name, parameters[name])
		if err != nil {
			return err
		}
		t.Parameters[name] = p
	}
	return nil
}

func readParameter(name string, m map[string]any) (Parameter, error) {
	var p Parameter
	fields := map[string]*string{"Type": &p.Type, "Description": &p.Description, "Default": &p.Default,
		"ConstraintDescription": &p.ConstraintDescription, "AllowedPattern": &p.patternText}
	for _, field := range sortedKeys(m) {
		if slices.Contains([]string{"AllowedValues", "NoEcho", "MinLength", "MaxLength", "MinValue", "MaxValue"}, field) {
			continue
		}
		target, known := fields[field]
		if !known {
			return p, refuse("Invalid template parameter property '%s'", field)
		}
		var ok bool
		if *target, ok = m[field].(string); !ok {
			return p, refuse("Template format error: Every %s member must be a string.", field)
		}
	}
	_, p.HasDefault = m["Default"]
	p.NoEcho = m["NoEcho"] == "true"
	if p.Type == "" {
		return p, refuse("Template format error: Every Parameters object must contain a Type member.")
	}
	if strings.HasPrefix(p.Type, "AWS::SSM::") {
		return p, refuse("Template format error: parameter %s: type %s is not supported by the local cloud, which has no Parameter Store", name,
			p.Type)
	}
	kind, list := p.Element()
	_, id := idForms[kind]
	if !id && kind != "Number" && (kind != "String" || list && p.Type != "CommaDelimitedList") {
		return p, refuse("Template format error: Unrecognized parameter type: %s", p.Type)
	}
	if err := p.readConstraints(name, m); err != nil {
		return p, err
	}
	if p.HasDefault {
		if err := p.check(name, p.Default); err != nil {
			return p, refuse("Template format error: %s",
				strings.Replace(err.Error(), "Parameter '"+name+"'", "Parameter '"+name+"' default value '"+p.Default+"'", 1))
		}
	}
	return p, nil
}

func (p *Parameter) readConstraints(name string, m map[string]any) error {
	if allowed, ok := m["AllowedValues"]; ok {
		list, ok := allowed.([]any)
		if !ok {
			return refuse("Template format error: Every AllowedValues member must be a list.")
		}
		for _, v := range list {
			s, ok := v.(string)
			if !ok {
				return refuse("Template format error: Every AllowedValues value must be a string.")
			}
			p.AllowedValues = append(p.AllowedValues, s)
		}
	}
	if p.patternText != "" {
		var err error
		if p.pattern, err = regexp.Compile("^(?:" + p.patternText + ")$"); err != nil {
			return refuse("Template format error: parameter %s: AllowedPattern %s cannot be evaluated by the local cloud: %v", name, p.patternText,
				err)
		}
	}
	for field, target := range map[string]**int{"MinLength": &p.minLength, "MaxLength": &p.maxLength} {
		if v, ok := m[field]; ok {
			s, _ := v.(string)
			n, err := strconv.Atoi(s)
			if err != nil {
				return refuse("Template format error: %s must be a number.", field)
			}
			*target = &n
		}
	}
	for field, target := range map[string]**big.Float{"MinValue": &p.minValue, "MaxValue": &p.maxValue} {
		if v, ok := m[field]; ok {
			s, _ := v.(string)
			n, ok := number(s)
			if !ok {
				return refuse("Template format error: %s must be a number.", field)
			}
			*target = n
		}
	}
	return nil
}

// numberForm keeps out what Go reads as a number and AWS does not: hexadecimal,
// infinities, and exponents that would take for ever.
var numberForm = regexp.MustCompile(`^[-+]?[0-9]{1,40}(\.[0-9]{1,40})?$`)

func number(s string) (*big.Float, bool) {
	if !numberForm.MatchString(s) {
		return nil, false
	}
	return new(big.Float).SetString(s)
}

// check says whether the value meets the parameter's constraints.
func (p Parameter) check(name, value string) error {
	if len(value) > maxValue {
		return refuse("Parameter '%s' must contain at most %d bytes", name, maxValue)
	}
	kind, _ := p.Element()
	for _, v := range p.Members(value) {
		if err := p.checkOne(name, kind, v); err != nil {
			return err
		}
	}
	return nil
}

func (p Parameter) checkOne(name, kind, v string) error {
	broken := func(format string, args ...any) error {
		if p.ConstraintDescription != "" {
			return refuse("Parameter %s failed to satisfy constraint: %s", name, p.ConstraintDescription)
		}
		return refuse("Parameter '"+name+"' "+format, args...)
	}
	if kind == "Number" {
		n, ok := number(v)
		switch {
		case !ok:
			return refuse("Parameter '%s' must be a number", name)
		case p.minValue != nil && n.Cmp(p.minValue) < 0:
			return broken("must be a number not less than %s", p.minValue.Text('f', -1))
		case p.maxValue != nil && n.Cmp(p.maxValue) > 0:
			return broken("must be a number not greater than %s", p.maxValue.Text('f', -1))
		}
	}
	switch length := utf8.RuneCountInString(v); {
	case len(p.AllowedValues) > 0 && !slices.Contains(p.AllowedValues, v):
		return broken("must be one of AllowedValues")
	case p.minLength != nil && length < *p.minLength:
		return broken("must contain at least %d characters", *p.minLength)
	case p.maxLength != nil && length > *p.maxLength:
		return broken("must contain at most %d characters", *p.maxLength)
	case p.pattern != nil && !p.pattern.MatchString(v):
		return broken("must match pattern %s", p.patternText)
	}
	if form, ok := idForms[kind]; ok && v != "" && !form.MatchString(v) {
		return refuse("Parameter validation failed: parameter value %s for parameter name %s does not exist", v, name)
	}
	return nil
}

// split is a comma-delimited list's members, without the blanks around them.
func split(value string) []string {
	if value == "" {
		return nil
	}
	parts := strings.Split(value, ",")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return parts
}

// Values completes the given values with the defaults, and checks them all.
func (t *Template) Values(given map[string]string) (map[string]string, error) {
	if unknown := slices.DeleteFunc(sortedKeys(given), func(k string) bool { _, ok := t.Parameters[k]; return ok }); len(unknown) > 0 {
		return nil, refuse("Parameters: [%s] do not exist in the template", strings.Join(unknown, ", "))
	}
	values := map[string]string{}
	var missing []string
	for _, name := range sortedKeys(t.Parameters) {
		p := t.Parameters[name]
		value, ok := given[name]
		if !ok {
			value = p.Default
		}
		if !ok && !p.HasDefault {
			missing = append(missing, name)
		}
		values[name] = value
	}
	if len(missing) > 0 {
		return nil, refuse("Parameters: [%s] must have values", strings.Join(missing, ", "))
	}
	for _, name := range sortedKeys(values) {
		if err := t.Parameters[name].check(name, values[name]); err != nil {
			return nil, err
		}
	}
	return values, nil
}

// Members are a value's members: several where the parameter holds a list.
func (p Parameter) Members(value string) []string {
	if _, list := p.Element(); list {
		return split(value)
	}
	return []string{value}
}

// value is what Ref of the parameter gives: a string, or a list of them.
func (p Parameter) value(s string) any {
	if _, list := p.Element(); !list {
		return s
	}
	out := []any{}
	for _, v := range split(s) {
		out = append(out, v)
	}
	return out
}
