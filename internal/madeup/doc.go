// Package madeup has a made-up day of clusters, healthy and with faults: what each machine's
// exporters print, hour by hour. Live goes through the day again and again by the clock, for
// people who have no cluster; the tests of package proof ask the dashboards over it.
package madeup
