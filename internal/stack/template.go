// Package stack works on the infrastructure stack: it carries the CloudFormation
// template, plans and executes change sets, and reads the stack's state and events.
package stack

import (
	"fmt"
	"strings"

	"github.com/parascope/parascope"
	"github.com/parascope/parascope/internal/artifact"
)

// MaxTemplate is what CloudFormation takes in a request, in bytes.
const MaxTemplate = 51200

// Template returns the template with the function's place filled in, as defaults
// of its parameters: the command that creates the stack need not name it.
func Template(p artifact.Place) (string, error) {
	text := parascope.Template
	for _, fill := range []struct{ parameter, old, value string }{
		{"SetupFunctionBucket", "''", p.Bucket},
		{"SetupFunctionKey", "''", p.Key},
		{"SetupFunctionArchitecture", string(artifact.ARM64), string(p.Architecture)},
	} {
		var err error
		if text, err = setDefault(text, fill.parameter, fill.old, fill.value); err != nil {
			return "", err
		}
	}
	if len(text) > MaxTemplate {
		return "", fmt.Errorf("the template has %d bytes, but CloudFormation accepts at most %d", len(text), MaxTemplate)
	}
	return text, nil
}

// Parameters are the names of the template's parameters that people set, in its
// order; the function's place is set by Template.
func Parameters() []string {
	var names []string
	_, section, _ := strings.Cut(parascope.Template, "\nParameters:\n")
	for line := range strings.Lines(section) {
		if !strings.HasPrefix(line, " ") && strings.TrimSpace(line) != "" {
			break
		}
		name, found := strings.CutSuffix(strings.TrimPrefix(line, "  "), ":\n")
		if found && !strings.HasPrefix(name, " ") && !strings.HasPrefix(name, "SetupFunction") {
			names = append(names, name)
		}
	}
	return names
}

// setDefault changes the default of one parameter and leaves every other byte, the
// comments among them, as it is.
func setDefault(text, parameter, old, value string) (string, error) {
	head, rest, found := strings.Cut(text, "\n  "+parameter+":\n")
	before, after, ok := strings.Cut(rest, "    Default: "+old+"\n")
	if !found || !ok || strings.Contains(before, "\n  S") {
		return "", fmt.Errorf("could not fill in the template: parameter %s has no default %s", parameter, old)
	}
	return head + "\n  " + parameter + ":\n" + before + "    Default: " + value + "\n" + after, nil
}
