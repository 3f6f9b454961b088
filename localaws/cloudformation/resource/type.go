// Package resource knows how CloudFormation makes, changes and deletes each type
// of resource: by calls to the service's own API with the rights of whoever the
// stack acts for, so that what that caller may not do fails here as on AWS.
//
// A type is a value (Type) in one file per family, listed in types.go. Names of
// properties, which of them force a replacement and what Ref and Fn::GetAtt give
// come from AWS's CloudFormation registry.
package resource

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Type is a resource type.
type Type struct {
	Name       string // "AWS::Logs::LogGroup"
	Properties Properties
	// Elsewhere are properties that AWS has and the local cloud has not.
	Elsewhere []string
	// Attributes are what Fn::GetAtt gives.
	Attributes []string
	// AnyAttribute: what Fn::GetAtt gives is only known when the resource is there.
	AnyAttribute bool

	Create func(*Work) error
	Update func(*Work) error // nil: every property forces a replacement
	Delete func(*Work) error // that it is gone already is no error
}

// Kind is what a property holds.
type Kind int

const (
	Text       Kind = iota + 1
	Flag            // true or false
	Whole           // an integer
	Texts           // a list of strings
	Document        // a JSON object, or the text of one
	Free            // any object
	Structure       // an object with Members
	Structures      // a list of those
	Tags            // a list of {Key, Value}
)

// Property is one property of a type.
type Property struct {
	Kind     Kind
	Required bool
	Replaces bool // a change of it makes a new resource
	Members  Properties
}

// Properties are properties by name.
type Properties map[string]Property

// check converts properties, whose scalars are all texts, to their kinds. problems
// are what is wrong with them, in the words of the registry's validation.
func (t Type) check(given map[string]any) (typed map[string]any, problems []string) {
	if t.Properties == nil {
		return given, nil // a custom resource takes anything
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if slices.Contains(t.Elsewhere, name) {
			problems = append(problems, fmt.Sprintf("#: property [%s] is not supported by the local cloud", name))
		}
	}
	given = maps.Clone(given)
	for _, name := range t.Elsewhere {
		delete(given, name)
	}
	typed, more := t.Properties.check("#", given)
	return typed, append(problems, more...)
}

func (p Properties) check(path string, given map[string]any) (typed map[string]any, problems []string) {
	typed = map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(p)) {
		if _, there := given[name]; p[name].Required && !there {
			problems = append(problems, fmt.Sprintf("%s: required key [%s] not found", path, name))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		property, known := p[name]
		if !known {
			problems = append(problems, fmt.Sprintf("%s: extraneous key [%s] is not permitted", path, name))
			continue
		}
		v, more := property.check(path+"/"+name, given[name])
		typed[name] = v
		problems = append(problems, more...)
	}
	return typed, problems
}

// check converts one property's value.
func (p Property) check(path string, v any) (any, []string) {
	wrong := func(expected string) (any, []string) {
		return nil, []string{fmt.Sprintf("%s: expected type: %s, found: %s", path, expected, found(v))}
	}
	text, isText := v.(string)
	object, isObject := v.(map[string]any)
	list, isList := v.([]any)
	switch p.Kind {
	case Text:
		if !isText {
			return wrong("String")
		}
	case Flag:
		if text != "true" && text != "false" {
			return wrong("Boolean")
		}
		return text == "true", nil
	case Whole:
		if !isText || !whole(text) {
			return wrong("Integer")
		}
		return json.Number(text), nil
	case Document:
		if isText && json.Valid([]byte(text)) {
			return v, nil
		}
		if !isObject {
			return wrong("JSONObject")
		}
	case Free:
		if !isObject {
			return wrong("JSONObject")
		}
	case Structure:
		if !isObject {
			return wrong("JSONObject")
		}
		return p.Members.check(path, object)
	case Texts, Structures, Tags:
		if !isList {
			return wrong("JSONArray")
		}
		return p.checkList(path, list)
	}
	return v, nil
}

func (p Property) checkList(path string, list []any) (any, []string) {
	member := Property{Kind: Text}
	switch p.Kind {
	case Structures:
		member = Property{Kind: Structure, Members: p.Members}
	case Tags:
		member = Property{Kind: Structure, Members: Properties{"Key": {Kind: Text, Required: true}, "Value": {Kind: Text, Required: true}}}
	}
	out := make([]any, len(list))
	var problems []string
	for i, v := range list {
		typed, more := member.check(fmt.Sprintf("%s/%d", path, i), v)
		out[i] = typed
		problems = append(problems, more...)
	}
	return out, problems
}

func whole(text string) bool {
	digits := strings.TrimPrefix(text, "-")
	return digits != "" && len(digits) <= 18 && strings.Trim(digits, "0123456789") == "" && (digits == "0" || digits[0] != '0')
}

// found is what the registry's validator calls a value's type.
func found(v any) string {
	switch v.(type) {
	case []any:
		return "JSONArray"
	case map[string]any:
		return "JSONObject"
	}
	return "String"
}

// Change is how one property differs between two versions of a resource.
type Change struct {
	Property string
	Replaces bool
}

// Changes compares the properties of two versions of a resource.
func (t Type) Changes(from, to map[string]any) []Change {
	names := map[string]bool{}
	for k := range from {
		names[k] = true
	}
	for k := range to {
		names[k] = true
	}
	var out []Change
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if !Same(from[name], to[name]) {
			out = append(out, Change{name, t.Update == nil || t.Properties[name].Replaces})
		}
	}
	return out
}

// Same reports whether two values are the same JSON.
func Same(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && string(x) == string(y)
}

// WithTags adds a stack's tags to the properties of a resource that takes tags;
// the resource's own go first.
func (t Type) WithTags(properties map[string]any, tags map[string]string) map[string]any {
	if t.Properties["Tags"].Kind != Tags || len(tags) == 0 {
		return properties
	}
	own, isList := properties["Tags"].([]any)
	if _, there := properties["Tags"]; there && !isList {
		return properties // check tells what is wrong with it
	}
	all := slices.Clone(own)
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		if !slices.ContainsFunc(own, func(tag any) bool { m, _ := tag.(map[string]any); return m["Key"] == key }) {
			all = append(all, map[string]any{"Key": key, "Value": tags[key]})
		}
	}
	properties = maps.Clone(properties)
	properties["Tags"] = all
	return properties
}
