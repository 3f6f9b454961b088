// Package gpu measures a node's NVIDIA GPUs, under dcgm-exporter's names.
package gpu

import "github.com/parascope/parascope/internal/collect/page"

// Collectors is the literal list of this package's collectors.
func Collectors() []page.Collector {
	return []page.Collector{}
}
