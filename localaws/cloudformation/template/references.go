package template

import (
	"maps"
	"slices"
	"strings"
)

// walker goes through values and notes what they refer to.
type walker struct {
	t          *Template
	refs       map[string]bool     // names by Ref and Sub
	attributes map[string][]string // resource → attributes by GetAtt and Sub
	conditions map[string]bool     // by Fn::If and Condition
	// taken, when it is set, decides conditions: only that branch of an If is walked.
	taken func(condition string) (bool, error)
}

func (t *Template) newWalker() *walker {
	return &walker{t: t, refs: map[string]bool{}, attributes: map[string][]string{}, conditions: map[string]bool{}}
}

func (w *walker) value(v any) error {
	if name, arg, ok := function(v); ok {
		return w.function(name, arg)
	}
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			if err := w.value(x); err != nil {
				return err
			}
		}
	case map[string]any:
		for _, k := range sortedKeys(v) {
			if strings.HasPrefix(k, "Fn::") {
				return refuse("Template format error: %s must be the only member of its object", k)
			}
			if err := w.value(v[k]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *walker) function(name string, arg any) error {
	if err := checkShape(name, arg); err != nil {
		return err
	}
	switch name {
	case "Ref":
		w.refs[arg.(string)] = true
		return nil
	case "Fn::GetAtt":
		l := arg.([]any)
		resource := l[0].(string)
		attribute, _ := l[1].(string) // a Ref to a parameter names it only later
		w.attributes[resource] = append(w.attributes[resource], attribute)
		return w.value(l[1])
	case "Fn::Sub":
		return w.sub(arg)
	case "Fn::If":
		return w.branches(arg.([]any))
	case "Fn::FindInMap":
		if l := arg.([]any); isText(l[0]) && w.t.Mappings[l[0].(string)] == nil {
			return refuse("Template error: Mapping named '%s' is not present in the 'Mappings' section of template.", l[0])
		}
	}
	return w.value(arg)
}

func (w *walker) sub(arg any) error {
	format, variables, _ := subParts(arg)
	for _, name := range subNames(format) {
		if _, own := variables[name]; own {
			continue
		}
		if resource, attribute, dotted := strings.Cut(name, "."); dotted {
			w.attributes[resource] = append(w.attributes[resource], attribute)
		} else {
			w.refs[name] = true
		}
	}
	for _, k := range sortedKeys(variables) {
		if err := w.value(variables[k]); err != nil {
			return err
		}
	}
	return nil
}

func (w *walker) branches(l []any) error {
	name := l[0].(string)
	w.conditions[name] = true
	branches := l[1:]
	if w.taken != nil {
		yes, err := w.taken(name)
		if err != nil {
			return err
		}
		if branches = l[2:3]; yes {
			branches = l[1:2]
		}
	}
	for _, b := range branches {
		if err := w.value(b); err != nil {
			return err
		}
	}
	return nil
}

// names are the resources that were referred to, in order.
func (w *walker) names() []string {
	all := maps.Clone(w.refs)
	for r := range w.attributes {
		all[r] = true
	}
	return slices.DeleteFunc(sortedKeys(all), func(n string) bool { _, ok := w.t.Resources[n]; return !ok })
}

// check is what Parse does after reading: everything referred to must be there.
func (t *Template) check() error {
	if err := t.checkConditions(); err != nil {
		return err
	}
	if err := t.checkRules(); err != nil {
		return err
	}
	for _, id := range sortedKeys(t.Resources) {
		r := t.Resources[id]
		if _, twice := t.Parameters[id]; twice {
			return refuse("Template format error: Duplicate logical id %s: it names a parameter and a resource", id)
		}
		w := t.newWalker()
		if err := w.value(r.Properties); err != nil {
			return err
		}
		for _, d := range r.DependsOn {
			w.refs[d] = true
			if _, ok := t.Resources[d]; !ok {
				return unresolved([]string{d}, "Resources")
			}
		}
		if err := t.checkNames(w, r.Condition, "Resources"); err != nil {
			return err
		}
	}
	for _, name := range sortedKeys(t.Outputs) {
		o := t.Outputs[name]
		w := t.newWalker()
		if err := w.value(o.Value); err != nil {
			return err
		}
		if err := t.checkNames(w, o.Condition, "Outputs"); err != nil {
			return err
		}
	}
	return t.checkCycles()
}

func unresolved(names []string, block string) error {
	return refuse("Template format error: Unresolved resource dependencies [%s] in the %s block of the template", strings.Join(names, ", "),
		block)
}

// checkNames compares what a walker saw with what the template has.
func (t *Template) checkNames(w *walker, condition, block string) error {
	for _, r := range sortedKeys(w.attributes) {
		if _, ok := t.Resources[r]; !ok {
			return refuse("Template error: instance of Fn::GetAtt references undefined resource %s", r)
		}
	}
	if missing := slices.DeleteFunc(sortedKeys(w.refs), t.refers); len(missing) > 0 {
		return unresolved(missing, block)
	}
	if condition != "" {
		w.conditions[condition] = true
	}
	for _, c := range sortedKeys(w.conditions) {
		if _, ok := t.Conditions[c]; !ok {
			return refuse("Template format error: Unresolved condition dependency %s in the %s block of the template", c, block)
		}
	}
	return nil
}

// refers reports whether a Ref may name this.
func (t *Template) refers(name string) bool {
	_, isResource := t.Resources[name]
	return isResource || t.refersWithoutResources(name)
}

func (t *Template) refersWithoutResources(name string) bool {
	_, isParameter := t.Parameters[name]
	return isParameter || slices.Contains(pseudoParameters, name)
}

// Dependencies are the resources that must be there before the resource: those
// that its properties refer to and its DependsOn.
func (t *Template) Dependencies(id string) []string {
	r := t.Resources[id]
	w := t.newWalker()
	if err := w.value(r.Properties); err != nil {
		return nil // Parse has refused such a template
	}
	for _, d := range r.DependsOn {
		w.refs[d] = true
	}
	return w.names()
}

// Attributes are the attributes that the template asks of each resource.
func (t *Template) Attributes() map[string][]string {
	w := t.newWalker()
	for _, r := range t.Resources {
		w.value(r.Properties) // Parse has refused what could fail
	}
	for _, o := range t.Outputs {
		w.value(o.Value)
	}
	return w.attributes
}

// checkCycles refuses resources that wait for each other.
func (t *Template) checkCycles() error {
	waiting := map[string][]string{}
	for id := range t.Resources {
		waiting[id] = t.Dependencies(id)
	}
	// Taking away what waits for nothing, again and again, leaves the cycles and
	// what waits for them; the same from the other end leaves the cycles.
	for changed := true; changed; {
		changed = false
		needed := map[string]bool{}
		for id, deps := range waiting {
			deps = slices.DeleteFunc(deps, func(d string) bool { _, ok := waiting[d]; return !ok })
			waiting[id] = deps
			for _, d := range deps {
				needed[d] = true
			}
		}
		for id, deps := range waiting {
			if len(deps) == 0 || !needed[id] {
				delete(waiting, id)
				changed = true
			}
		}
	}
	if len(waiting) > 0 {
		return refuse("Circular dependency between resources: [%s]", strings.Join(sortedKeys(waiting), ", "))
	}
	return nil
}
