package template

import (
	"regexp"
	"slices"
	"strings"
)

var alphanumeric = regexp.MustCompile(`^[A-Za-z0-9]+$`)

// readSections makes a template of its decoded text.
func readSections(root map[string]any) (*Template, error) {
	known := []string{"AWSTemplateFormatVersion", "Description", "Metadata", "Parameters", "Mappings", "Conditions", "Rules", "Resources",
		"Outputs"}
	if _, macro := root["Transform"]; macro {
		return nil, refuse("Transform is not supported by the local cloud: templates with macros cannot be processed here")
	}
	if unknown := extra(root, known...); len(unknown) > 0 {
		return nil, refuse("Invalid template property or properties [%s]", strings.Join(unknown, ", "))
	}
	t := &Template{Metadata: root["Metadata"]}
	var err error
	if t.Version, err = text(root, "AWSTemplateFormatVersion"); err != nil {
		return nil, err
	}
	if t.Version != "" && t.Version != "2010-09-09" {
		return nil, refuse("Template format error: %s is not a supported value for AWSTemplateFormatVersion.", t.Version)
	}
	if t.Description, err = text(root, "Description"); err != nil {
		return nil, err
	}
	if len(t.Description) > 1024 {
		return nil, refuse("Template format error: Description must be at most 1024 bytes.")
	}
	for _, read := range []func(map[string]any) error{t.readParameters, t.readMappings, t.readConditions, t.readRules, t.readResources,
		t.readOutputs} {
		if err := read(root); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// section is a member of the template that holds named objects.
func section(root map[string]any, name string, limit int) (map[string]map[string]any, error) {
	raw, ok := root[name]
	if !ok {
		return nil, nil
	}
	members, ok := raw.(map[string]any)
	if !ok {
		return nil, refuse("Template format error: %s must be an object.", name)
	}
	if len(members) > limit {
		return nil, refuse("Template format error: Number of %s, %d, is greater than maximum allowed, %d", strings.ToLower(name), len(members),
			limit)
	}
	out := make(map[string]map[string]any, len(members))
	for _, k := range sortedKeys(members) {
		object, ok := members[k].(map[string]any)
		if !ok {
			return nil, refuse("Template format error: [/%s/%s] Every %s member must be an object.", name, k, name)
		}
		if !alphanumeric.MatchString(k) || len(k) > 255 {
			return nil, refuse("Template format error: %s name %s is non alphanumeric.", strings.TrimSuffix(name, "s"), k)
		}
		out[k] = object
	}
	return out, nil
}

// extra are the members that are none of the known ones, sorted.
func extra(m map[string]any, known ...string) []string {
	return slices.DeleteFunc(sortedKeys(m), func(k string) bool { return slices.Contains(known, k) })
}

// text is a member that is a plain string.
func text(m map[string]any, name string) (string, error) {
	v, ok := m[name]
	if !ok {
		return "", nil
	}
	s, ok := v.(string)
	if !ok {
		return "", refuse("Template format error: %s must be a string.", name)
	}
	return s, nil
}

func (t *Template) readMappings(root map[string]any) error {
	maps, err := section(root, "Mappings", maxMappings)
	t.Mappings = map[string]map[string]map[string]any{}
	for name, top := range maps {
		t.Mappings[name] = map[string]map[string]any{}
		for key, second := range top {
			object, ok := second.(map[string]any)
			if !ok {
				return refuse("Template format error: Every Mappings attribute must be a String or a List.")
			}
			for _, v := range object {
				if _, nested := v.(map[string]any); nested {
					return refuse("Template format error: Every Mappings attribute must be a String or a List.")
				}
			}
			t.Mappings[name][key] = object
		}
	}
	return err
}

func (t *Template) readConditions(root map[string]any) error {
	conditions, err := section(root, "Conditions", maxParameters)
	t.Conditions = map[string]any{}
	for name, c := range conditions {
		t.Conditions[name] = c
	}
	return err
}

func (t *Template) readResources(root map[string]any) error {
	if members, ok := root["Resources"].(map[string]any); !ok || len(members) == 0 {
		return refuse("Template format error: At least one Resources member must be defined.")
	}
	resources, err := section(root, "Resources", maxResources)
	if err != nil {
		return err
	}
	t.Resources = map[string]Resource{}
	for _, id := range sortedKeys(resources) {
		r, err := readResource(id, resources[id])
		if err != nil {
			return err
		}
		t.Resources[id] = r
	}
	return nil
}

func readResource(id string, m map[string]any) (Resource, error) {
	r := Resource{Metadata: m["Metadata"], Properties: map[string]any{}, DeletionPolicy: Delete, UpdateReplacePolicy: Delete}
	if unknown := extra(m, "Type", "Properties", "Metadata", "DependsOn", "Condition", "DeletionPolicy", "UpdateReplacePolicy",
		"CreationPolicy", "UpdatePolicy"); len(unknown) > 0 {
		return r, refuse("Invalid template resource property '%s'", unknown[0])
	}
	for _, policy := range []string{"CreationPolicy", "UpdatePolicy"} {
		if _, ok := m[policy]; ok {
			return r, refuse("Template format error: [/Resources/%s] %s is not supported by the local cloud", id, policy)
		}
	}
	kind, ok := m["Type"].(string)
	if !ok || kind == "" {
		return r, refuse("Template format error: [/Resources/%s] Every Resources object must contain a Type member.", id)
	}
	r.Type = kind
	if properties, ok := m["Properties"]; ok {
		if r.Properties, ok = properties.(map[string]any); !ok {
			return r, refuse("Template format error: [/Resources/%s] Properties must be an object.", id)
		}
	}
	var err error
	if r.Condition, err = text(m, "Condition"); err != nil {
		return r, err
	}
	switch depends := m["DependsOn"].(type) {
	case nil:
	case string:
		r.DependsOn = []string{depends}
	case []any:
		for _, d := range depends {
			name, ok := d.(string)
			if !ok {
				return r, refuse("Template format error: [/Resources/%s] Every DependsOn value must be a string.", id)
			}
			r.DependsOn = append(r.DependsOn, name)
		}
	default:
		return r, refuse("Template format error: [/Resources/%s] DependsOn must be a string or list of strings.", id)
	}
	return r, readPolicies(m, &r)
}

func readPolicies(m map[string]any, r *Resource) error {
	for name, field := range map[string]*string{"DeletionPolicy": &r.DeletionPolicy, "UpdateReplacePolicy": &r.UpdateReplacePolicy} {
		v, ok := m[name]
		if !ok {
			continue
		}
		switch v {
		case Delete, Retain, RetainExceptOnCreate:
			*field = v.(string)
		case "Snapshot":
			return refuse("Template error: resource type %s does not support %s: Snapshot", r.Type, name)
		default:
			return refuse("Template format error: Unrecognized %s %v for resource type %s", name, v, r.Type)
		}
	}
	return nil
}

func (t *Template) readOutputs(root map[string]any) error {
	outputs, err := section(root, "Outputs", maxOutputs)
	if err != nil {
		return err
	}
	t.Outputs = map[string]Output{}
	for _, name := range sortedKeys(outputs) {
		m := outputs[name]
		if unknown := extra(m, "Description", "Value", "Condition", "Export"); len(unknown) > 0 {
			return refuse("Template format error: Output %s is malformed: unexpected %s.", name, unknown[0])
		}
		o := Output{Value: m["Value"]}
		if o.Value == nil {
			return refuse("Template format error: Every Outputs member must contain a Value object")
		}
		if o.Description, err = text(m, "Description"); err != nil {
			return err
		}
		if o.Condition, err = text(m, "Condition"); err != nil {
			return err
		}
		if _, ok := m["Export"]; ok {
			return refuse("Template format error: Output %s: Export is not supported by the local cloud, which does not store exports", name)
		}
		t.Outputs[name] = o
	}
	return nil
}
