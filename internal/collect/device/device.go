// Package device measures what AWS gives a node: limits of its cards and volumes, EFA,
// shared file systems, and who the node is.
package device

import "github.com/parascope/parascope/internal/collect/page"

// Collectors is the literal list of this package's collectors.
func Collectors() []page.Collector {
	return []page.Collector{}
}
