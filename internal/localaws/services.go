package localaws

import (
	"slices"

	"github.com/parascope/parascope/internal/localaws/amp"
	"github.com/parascope/parascope/internal/localaws/faults"
	"github.com/parascope/parascope/internal/localaws/gateway"
	"github.com/parascope/parascope/internal/localaws/principal"
	"github.com/parascope/parascope/internal/localaws/sts"
)

// services are all services of the cloud, in the order of their documentation.
func services(principals *principal.Store, prometheus *amp.AMP, trouble *faults.Table) []gateway.Service {
	return slices.Concat(
		[]gateway.Service{sts.Service(principals)},
		trouble.Wrap(prometheus.Services()),
		[]gateway.Service{trouble.Service()},
	)
}
