// Package cost says what the stack costs, from prices whose source is given with each.
package cost

import "github.com/parascope/parascope/internal/stack"

// Line is one line of what the stack costs by the month before any metric is
// sent, in US dollars of us-east-2.
type Line struct {
	What    string  `json:"what"`
	Dollars float64 `json:"dollarsPerMonth"`
	Source  string  `json:"source"` // where the price was read
}

const hoursPerMonth = 730

// AtRest is the bill of the stack with nobody looking and nothing sent. Prices of
// what is used come on top: $0.90 per ten million samples, $9 per editor and $5
// per viewer who signs in.
func AtRest(parameters map[string]string) []Line {
	var all []Line
	if parameters["ExistingVPC"] == "" {
		all = append(all,
			Line{"NAT gateway, the compute nodes' way to the internet", 0.045 * hoursPerMonth, "VPC pricing, $0.045 an hour; traffic comes on top"},
			Line{"its public IPv4 address", 0.005 * hoursPerMonth, "VPC pricing, $0.005 an hour"})
	}
	if stack.MonitoringOf(parameters).HasGrafana() {
		all = append(all, Line{"Grafana, at least one editor", 9, "Amazon Managed Grafana pricing: one editor licence even when nobody signs in"})
	}
	return all
}
