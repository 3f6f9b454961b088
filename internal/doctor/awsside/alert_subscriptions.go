package awsside

import (
	"context"
	"fmt"
	"strings"

	"github.com/parascope/parascope/internal/alerts/subscribe"
	"github.com/parascope/parascope/internal/doctor"
	"github.com/parascope/parascope/internal/hint"
)

// checkAlertSubscriptions looks for endpoints that have not confirmed: SNS sends them nothing.
func checkAlertSubscriptions(ctx context.Context, e *Env) Finding {
	topic := e.preflight.State.Outputs["AlertTopicArn"]
	if topic == "" {
		return skipWithout(e, noTopic)
	}
	all, err := subscribe.List(ctx, e.Config, topic)
	switch {
	case err != nil && hint.CodeOf(err) == hint.NotFound:
		return doctor.Fault("the SNS topic of the alerts does not exist: "+err.Error(), "'"+e.Target.Command("up")+"'")
	case err != nil:
		return doctor.Unasked(err)
	case len(all) == 0:
		return doctor.Skip("alerts have no recipient; '" + e.Target.Command("up") + " --alert-to alice@example.com' adds a recipient")
	}
	var waiting []string
	for _, s := range all {
		if !s.Confirmed {
			waiting = append(waiting, s.String())
		}
	}
	if len(waiting) > 0 {
		return doctor.Fault(strings.Join(waiting, "; "), "open the confirmation link in AWS's e-mail; 'parascope alerts test' then sends "+
			"a test alert")
	}
	return doctor.Good(fmt.Sprintf("%d endpoints", len(all)))
}
