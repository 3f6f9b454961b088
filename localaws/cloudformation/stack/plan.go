package stack

import (
	"slices"
	"strings"

	"github.com/parascope/parascope/localaws/cloudformation/catalog"
	"github.com/parascope/parascope/localaws/cloudformation/resource"
	"github.com/parascope/parascope/localaws/cloudformation/template"
	"github.com/parascope/parascope/localaws/principal"
)

// Change is what an update would do with one resource.
type Change struct {
	Action      string // Add, Modify or Remove
	LogicalID   string
	PhysicalID  string
	Type        string
	Replacement string // Modify: True, False or Conditional
	Details     []Detail
}

// Detail is one property that changes.
type Detail struct {
	Property   string
	Recreation string // Never, Always or Conditionally
	Dynamic    bool   // its value is not known yet
}

// Plan is what an update would do.
type Plan struct {
	Changes []Change
	Outputs []template.OutputValue // "" of what is not known yet is template.Unknown
}

// Plan works out what changing the stack to d would do, without doing anything.
// Errors of the template are *template.Error.
func (e *Engine) Plan(s *Stack, t *template.Template, d Definition, as principal.Principal, zones func(string) ([]string, error)) (Plan,
	error) {
	p := planner{engine: e, stack: s, template: t, target: d, remade: map[string]bool{}}
	scope, err := e.scope(s, t, d, template.Surroundings{Ref: p.ref, Attribute: p.attribute, Zones: zones})
	if err != nil {
		return Plan{}, err
	}
	done := map[string]bool{}
	todo := scope.Resources()
	for len(todo) > 0 {
		for i := 0; i < len(todo); {
			id := todo[i]
			if slices.ContainsFunc(scope.Dependencies(id), func(d string) bool { return !done[d] }) {
				i++
				continue
			}
			todo = slices.Delete(todo, i, i+1)
			done[id] = true
			if err := p.one(id, scope); err != nil {
				return Plan{}, err
			}
		}
	}
	for _, id := range s.sorted() {
		if r := s.Resources[id]; !done[id] {
			p.changes = append(p.changes, Change{Action: "Remove", LogicalID: id, PhysicalID: r.PhysicalID, Type: r.Type})
		}
	}
	slices.SortFunc(p.changes, func(a, b Change) int { return strings.Compare(a.LogicalID, b.LogicalID) })
	outputs, err := scope.Outputs()
	return Plan{p.changes, outputs}, err
}

type planner struct {
	engine   *Engine
	stack    *Stack
	template *template.Template
	target   Definition
	remade   map[string]bool // resources whose id and attributes will be new
	changes  []Change
}

func (p *planner) ref(id string) (string, error) {
	if r := p.stack.Resources[id]; r != nil && !p.remade[id] {
		return r.PhysicalID, nil
	}
	return template.Unknown, nil
}

func (p *planner) attribute(id, name string) (any, error) {
	r := p.stack.Resources[id]
	if r == nil || p.remade[id] {
		return template.Unknown, nil
	}
	if v, ok := r.Attributes[name]; ok {
		return v, nil
	}
	return template.Unknown, nil
}

// one plans a resource whose dependencies are planned.
func (p *planner) one(id string, scope *template.Scope) error {
	properties, err := scope.Properties(id)
	if err != nil {
		return err
	}
	kind := p.template.Resources[id].Type
	old := p.stack.Resources[id]
	if old == nil {
		p.changes = append(p.changes, Change{Action: "Add", LogicalID: id, Type: kind})
		return nil
	}
	typ, _ := p.engine.o.Lookup(kind)
	next := typ.WithTags(properties, p.target.Tags)
	c := Change{Action: "Modify", LogicalID: id, PhysicalID: old.PhysicalID, Type: kind, Replacement: "False"}
	for _, change := range typ.Changes(old.Properties, next) {
		detail := Detail{Property: change.Property, Recreation: "Never", Dynamic: strings.Contains(text(next[change.Property]), template.Unknown)}
		switch {
		case change.Replaces && detail.Dynamic:
			detail.Recreation = "Conditionally"
			if c.Replacement == "False" {
				c.Replacement = "Conditional"
			}
		case change.Replaces:
			detail.Recreation, c.Replacement = "Always", "True"
		}
		c.Details = append(c.Details, detail)
	}
	if len(c.Details) == 0 {
		return nil
	}
	// A custom resource may change its id and its data with every update.
	p.remade[id] = c.Replacement != "False" || catalog.Custom(kind)
	p.changes = append(p.changes, c)
	return nil
}

// text is all of a value's strings.
func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case []any:
		var b strings.Builder
		for _, x := range v {
			b.WriteString(text(x) + "\n")
		}
		return b.String()
	case map[string]any:
		var b strings.Builder
		for _, x := range v {
			b.WriteString(text(x) + "\n")
		}
		return b.String()
	}
	return ""
}

// SameOutputs reports whether a plan leaves the stack's outputs as they are.
func SameOutputs(s *Stack, p Plan) bool {
	return resource.Same(orNone(s.Outputs), orNone(p.Outputs))
}

func orNone(outputs []template.OutputValue) []template.OutputValue {
	return append([]template.OutputValue{}, outputs...)
}
