package template

import "strings"

// checkConditions refuses conditions that are no boolean functions, refer to
// resources, or go round in circles.
func (t *Template) checkConditions() error {
	needs := map[string][]string{}
	for _, name := range sortedKeys(t.Conditions) {
		w := t.newWalker()
		if err := w.condition(t.Conditions[name]); err != nil {
			return err
		}
		if err := t.onlyParameters(w, "Conditions"); err != nil {
			return err
		}
		for _, c := range sortedKeys(w.conditions) {
			if _, ok := t.Conditions[c]; !ok {
				return refuse("Template format error: Unresolved condition dependency %s in the Conditions block of the template", c)
			}
		}
		needs[name] = sortedKeys(w.conditions)
	}
	done := map[string]int{} // 1: being visited, 2: good
	var visit func(string) error
	visit = func(name string) error {
		switch done[name] {
		case 1:
			return refuse("Template format error: Found circular condition dependency with %s in the Conditions block of the template", name)
		case 2:
			return nil
		}
		done[name] = 1
		for _, n := range needs[name] {
			if err := visit(n); err != nil {
				return err
			}
		}
		done[name] = 2
		return nil
	}
	for _, name := range sortedKeys(needs) {
		if err := visit(name); err != nil {
			return err
		}
	}
	return nil
}

// onlyParameters refuses references to resources where there are none yet.
func (t *Template) onlyParameters(w *walker, block string) error {
	var bad []string
	for _, n := range sortedKeys(w.refs) {
		if !t.refersWithoutResources(n) {
			bad = append(bad, n)
		}
	}
	bad = append(bad, sortedKeys(w.attributes)...)
	if len(bad) > 0 {
		return refuse("Template format error: Unresolved dependencies [%s]. Cannot reference resources in the %s block of the template",
			strings.Join(bad, ", "), block)
	}
	return nil
}

var errNotBoolean = &Error{"Template format error: Conditions can only be boolean operations on parameters and other conditions"}

// condition walks a boolean function.
func (w *walker) condition(v any) error {
	name, arg, ok := condition(v)
	if !ok {
		return errNotBoolean
	}
	switch name {
	case "Condition":
		s, ok := arg.(string)
		if !ok {
			return errNotBoolean
		}
		w.conditions[s] = true
		return nil
	case "Fn::Equals":
		l, ok := list(arg, 2)
		if !ok {
			return refuse("Template error: every Fn::Equals object requires a list of 2 string parameters.")
		}
		return w.value(l)
	case "Fn::And", "Fn::Or":
		l, ok := list(arg, -1)
		if !ok || len(l) < 2 || len(l) > 10 {
			return refuse("Template error: every %s object requires a list of at least 2 and at most 10 boolean parameters.", name)
		}
		return w.operands(l)
	case "Fn::Not":
		l, ok := list(arg, 1)
		if !ok {
			return refuse("Template error: every Fn::Not object requires a list of 1 boolean parameter.")
		}
		return w.operands(l)
	case "Fn::Contains", "Fn::EachMemberIn", "Fn::EachMemberEquals":
		l, ok := list(arg, 2)
		if !ok {
			return refuse("Template error: every %s object requires a list of two parameters.", name)
		}
		return w.value(l)
	}
	return errNotBoolean
}

func (w *walker) operands(l []any) error {
	for _, x := range l {
		if err := w.condition(x); err != nil {
			return err
		}
	}
	return nil
}

// rule is one member of Rules: what must hold of the parameters.
type rule struct {
	condition  any // nil: always
	assertions []assertion
}

type assertion struct {
	assert      any
	description string
}

func (t *Template) readRules(root map[string]any) error {
	rules, err := section(root, "Rules", maxParameters)
	if err != nil {
		return err
	}
	t.Rules = map[string]rule{}
	for _, name := range sortedKeys(rules) {
		m := rules[name]
		r := rule{condition: m["RuleCondition"]}
		assertions, ok := m["Assertions"].([]any)
		if unknown := extra(m, "RuleCondition", "Assertions"); !ok || len(unknown) > 0 {
			return refuse("Template format error: Rule %s must have Assertions and may have a RuleCondition.", name)
		}
		for _, a := range assertions {
			object, _ := a.(map[string]any)
			description, err := text(object, "AssertDescription")
			if object["Assert"] == nil || err != nil {
				return refuse("Template format error: Every assertion of rule %s must have an Assert, and AssertDescription must be a string.", name)
			}
			r.assertions = append(r.assertions, assertion{object["Assert"], description})
		}
		t.Rules[name] = r
	}
	return nil
}

func (t *Template) checkRules() error {
	for _, name := range sortedKeys(t.Rules) {
		r := t.Rules[name]
		w := t.newWalker()
		all := []any{}
		if r.condition != nil {
			all = append(all, r.condition)
		}
		for _, a := range r.assertions {
			all = append(all, a.assert)
		}
		if err := w.operands(all); err != nil {
			return err
		}
		if err := t.onlyParameters(w, "Rules"); err != nil {
			return err
		}
	}
	return nil
}
