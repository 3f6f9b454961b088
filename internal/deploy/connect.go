package deploy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/parascope/parascope/internal/awserr"
	"github.com/parascope/parascope/internal/doctor"
	"github.com/parascope/parascope/internal/hint"
)

// FunctionName is the setup function of a stack.
func FunctionName(stackName string) string { return stackName + "-grafana-datasource-setup" }

// deniedBy says what to look at where AWS refuses what the deployer may do.
const deniedBy = "the policy in " + doctor.DeployerPolicy + " allows it, with " + DefaultStack + " replaced by another stack's name"

// Connected is the setup function's answer.
type Connected struct {
	GrafanaURL     string            `json:"grafanaUrl"`
	GrafanaVersion string            `json:"grafanaVersion"`
	DataSources    []ConnectedSource `json:"dataSources"`
	Dashboards     []InstalledBoard  `json:"dashboards"`
	Warnings       []string          `json:"warnings,omitempty"`
	Seconds        float64           `json:"seconds"`
}

// ConnectedSource is one of Grafana's data sources.
type ConnectedSource struct {
	Name    string `json:"name"`
	Type    string `json:"type"`
	Default bool   `json:"default"`
	Action  string `json:"action"` // created, repaired, unchanged
	Health  string `json:"health"`
}

// InstalledBoard is a dashboard that ships.
type InstalledBoard struct {
	Title  string `json:"title"`
	URL    string `json:"url"`
	Action string `json:"action"`
}

// Connect runs the stack's setup function again: it checks, and repairs, the
// connection of Prometheus to Grafana. It takes as long as the function does.
func Connect(ctx context.Context, cfg aws.Config, t Target) (Connected, error) {
	name := FunctionName(t.StackName)
	// One try: the function repairs by itself, and a second one beside it helps nobody.
	client := lambda.NewFromConfig(cfg, func(o *lambda.Options) { o.RetryMaxAttempts = 1 })
	out, err := client.Invoke(ctx, &lambda.InvokeInput{FunctionName: &name})
	if _, missing := errors.AsType[*lambdatypes.ResourceNotFoundException](err); missing {
		return Connected{}, hint.New(hint.NotFound, fmt.Errorf("there is no function %s in %s", name, cfg.Region), "'"+t.Command("up")+"' creates it; --stack names another stack")
	}
	if err != nil {
		return Connected{}, awserr.Explain("invoke "+name, err, awserr.Next{Denied: deniedBy})
	}
	if out.FunctionError != nil {
		var failed struct {
			ErrorMessage string `json:"errorMessage"`
		}
		_ = json.Unmarshal(out.Payload, &failed) // a function that was killed says nothing
		return Connected{}, hint.New(hint.Failure, fmt.Errorf("%s failed: %s", name, failed.ErrorMessage), "'"+t.Command("logs")+"' shows what it did")
	}
	var answer Connected
	if err := json.Unmarshal(out.Payload, &answer); err != nil {
		return Connected{}, fmt.Errorf("read the answer of %s: %w", name, err)
	}
	return answer, nil
}
