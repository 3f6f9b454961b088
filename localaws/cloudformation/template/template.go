// Package template reads CloudFormation templates, in YAML and JSON, checks them
// as AWS does before it starts anything, and evaluates their functions. It keeps
// every scalar as the text that was written: 2012-10-17 stays a string and an
// account id keeps its zeros. The texts of the errors are AWS's where they are
// known; package cloudformation's table says which.
package template

import (
	"fmt"
	"slices"
)

// Quotas of a template (CloudFormation User Guide, quotas).
const (
	MaxBody       = 51200   // bytes in a request
	MaxStored     = 1 << 20 // bytes in S3
	maxResources  = 500
	maxParameters = 200
	maxOutputs    = 200
	maxMappings   = 200
)

// Error is what AWS answers, as a ValidationError, to a template or to parameters
// that it refuses.
type Error struct{ Message string }

func (e *Error) Error() string { return e.Message }

func refuse(format string, args ...any) error { return &Error{fmt.Sprintf(format, args...)} }

// Policies of what happens to a resource that the stack lets go of.
const (
	Delete               = "Delete"
	Retain               = "Retain"
	RetainExceptOnCreate = "RetainExceptOnCreate" // delete it when the operation that made it rolls back
)

// Template is a template that was found good. Its values are strings, []any and
// map[string]any; functions are maps with one member such as "Ref" or "Fn::Sub".
type Template struct {
	Version     string
	Description string
	Metadata    any
	Parameters  map[string]Parameter
	Mappings    map[string]map[string]map[string]any
	Conditions  map[string]any
	Rules       map[string]rule
	Resources   map[string]Resource
	Outputs     map[string]Output
}

// Resource is one member of Resources.
type Resource struct {
	Type                string
	Properties          map[string]any
	Metadata            any
	DependsOn           []string
	Condition           string
	DeletionPolicy      string
	UpdateReplacePolicy string
}

// Output is one member of Outputs.
type Output struct {
	Description, Condition string
	Value                  any
}

// Parse reads a template and checks all that can be checked without parameters.
// Errors are *Error.
func Parse(text string) (*Template, error) {
	value, err := decode(text)
	if err != nil {
		return nil, err
	}
	root, ok := value.(map[string]any)
	if !ok {
		return nil, refuse("Template format error: unsupported structure.")
	}
	t, err := readSections(root)
	if err != nil {
		return nil, err
	}
	return t, t.check()
}

// Capability is the capability that creating the template's resources needs:
// "", CAPABILITY_IAM, or CAPABILITY_NAMED_IAM where IAM resources have names of
// their own.
func (t *Template) Capability() (capability string, because []string) {
	names := map[string]string{
		"AWS::IAM::Role": "RoleName", "AWS::IAM::ManagedPolicy": "ManagedPolicyName", "AWS::IAM::InstanceProfile": "InstanceProfileName",
		"AWS::IAM::User": "UserName", "AWS::IAM::Group": "GroupName", "AWS::IAM::Policy": "", "AWS::IAM::AccessKey": "",
		"AWS::IAM::UserToGroupAddition": "",
	}
	for _, id := range sortedKeys(t.Resources) {
		r := t.Resources[id]
		property, isIAM := names[r.Type]
		if !isIAM {
			continue
		}
		if !slices.Contains(because, r.Type) {
			because = append(because, r.Type)
		}
		if _, named := r.Properties[property]; named {
			capability = "CAPABILITY_NAMED_IAM"
		} else if capability == "" {
			capability = "CAPABILITY_IAM"
		}
	}
	slices.Sort(because)
	return capability, because
}

// Types are the resource types of the template, sorted.
func (t *Template) Types() []string {
	var types []string
	for _, r := range t.Resources {
		if !slices.Contains(types, r.Type) {
			types = append(types, r.Type)
		}
	}
	slices.Sort(types)
	return types
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
