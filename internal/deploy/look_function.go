package deploy

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/parascope/parascope/internal/awserr"
	"github.com/parascope/parascope/internal/connector/result"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/stack"
)

// LastRun is what the setup function's last run came to, by its log; found is false where the
// log has none.
func LastRun(ctx context.Context, cfg aws.Config, t Target) (last result.Run, found bool, err error) {
	var said lastRuns
	l := functionLog{client: cloudwatchlogs.NewFromConfig(cfg), target: t, region: cfg.Region, seen: map[string]bool{}}
	err = l.read(ctx, t.now().Add(-logAge), said.add)
	return said.last, !said.last.Finished.IsZero(), err
}

// LookThroughFunction asks the stack's setup function what Grafana has; the function must be
// the one of this program, since another one would repair.
func LookThroughFunction(ctx context.Context, cfg aws.Config, t Target) (result.Look, error) {
	name := FunctionName(t.StackName)
	client := lambda.NewFromConfig(cfg, func(o *lambda.Options) { o.RetryMaxAttempts = 1 })
	out, err := client.Invoke(ctx, &lambda.InvokeInput{FunctionName: &name, Payload: []byte(result.LookRequest)})
	if err != nil {
		return result.Look{}, awserr.Explain("invoke "+name, err, awserr.Next{Denied: deniedBy})
	}
	if out.FunctionError != nil {
		return result.Look{}, hint.New(hint.Failure, fmt.Errorf("%s could not query Grafana: %s", name, result.ReadFailure(out.Payload)),
			"'"+t.Command("connect")+"' repairs the connection; '"+t.Command("logs")+"' shows what the function did")
	}
	seen, err := result.ReadLook(out.Payload)
	if err != nil {
		return result.Look{}, fmt.Errorf("could not read the response of %s: %w", name, err)
	}
	return seen, nil
}

// FindFailure reads from the stack's events why its last operation failed; nil where it did
// not.
func FindFailure(ctx context.Context, cfg aws.Config, t Target, state stack.State) (*Failure, error) {
	return findFailure(ctx, stack.New(cfg, t.StackName), state, t)
}
