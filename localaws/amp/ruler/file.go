// Package ruler knows AMP's rules files, and evaluates them with Prometheus' rule manager.
package ruler

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"

	"github.com/parascope/parascope/localaws/amp/dataplane"
)

// MinInterval is how often a group can be evaluated at most.
const MinInterval = 30 * time.Second

const maxNames = 721 // bytes of a namespace's and a group's name together

// ErrMalformed is what is no rules file at all: no YAML, or not of its form.
var ErrMalformed = errors.New("malformed rules file")

// ReadFile reads the rules file of a namespace. An error that is no ErrMalformed says what
// AMP refuses of the rules in it.
func ReadFile(namespace string, data []byte) (*rulefmt.RuleGroups, error) {
	groups, problems := rulefmt.Parse(data, false, model.LegacyValidation, dataplane.Parser(), slog.New(slog.DiscardHandler))
	if groups == nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, errors.Join(problems...))
	}
	if len(groups.Groups) == 0 {
		return nil, fmt.Errorf("%w: it has no groups", ErrMalformed)
	}
	if len(problems) > 0 {
		return groups, errors.Join(problems...)
	}
	for _, g := range groups.Groups {
		if len(namespace)+len(g.Name) > maxNames {
			return groups, fmt.Errorf("group %q: its name and the namespace's have more than %d bytes together", g.Name, maxNames)
		}
		if g.Interval > 0 && time.Duration(g.Interval) < MinInterval {
			return groups, fmt.Errorf("group %q: interval %s is below the minimum of %s", g.Name, g.Interval, MinInterval)
		}
		for i, r := range g.Rules {
			if err := dataplane.CheckRule(r.Expr); err != nil {
				return groups, fmt.Errorf("group %q, rule %d: %w", g.Name, i+1, err)
			}
		}
	}
	return groups, nil
}

// Count is the number of rules of a file.
func Count(groups *rulefmt.RuleGroups) int {
	n := 0
	for _, g := range groups.Groups {
		n += len(g.Rules)
	}
	return n
}
