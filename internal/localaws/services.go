package localaws

import (
	"slices"

	"github.com/parascope/parascope/internal/localaws/amp"
	"github.com/parascope/parascope/internal/localaws/gateway"
	"github.com/parascope/parascope/internal/localaws/lambda"
	"github.com/parascope/parascope/internal/localaws/logs"
	"github.com/parascope/parascope/internal/localaws/principal"
	"github.com/parascope/parascope/internal/localaws/s3"
	"github.com/parascope/parascope/internal/localaws/sts"
)

// services are all services of the cloud, in the order of their documentation.
func services(principals *principal.Store, prometheus *amp.AMP, objects *s3.S3, events *logs.Logs, functions *lambda.Lambda) []gateway.Service {
	return slices.Concat(
		[]gateway.Service{sts.Service(principals)},
		prometheus.Services(),
		[]gateway.Service{objects.Service(), events.Service(), functions.Service()},
	)
}
