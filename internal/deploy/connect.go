package deploy

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/parascope/parascope/internal/awserr"
	"github.com/parascope/parascope/internal/connector/result"
	"github.com/parascope/parascope/internal/doctor/preflight"
	"github.com/parascope/parascope/internal/hint"
)

// FunctionName is the setup function of a stack.
func FunctionName(stackName string) string { return stackName + "-grafana-datasource-setup" }

// deniedBy says what to look at where AWS refuses what the deployer may do.
const deniedBy = "the policy in " + preflight.DeployerPolicy + " has the required permissions; for another stack, replace " + DefaultStack +
	" by its name"

// Connect runs the stack's setup function again: it checks, and repairs, the
// connection of Prometheus to Grafana. It takes as long as the function does. That the
// function's code is not that of this program is among the warnings.
func Connect(ctx context.Context, cfg aws.Config, t Target) (result.Connection, error) {
	name := FunctionName(t.StackName)
	warning := warnOfFunction(ctx, cfg, t)
	// One try: the function repairs by itself, and a second one beside it helps nobody.
	client := lambda.NewFromConfig(cfg, func(o *lambda.Options) { o.RetryMaxAttempts = 1 })
	out, err := client.Invoke(ctx, &lambda.InvokeInput{FunctionName: &name})
	if _, missing := errors.AsType[*lambdatypes.ResourceNotFoundException](err); missing {
		return result.Connection{}, hint.New(hint.NotFound, fmt.Errorf("there is no function %s in %s", name, cfg.Region),
			"'"+t.Command("up")+"' creates the function; --stack selects another stack")
	}
	if err != nil {
		return result.Connection{}, awserr.Explain("invoke "+name, err, awserr.Next{Denied: deniedBy})
	}
	if out.FunctionError != nil {
		return result.Connection{}, hint.New(hint.Failure, fmt.Errorf("%s failed: %s", name, result.ReadFailure(out.Payload)),
			"'"+t.Command("logs")+"' shows the function's log")
	}
	answer, err := result.ReadAnswer(out.Payload)
	if err != nil {
		return result.Connection{}, fmt.Errorf("could not read the response of %s: %w", name, err)
	}
	if warning != "" {
		answer.Warnings = append(answer.Warnings, warning)
	}
	return answer, nil
}
