package awsside

import (
	"context"
	"errors"
	"fmt"
	"time"

	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/parascope/parascope/internal/connector/result"
	"github.com/parascope/parascope/internal/deploy"
	"github.com/parascope/parascope/internal/doctor"
	"github.com/parascope/parascope/internal/hint"
)

// checkSetupFunction reads the function's code and the result of its last run.
func checkSetupFunction(ctx context.Context, e *Env) Finding {
	if e.grafanaID == "" {
		return skipWithout(e, noGrafana)
	}
	name := deploy.FunctionName(e.Target.StackName)
	code, codeErr := deploy.CompareFunction(ctx, e.Config, e.Target)
	if _, missing := errors.AsType[*lambdatypes.ResourceNotFoundException](codeErr); missing || code.CodeSha256 == "" && isMissing(codeErr) {
		return doctor.Fault("there is no function "+name, "'"+e.Target.Command("up")+"' creates the function")
	}
	found := judgeLastRun(ctx, e)
	if found.Status == doctor.OK && codeErr == nil && !code.Current {
		found.Warnings = []string{code.Describe(e.Target)}
	}
	return found.Keeping(func() { e.current = code.Current })
}

func judgeLastRun(ctx context.Context, e *Env) Finding {
	name := deploy.FunctionName(e.Target.StackName)
	last, ran, err := deploy.LastRun(ctx, e.Config, e.Target)
	logs := "'aws logs tail /aws/lambda/" + name + "' shows the log of the function; '" + e.Target.Command("connect") + "' runs " +
		"the function again"
	switch {
	case ran && last.Outcome == result.Failed:
		ago := e.Now().Sub(last.Finished).Round(time.Second)
		return doctor.Fault(fmt.Sprintf("the last run failed %s ago: %s", ago, last.Error), logs)
	case err != nil && hint.CodeOf(err) == hint.NotFound:
		return doctor.Unsure(name+" has no log", "'"+e.Target.Command("connect")+"' runs it")
	case err != nil:
		return doctor.Unasked(err)
	case !ran:
		return doctor.Unsure("the log of "+name+" contains no run within the last 30 days", "'"+e.Target.Command("connect")+"' runs it")
	}
	return doctor.Good(fmt.Sprintf("the last run connected Grafana to Prometheus %s ago", e.Now().Sub(last.Finished).Round(time.Second)))
}

func isMissing(err error) bool { return hint.CodeOf(err) == hint.NotFound }
