package deploy

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/amp"

	"github.com/parascope/parascope/internal/alerts"
	"github.com/parascope/parascope/internal/alerts/namespace"
	"github.com/parascope/parascope/internal/alerts/subscribe"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/stack"
)

// AlertsOf is where the stack's alerts are.
func AlertsOf(ctx context.Context, cfg aws.Config, t Target) (alerts.Place, error) {
	state, err := stack.New(cfg, t.StackName).Describe(ctx)
	if err != nil {
		return alerts.Place{}, err
	}
	if !state.Exists() {
		return alerts.Place{}, noStack(ctx, cfg, t, "", "'"+t.Command("up")+"' creates the stack; --stack, --region and --profile "+
			"select another stack")
	}
	at := placeOf(state.Outputs)
	if at.WorkspaceID == "" {
		return at, hint.New(hint.NotFound, fmt.Errorf("stack %s has no Prometheus workspace, so the stack has no alerts", t.StackName),
			"'"+t.Command("up")+" --parameter MonitoringType=amp-only' adds a workspace")
	}
	return at, nil
}

func placeOf(outputs map[string]string) alerts.Place {
	return alerts.Place{WorkspaceID: outputs["AMPWorkspaceId"], Endpoint: outputs["AMPPrometheusEndpoint"], TopicARN: outputs["AlertTopicArn"]}
}

// rules writes the alert rules where no setup function does, and sees that they are there
// where one has: AMP may have refused some.
func (u *up) rules(ctx context.Context) (came string, err error) {
	at := placeOf(u.result.Outputs)
	if at.WorkspaceID == "" {
		return "no Prometheus workspace in this stack", nil
	}
	done, err := alerts.WriteRules(ctx, u.cfg, at.WorkspaceID)
	if err != nil {
		return "", err
	}
	if at.TopicARN != "" {
		if u.result.AlertTo, err = subscribe.List(ctx, u.cfg, at.TopicARN); err != nil {
			return "", err
		}
	}
	for _, s := range u.result.AlertTo {
		if !s.Confirmed {
			u.report(Event{Kind: Warning, Step: "alerts", Text: "alerts to " + s.String()})
		}
	}
	return namespace.Summary(done), nil
}

// Rules is what is known of the alert rules.
type Rules struct {
	Namespaces []namespace.State   `json:"namespaces"`              // parascope's, as AMP has them
	LastRun    []namespace.Outcome `json:"setupFunction,omitempty"` // what the setup function's last run did to them
}

// lookAtAlerts asks who alerts are sent to, and how the rules are.
func (s *Status) lookAtAlerts(ctx context.Context, cfg aws.Config, at alerts.Place) error {
	if at.WorkspaceID == "" {
		return nil
	}
	states, err := namespace.Writer{Client: sdk.NewFromConfig(cfg), WorkspaceID: at.WorkspaceID}.List(ctx)
	if err != nil {
		return err
	}
	s.Rules.Namespaces = states
	if at.TopicARN == "" { // an older version made the stack
		return nil
	}
	s.AlertTo, err = subscribe.List(ctx, cfg, at.TopicARN)
	return err
}
