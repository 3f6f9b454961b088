package people

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/parascope/parascope/internal/amg"
	"github.com/parascope/parascope/internal/hint"
)

// ReadFile reads a users.yaml: the names under each role.
//
//	admin:
//	  - alice@example.com
//	editor:
//	  - group:platform-team
//	viewer: []
//
// A role that is none, a person named twice and a second document are errors of
// kind hint.BadInput that name the line. A file without anybody is not an error
// here; whoever applies it decides.
func ReadFile(name string, content []byte) ([]Want, error) {
	bad := func(line int, format string, args ...any) error {
		return hint.New(hint.BadInput, fmt.Errorf("%s:%d: %s", name, line, fmt.Sprintf(format, args...)),
			"write lists of names under admin, editor and viewer; 'parascope users apply --help' shows an example")
	}
	var root yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	if err := decoder.Decode(&root); err != nil && !errors.Is(err, io.EOF) {
		return nil, hint.New(hint.BadInput, fmt.Errorf("%s: %w", name, err), "correct the YAML syntax of the file")
	}
	if len(root.Content) == 0 {
		return nil, nil
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, bad(1, "the file has more than one YAML document")
	}
	roles := root.Content[0]
	if roles.Kind != yaml.MappingNode {
		return nil, bad(roles.Line, "expected the roles admin, editor and viewer as keys, got %q", roles.Value)
	}
	var wants []Want
	lines := map[string]int{}
	for i := 0; i+1 < len(roles.Content); i += 2 {
		key, names := roles.Content[i], roles.Content[i+1]
		role, err := amg.ParseRole(key.Value)
		if err != nil {
			return nil, bad(key.Line, "%v", err)
		}
		if names.Kind == yaml.ScalarNode && names.Tag == "!!null" {
			continue
		}
		if names.Kind != yaml.SequenceNode {
			return nil, bad(names.Line, "role %s must have a list of names", strings.ToLower(string(role)))
		}
		for _, n := range names.Content {
			who := strings.TrimSpace(n.Value)
			if n.Kind != yaml.ScalarNode || who == "" {
				return nil, bad(n.Line, "expected a user or group name")
			}
			if first, twice := lines[strings.ToLower(who)]; twice {
				return nil, bad(n.Line, "%s is already on line %d", who, first)
			}
			lines[strings.ToLower(who)] = n.Line
			wants = append(wants, Want{Who: who, Role: role})
		}
	}
	return slices.Clip(wants), nil
}
