package stack

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"

	"github.com/parascope/parascope"
	"github.com/parascope/parascope/internal/hint"
)

// BoundaryParameter is the template's parameter for the permissions boundary of its roles.
const BoundaryParameter = "PermissionsBoundary"

// parameter is one of the template's, as far as its values are bound.
type parameter struct {
	Type                  string   `yaml:"Type"`
	AllowedValues         []string `yaml:"AllowedValues"`
	AllowedPattern        string   `yaml:"AllowedPattern"`
	ConstraintDescription string   `yaml:"ConstraintDescription"`
	MinValue              *float64 `yaml:"MinValue"`
	MaxValue              *float64 `yaml:"MaxValue"`
}

// templateParameters reads the template once: it is part of the program and does not
// change.
var templateParameters = sync.OnceValues(func() (map[string]parameter, error) {
	var template struct {
		Parameters map[string]parameter `yaml:"Parameters"`
	}
	if err := yaml.Unmarshal([]byte(parascope.Template), &template); err != nil {
		return nil, fmt.Errorf("could not read the template: %w", err)
	}
	return template.Parameters, nil
})

// CheckParameters finds names that the template has no parameter of, and values that a
// parameter does not take; CloudFormation would, without saying which it takes.
func CheckParameters(set map[string]string) error {
	bounds, err := templateParameters()
	if err != nil {
		return err
	}
	all := Parameters()
	for _, name := range slices.Sorted(maps.Keys(set)) {
		if !slices.Contains(all, name) && !strings.HasPrefix(name, "SetupFunction") {
			return hint.New(hint.BadInput, fmt.Errorf("the template has no parameter %s", name), takes())
		}
		if takes := bounds[name].refuses(set[name]); takes != "" {
			return hint.New(hint.BadInput, fmt.Errorf("parameter %s=%s is refused: the value %s", name, set[name], takes),
				"give --parameter "+name+"= such a value; parallelcluster-infrastructure.yaml describes the parameter")
		}
	}
	return nil
}

// refuses says what the parameter takes, where it does not take the value; else it is "".
func (p parameter) refuses(value string) string {
	if len(p.AllowedValues) > 0 && !slices.Contains(p.AllowedValues, value) {
		return "must be one of " + strings.Join(p.AllowedValues, ", ")
	}
	if p.AllowedPattern != "" {
		if whole, err := regexp.Compile("^(?:" + p.AllowedPattern + ")$"); err == nil && !whole.MatchString(value) {
			return p.ConstraintDescription
		}
	}
	if p.Type != "Number" || p.MinValue == nil || p.MaxValue == nil {
		return ""
	}
	if n, err := strconv.ParseFloat(value, 64); err != nil || !(n >= *p.MinValue && n <= *p.MaxValue) {
		return fmt.Sprintf("must be a number from %v to %v", *p.MinValue, *p.MaxValue)
	}
	return ""
}

// takes says which parameters there are.
func takes() string {
	return "give --parameter NAME=VALUE with one of the names " + strings.Join(Parameters(), ", ") +
		"; parallelcluster-infrastructure.yaml lists the allowed values"
}
