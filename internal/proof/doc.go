// Package proof shows, in its tests, that the dashboards that ship are right: a made-up
// day of clusters, healthy and with faults, passes through the scrape loop, the queue and
// the sender into the local AMP, and every query of every panel is asked and compared
// with what the day is made of, which is computed without PromQL.
package proof
