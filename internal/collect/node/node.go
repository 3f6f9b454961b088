// Package node measures what every Linux machine has, from procfs and sysfs, under
// node_exporter's names.
package node

import "github.com/parascope/parascope/internal/collect/page"

// Collectors is the literal list of this package's collectors. What comes first is
// left out last where --max-series is too small for all.
func Collectors() []page.Collector {
	return []page.Collector{
		cpu,
		meminfo,
		loadavg,
		pressure,
		vmstat,
		clock,
		uname,
		netdev,
		filesystem,
		diskstats,
		thermal,
	}
}
