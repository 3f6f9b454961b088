package localaws

import (
	"slices"

	"github.com/parascope/parascope/internal/localaws/amp"
	"github.com/parascope/parascope/internal/localaws/gateway"
	"github.com/parascope/parascope/internal/localaws/iam"
	"github.com/parascope/parascope/internal/localaws/sts"
)

// services are all services of the cloud, in the order of their documentation.
func services(access *iam.IAM, prometheus *amp.AMP) []gateway.Service {
	return slices.Concat(
		[]gateway.Service{sts.Service(access.Account), access.Service()},
		prometheus.Services(),
	)
}
