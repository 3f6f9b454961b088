// Package proof has a made-up day of clusters, healthy and with faults: what each machine's
// exporters print, hour by hour. Its tests show with it that the dashboards that ship are
// right: the day passes through the scrape loop, the queue and the sender into the local
// AMP, and every query of every panel is asked and compared with what the day is made of,
// which is computed without PromQL. Live goes through the day again and again by the clock,
// for people who have no cluster.
package proof
