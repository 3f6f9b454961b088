package amp

import (
	"net/http"
	"time"

	"github.com/parascope/parascope/internal/localaws/amp/dataplane"
	"github.com/parascope/parascope/internal/localaws/gateway"
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
	Limits   struct {
		MaxSeries int64 `json:"maxSeries"`
	} `json:"limits"`
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
	if in.LimitsPerLabelSet == nil && in.RetentionPeriodInDays == nil && in.OutOfOrderTimeWindowInSeconds == nil && in.RuleQueryOffsetInSeconds == nil {
		return invalid("workspaceConfiguration", "at least one setting must be given")
	}
	if len(in.LimitsPerLabelSet) > maxLimitsPerLabels {
		return invalid("limitsPerLabelSet", "must have at most %d members", maxLimitsPerLabels)
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
	return gateway.WriteJSON(rw, http.StatusAccepted, map[string]any{"status": status{"UPDATING"}})
}
