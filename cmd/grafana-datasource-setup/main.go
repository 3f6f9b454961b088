// Command grafana-datasource-setup is the stack's setup function: it connects
// Prometheus to Grafana, as a custom resource and by hand. It runs in AWS Lambda.
package main

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/parascope/parascope/internal/awserr"
	"github.com/parascope/parascope/internal/connector"
)

func main() {
	logger := slog.New(slog.NewTextHandler(os.Stderr, nil))
	// A configuration that cannot be loaded is told to whoever invokes: a function
	// that ends in its beginning leaves CloudFormation waiting.
	cfg, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		logger.Error("could not load the AWS configuration", "err", err)
	}
	cfg.APIOptions = append(cfg.APIOptions, awserr.Guard)
	o := connector.DefaultOptions()
	o.Logger = logger
	lambda.Start(&connector.Function{
		Connector: connector.New(cfg, o),
		Default: connector.Target{
			GrafanaWorkspaceID:    os.Getenv("PARASCOPE_GRAFANA_WORKSPACE_ID"),
			PrometheusWorkspaceID: os.Getenv("PARASCOPE_PROMETHEUS_WORKSPACE_ID"),
		},
		HTTP:    &http.Client{Timeout: 10 * time.Second},
		Logger:  logger,
		Results: os.Stderr,
	})
}
