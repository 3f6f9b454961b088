package template

import (
	"slices"
	"strings"
)

// Unknown stands in a change set for what is not known before the resource is there.
const Unknown = "{{changeSet:KNOWN_AFTER_APPLY}}"

// Surroundings are what a template is evaluated in.
type Surroundings struct {
	Pseudo map[string]string // "AWS::Region", …
	// Ref is the physical id of a resource, and Attribute one of its attributes.
	Ref       func(resource string) (string, error)
	Attribute func(resource, attribute string) (any, error)
	// Zones are the availability zones of a region.
	Zones func(region string) ([]string, error)
}

// Scope evaluates a template's values with the values of its parameters.
type Scope struct {
	t          *Template
	around     Surroundings
	parameters map[string]string
	conditions map[string]bool
	active     map[string]bool
}

// NewScope evaluates conditions and rules, and refuses references to resources
// that the conditions leave out. values come from Values.
func (t *Template) NewScope(values map[string]string, around Surroundings) (*Scope, error) {
	s := &Scope{t: t, around: around, parameters: values, conditions: map[string]bool{}, active: map[string]bool{}}
	for _, name := range sortedKeys(t.Conditions) {
		if _, err := s.named(name); err != nil {
			return nil, err
		}
	}
	if err := s.rules(); err != nil {
		return nil, err
	}
	for id, r := range t.Resources {
		s.active[id] = r.Condition == "" || s.conditions[r.Condition]
	}
	for _, id := range s.Resources() {
		if err := s.reachable(t.Resources[id].Properties, "Resources"); err != nil {
			return nil, err
		}
	}
	for _, name := range s.outputs() {
		if err := s.reachable(t.Outputs[name].Value, "Outputs"); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// reachable refuses a value whose taken branches refer to what is not made.
func (s *Scope) reachable(v any, block string) error {
	w := s.t.newWalker()
	w.taken = s.named
	if err := w.value(v); err != nil {
		return err
	}
	if gone := slices.DeleteFunc(w.names(), func(n string) bool { return s.active[n] }); len(gone) > 0 {
		return unresolved(gone, block)
	}
	return nil
}

// Resources are the logical ids that the conditions leave, sorted.
func (s *Scope) Resources() []string {
	return slices.DeleteFunc(sortedKeys(s.active), func(id string) bool { return !s.active[id] })
}

// Dependencies are those of the resource that the conditions leave.
func (s *Scope) Dependencies(id string) []string {
	return slices.DeleteFunc(s.t.Dependencies(id), func(d string) bool { return !s.active[d] })
}

// Properties are the resource's properties, evaluated.
func (s *Scope) Properties(id string) (map[string]any, error) {
	v, err := s.eval(s.t.Resources[id].Properties)
	if err != nil {
		return nil, err
	}
	properties, ok := v.(map[string]any)
	if !ok {
		return nil, refuse("Template format error: [/Resources/%s] Properties must be an object.", id)
	}
	return properties, nil
}

// OutputValue is an output of a stack.
type OutputValue struct{ Name, Value, Description string }

func (s *Scope) outputs() []string {
	return slices.DeleteFunc(sortedKeys(s.t.Outputs), func(name string) bool {
		c := s.t.Outputs[name].Condition
		return c != "" && !s.conditions[c]
	})
}

// Outputs are the stack's outputs, by name.
func (s *Scope) Outputs() ([]OutputValue, error) {
	var out []OutputValue
	for _, name := range s.outputs() {
		o := s.t.Outputs[name]
		value, err := s.eval(o.Value)
		if err != nil {
			return nil, err
		}
		plain, ok := value.(string)
		if !ok {
			return nil, refuse("Template format error: The Value field of every Outputs member must evaluate to a String.")
		}
		out = append(out, OutputValue{Name: name, Value: plain, Description: o.Description})
	}
	return out, nil
}

// named is the value of the condition with this name.
func (s *Scope) named(name string) (bool, error) {
	if v, ok := s.conditions[name]; ok {
		return v, nil
	}
	v, err := s.truth(s.t.Conditions[name])
	s.conditions[name] = v
	return v, err
}

// truth evaluates a boolean function.
func (s *Scope) truth(v any) (bool, error) {
	name, arg, _ := condition(v)
	l, _ := arg.([]any)
	switch name {
	case "Condition":
		return s.named(arg.(string))
	case "Fn::And", "Fn::Or":
		for _, x := range l {
			yes, err := s.truth(x)
			if err != nil || yes == (name == "Fn::Or") {
				return yes, err
			}
		}
		return name == "Fn::And", nil
	case "Fn::Not":
		yes, err := s.truth(l[0])
		return !yes, err
	}
	x, err := s.eval(l)
	if err != nil {
		return false, err
	}
	operands := x.([]any)
	if len(operands) != 2 {
		return false, refuse("Template error: every %s object requires a list of 2 parameters.", name)
	}
	switch name {
	case "Fn::Contains":
		return slices.Contains(texts(operands[0]), join(texts(operands[1]))), nil
	case "Fn::EachMemberEquals":
		return !slices.ContainsFunc(texts(operands[0]), func(m string) bool { return m != join(texts(operands[1])) }), nil
	case "Fn::EachMemberIn":
		in := texts(operands[1])
		return !slices.ContainsFunc(texts(operands[0]), func(m string) bool { return !slices.Contains(in, m) }), nil
	}
	return join(texts(operands[0])) == join(texts(operands[1])), nil
}

// texts are a value's strings: one, or a list's.
func texts(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		var out []string
		for _, x := range v {
			out = append(out, texts(x)...)
		}
		return out
	}
	return nil
}

func join(parts []string) string { return strings.Join(parts, ",") }

// rules evaluates the template's rules.
func (s *Scope) rules() error {
	for _, name := range sortedKeys(s.t.Rules) {
		r := s.t.Rules[name]
		if r.condition != nil {
			applies, err := s.truth(r.condition)
			if err != nil {
				return err
			}
			if !applies {
				continue
			}
		}
		for _, a := range r.assertions {
			holds, err := s.truth(a.assert)
			if err != nil {
				return err
			}
			if !holds {
				return refuse("Template validation error: rule %s failed: %s", name, a.description)
			}
		}
	}
	return nil
}
