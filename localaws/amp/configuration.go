package amp

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/parascope/parascope/localaws/amp/dataplane"
	"github.com/parascope/parascope/localaws/gateway"
)

// Bounds of a workspace's configuration.
const (
	maxRetentionDays   = 1095
	maxOutOfOrder      = 600
	maxRuleQueryOffset = 86400
	defaultRetention   = 150
	defaultOutOfOrder  = 60
	defaultRuleOffset  = 60
	maxLimitsPerLabels = 100
)

// configuration is a workspace's, as DescribeWorkspaceConfiguration prints it.
type configuration struct {
	LimitsPerLabelSet             []labelSetLimits `json:"limitsPerLabelSet"`
	RetentionPeriodInDays         int              `json:"retentionPeriodInDays"`
	OutOfOrderTimeWindowInSeconds int              `json:"outOfOrderTimeWindowInSeconds"`
	RuleQueryOffsetInSeconds      int              `json:"ruleQueryOffsetInSeconds"`
}

type labelSetLimits struct {
	LabelSet map[string]string `json:"labelSet"`
	Limits   *seriesLimits     `json:"limits"`
}

type seriesLimits struct {
	MaxSeries *int64 `json:"maxSeries,omitempty"`
}

var labelNamePattern = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

func checkLabelSets(all []labelSetLimits) error {
	if len(all) > maxLimitsPerLabels {
		return invalid("limitsPerLabelSet", "must have at most %d members", maxLimitsPerLabels)
	}
	for i, l := range all {
		member := fmt.Sprintf("limitsPerLabelSet.%d.member", i+1)
		switch {
		case l.LabelSet == nil: // an empty one stands for all series that no other is for
			return invalid(member+".labelSet", "must not be null")
		case l.Limits == nil:
			return invalid(member+".limits", "must not be null")
		case l.Limits.MaxSeries != nil && *l.Limits.MaxSeries < 0:
			return invalid(member+".limits.maxSeries", "must be at least 0")
		}
		for name, value := range l.LabelSet {
			printable := !strings.ContainsFunc(value, func(c rune) bool { return c < ' ' || c > '~' })
			if !labelNamePattern.MatchString(name) || !printable || strings.TrimSpace(value) == "" {
				return invalid(member+".labelSet", "must have names of the pattern [a-zA-Z_][a-zA-Z0-9_]* and values of printable ASCII that are not "+
					"blank")
			}
		}
	}
	return nil
}

func defaultConfiguration() configuration {
	return configuration{
		LimitsPerLabelSet: []labelSetLimits{}, RetentionPeriodInDays: defaultRetention,
		OutOfOrderTimeWindowInSeconds: defaultOutOfOrder, RuleQueryOffsetInSeconds: defaultRuleOffset,
	}
}

func (c configuration) settings() dataplane.Settings {
	return dataplane.Settings{
		RetentionDays:    c.RetentionPeriodInDays,
		OutOfOrderWindow: time.Duration(c.OutOfOrderTimeWindowInSeconds) * time.Second,
		RuleQueryOffset:  time.Duration(c.RuleQueryOffsetInSeconds) * time.Second,
	}
}

func (a *AMP) describeWorkspaceConfiguration(rw http.ResponseWriter, r *gateway.Request) error {
	w, err := a.visible(r)
	if err != nil {
		return err
	}
	return gateway.WriteJSON(rw, http.StatusOK, map[string]any{"workspaceConfiguration": struct {
		Status status `json:"status"`
		configuration
	}{status{active}, w.Configuration}})
}

func (a *AMP) updateWorkspaceConfiguration(rw http.ResponseWriter, r *gateway.Request) error {
	var in struct {
		ClientToken                   string
		LimitsPerLabelSet             []labelSetLimits
		RetentionPeriodInDays         *int
		OutOfOrderTimeWindowInSeconds *int
		RuleQueryOffsetInSeconds      *int
	}
	if err := parse(r, &in); err != nil {
		return err
	}
	if in.LimitsPerLabelSet == nil && in.RetentionPeriodInDays == nil && in.OutOfOrderTimeWindowInSeconds == nil &&
		in.RuleQueryOffsetInSeconds == nil {
		return invalid("workspaceConfiguration", "at least one setting must be given")
	}
	if err := checkLabelSets(in.LimitsPerLabelSet); err != nil {
		return err
	}
	var updated *configuration // nil when the client token has done it before
	err := a.changeOnce(r, in.ClientToken, in, func(w *workspace) error {
		c := &w.Configuration
		if in.LimitsPerLabelSet != nil {
			c.LimitsPerLabelSet = in.LimitsPerLabelSet
		}
		for _, s := range []struct {
			name     string
			from     *int
			to       *int
			min, max int
		}{
			{"retentionPeriodInDays", in.RetentionPeriodInDays, &c.RetentionPeriodInDays, 1, maxRetentionDays},
			{"outOfOrderTimeWindowInSeconds", in.OutOfOrderTimeWindowInSeconds, &c.OutOfOrderTimeWindowInSeconds, 0, maxOutOfOrder},
			{"ruleQueryOffsetInSeconds", in.RuleQueryOffsetInSeconds, &c.RuleQueryOffsetInSeconds, 0, maxRuleQueryOffset},
		} {
			if s.from == nil {
				continue
			}
			if *s.from < s.min || *s.from > s.max {
				return invalid(s.name, "must be between %d and %d", s.min, s.max)
			}
			*s.to = *s.from
		}
		updated = c
		return nil
	})
	if err == nil && updated != nil {
		err = a.data.Apply(r.Labels["workspaceId"], updated.settings())
	}
	if err != nil {
		return err
	}
	a.wake()
	return gateway.WriteJSON(rw, http.StatusAccepted, map[string]any{"status": status{"UPDATING"}})
}
