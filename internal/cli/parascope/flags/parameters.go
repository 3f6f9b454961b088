package flags

import (
	"fmt"
	"strings"

	"github.com/parascope/parascope/internal/hint"
)

// Parameters reads NAME=VALUE of each --parameter. A value may have commas and quotes.
func Parameters(texts []string) (map[string]string, error) {
	all := map[string]string{}
	for _, text := range texts {
		name, value, found := strings.Cut(text, "=")
		if !found || name == "" {
			return nil, hint.New(hint.Usage, fmt.Errorf("--parameter %q has no value", text), "write the parameter as NAME=VALUE")
		}
		all[name] = value
	}
	return all, nil
}
