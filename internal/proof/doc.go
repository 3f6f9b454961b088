// Package proof has tests only. They show that the dashboards that ship are right: the day of
// package madeup passes through the scrape loop, the queue and the sender into the local AMP,
// and every query of every panel is asked and compared with what the day is made of, which is
// computed without PromQL.
package proof
