package awsside

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/amp"
	"github.com/aws/aws-sdk-go-v2/service/amp/types"

	"github.com/parascope/parascope/internal/awserr"
	"github.com/parascope/parascope/internal/doctor"
	"github.com/parascope/parascope/internal/hint"
)

// checkAlertManager asks AMP for the workspace's alert manager definition: without one, alerts that
// fire are sent to nobody.
func checkAlertManager(ctx context.Context, e *Env) Finding {
	if e.metricsID == "" {
		return skipWithout(e, noPrometheus)
	}
	if e.preflight.State.Outputs["AlertTopicArn"] == "" {
		return doctor.Skip(noTopic)
	}
	repair := "'" + e.Target.Command("up") + "' writes the definition of the template"
	out, err := sdk.NewFromConfig(e.Config).DescribeAlertManagerDefinition(ctx,
		&sdk.DescribeAlertManagerDefinitionInput{WorkspaceId: &e.metricsID})
	if err != nil {
		err = awserr.Explain("describe the alert manager definition of "+e.metricsID, err, awserr.Next{Denied: awserr.WhoAsks, NotFound: repair})
		if hint.CodeOf(err) == hint.NotFound {
			return doctor.Fault("workspace "+e.metricsID+" has no alert manager definition, so alerts have no recipient", repair)
		}
		return doctor.Unasked(err)
	}
	status := out.AlertManagerDefinition.Status
	switch status.StatusCode {
	case types.AlertManagerDefinitionStatusCodeActive:
		return doctor.Good("")
	case types.AlertManagerDefinitionStatusCodeCreating, types.AlertManagerDefinitionStatusCodeUpdating:
		return doctor.Unsure(fmt.Sprintf("the alert manager definition is %s", status.StatusCode), "wait until the definition is ACTIVE, "+
			"and run the command again")
	}
	return doctor.Fault(fmt.Sprintf("the alert manager definition is %s: %s", status.StatusCode, aws.ToString(status.StatusReason)), repair)
}

// noTopic is why checks of alerts do not apply.
const noTopic = "the stack has no SNS topic for alerts: an older version of parascope created it"
