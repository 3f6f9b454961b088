package template

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxDepth is how deep a template may be nested.
const maxDepth = 200

// decode turns a template's text into strings, []any and map[string]any, with
// YAML's short forms of functions (!Ref) as the long ones.
func decode(text string) (any, error) {
	if strings.HasPrefix(strings.TrimSpace(text), "{") {
		return decodeJSON(text)
	}
	return decodeYAML(text)
}

func decodeJSON(text string) (any, error) {
	if offset, deep := deepJSON(text); deep {
		return nil, tooDeep(position(text, offset))
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	err := d.Decode(&v)
	if err == nil {
		if _, more := d.Token(); more != io.EOF {
			err = errors.New("unexpected content after the template")
		}
	}
	if err != nil {
		offset := d.InputOffset()
		if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
			offset = syntax.Offset - 1 // it counts the byte that was wrong
		}
		line, column := position(text, offset)
		return nil, refuse("Template format error: JSON not well-formed. (line %d, column %d)", line, column)
	}
	return plain(v, "")
}

// deepJSON finds the bracket at which a text is nested deeper than a template may be.
func deepJSON(text string) (offset int64, deep bool) {
	depth, quoted, escaped := 0, false, false
	for i := range len(text) {
		switch c := text[i]; {
		case escaped:
			escaped = false
		case quoted:
			escaped, quoted = c == '\\', c != '"'
		case c == '"':
			quoted = true
		case c == '{', c == '[':
			if depth++; depth > maxDepth+1 {
				return int64(i), true
			}
		case c == '}', c == ']':
			depth--
		}
	}
	return 0, false
}

func tooDeep(line, column int) error {
	return refuse("Template format error: the template is nested deeper than %d levels. (line %d, column %d)", maxDepth, line, column)
}

func position(text string, offset int64) (line, column int) {
	before := []byte(text)[:min(max(offset, 0), int64(len(text)))]
	return 1 + bytes.Count(before, []byte{'\n'}), len(before) - bytes.LastIndexByte(before, '\n')
}

// plain makes a decoded JSON value one of strings only. path is where it stands.
func plain(v any, path string) (any, error) {
	var err error
	switch v := v.(type) {
	case nil:
		return nil, nullAt(path)
	case bool, json.Number:
		return fmt.Sprint(v), nil
	case []any:
		for i := range v {
			if v[i], err = plain(v[i], fmt.Sprintf("%s/%d", path, i)); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		for k := range v {
			if v[k], err = plain(v[k], path+"/"+k); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}

func nullAt(path string) error {
	if path == "" {
		return refuse("Template format error: unsupported structure.")
	}
	return refuse("Template format error: [%s] 'null' values are not allowed in templates", path)
}

var yamlLine = regexp.MustCompile(`line \d+`)

func decodeYAML(text string) (any, error) {
	var document yaml.Node
	if err := yaml.Unmarshal([]byte(text), &document); err != nil {
		where := strings.TrimPrefix(err.Error(), "yaml: ")
		if !yamlLine.MatchString(where) {
			where = "line 1: " + where // the parser leaves out the first line's number
		}
		return nil, refuse("Template format error: YAML not well-formed. (%s)", where)
	}
	if len(document.Content) == 0 {
		return nil, refuse("Template format error: unsupported structure.")
	}
	return yamlValue(document.Content[0], "", 0)
}

func yamlValue(n *yaml.Node, path string, depth int) (any, error) {
	if depth > maxDepth {
		return nil, tooDeep(n.Line, n.Column)
	}
	if n.Kind == yaml.AliasNode {
		return nil, refuse("Template error: YAML aliases are not allowed in CloudFormation templates")
	}
	v, err := untagged(n, path, depth)
	if err != nil || n.Tag == "" || !strings.HasPrefix(n.Tag, "!") || strings.HasPrefix(n.Tag, "!!") {
		return v, err
	}
	return long(n.Tag[1:], v), nil
}

// long is the long form of a function that was written as a tag.
func long(name string, v any) any {
	switch name {
	case "Ref", "Condition":
		return map[string]any{name: v}
	case "GetAtt":
		if s, ok := v.(string); ok {
			resource, attribute, _ := strings.Cut(s, ".")
			v = []any{resource, attribute}
		}
	}
	return map[string]any{"Fn::" + name: v}
}

func untagged(n *yaml.Node, path string, depth int) (any, error) {
	switch n.Kind {
	case yaml.MappingNode:
		m := make(map[string]any, len(n.Content)/2)
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i]
			if key.Kind != yaml.ScalarNode || key.Tag == "!!merge" {
				return nil, refuse("Template format error: YAML not well-formed. (line %d, column %d: keys must be plain strings)", key.Line,
					key.Column)
			}
			if _, twice := m[key.Value]; twice {
				return nil, refuse("Template format error: YAML not well-formed. (line %d, column %d: duplicate key %s)", key.Line, key.Column,
					key.Value)
			}
			v, err := yamlValue(n.Content[i+1], path+"/"+key.Value, depth+1)
			if err != nil {
				return nil, err
			}
			m[key.Value] = v
		}
		return m, nil
	case yaml.SequenceNode:
		list := make([]any, 0, len(n.Content))
		for i, c := range n.Content {
			v, err := yamlValue(c, fmt.Sprintf("%s/%d", path, i), depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		return list, nil
	}
	switch n.Tag {
	case "!!null":
		return nil, nullAt(path)
	case "!!bool":
		return strings.ToLower(n.Value), nil
	}
	return n.Value, nil
}
