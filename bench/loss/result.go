package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/parascope/parascope/bench/internal/agents"
	"github.com/parascope/parascope/bench/internal/receive"
	"github.com/parascope/parascope/bench/internal/simulate"
)

// result is what came of a trial. Samples are distinct pairs of series and
// timestamp, of the fleet's pages only.
type result struct {
	agent string
	fault fault

	taken       int // samples of the pages that the agent has got
	arrived     int
	lost        int
	missing     int // pages of which nothing came
	partial     int // pages of which a part came
	interrupted int // pages that a kill interrupted, counted in nothing above

	outOfOrder        int
	duplicates        int
	duplicateRequests int
	maxInFlight       int

	gap       time.Duration // the longest between two pages of a target at the receiver
	full      int           // samples that the agent says it dropped for a full disk
	afterward int           // pages that were served later than an interval after the trouble, and did not arrive whole
	late      bool          // the last target was scraped
	interval  time.Duration
}

// ownSeries are those that an agent makes of each page: up and four of scrape_*.
const ownSeries = 5

// after counts pages from then on that did not arrive as a whole.
func (r *result) after(then time.Time, pages []simulate.Page, seen receive.Report, near time.Duration) {
	find := index(seen, near)
	for _, p := range pages {
		if p.Served.After(then) && find(p) != p.Samples {
			r.afterward++
		}
	}
}

// widestGap is the longest time between two moments of a target.
func widestGap(seen receive.Report) (widest time.Duration) {
	times := map[string][]int64{}
	for m := range seen.Moments {
		times[m.Instance] = append(times[m.Instance], m.Timestamp)
	}
	for _, all := range times {
		slices.Sort(all)
		for i := 1; i < len(all); i++ {
			widest = max(widest, time.Duration(all[i]-all[i-1])*time.Millisecond)
		}
	}
	return widest
}

// handover is how long before a kill a page may have been served and still not
// be taken: the agent has its bytes and has not come to storing them. It is
// forgiven once per target, and only when the page did not arrive as a whole.
const handover = 250 * time.Millisecond

// dying is how long after a kill a page may still be noted as served: the agent
// had it when the signal came.
const dying = 100 * time.Millisecond

// count holds what arrived against the pages that were served.
func (t trial) count(kills []time.Time, pages []simulate.Page, seen receive.Report) result {
	find := index(seen, t.plan.Interval/2)
	cut := interruptible(kills, pages)
	r := result{
		agent: t.agent.Name, fault: t.fault, arrived: seen.Arrived(), outOfOrder: seen.OutOfOrder,
		duplicates: seen.Duplicates, duplicateRequests: seen.DuplicateRequests, maxInFlight: seen.MaxInFlight,
		gap: widestGap(seen), interval: t.plan.Interval,
	}
	for _, p := range pages {
		came := find(p)
		switch {
		case came == p.Samples:
		case cut[target{p.Instance, p.Sequence}]:
			r.interrupted++
			r.arrived -= came
			continue
		case came == 0:
			r.missing++
		default:
			r.partial++
		}
		r.taken += p.Samples
	}
	r.lost = r.taken - r.arrived
	return r
}

// target names a page.
type target struct {
	instance string
	sequence int
}

// interruptible are the pages that a kill may have kept from being taken: of each
// target the last one before it, when it was served just then.
func interruptible(kills []time.Time, pages []simulate.Page) map[target]bool {
	out := map[target]bool{}
	for _, kill := range kills {
		last := map[string]int{}
		for _, p := range pages {
			if age := kill.Sub(p.Served); age > -dying && age < handover {
				last[p.Instance] = max(last[p.Instance], p.Sequence)
			}
		}
		for instance, sequence := range last {
			out[target{instance, sequence}] = true
		}
	}
	return out
}

// index returns how many samples of a page came. A page is known by its sequence;
// where that sample is lost, by the others having been stamped within near before
// it was served.
func index(seen receive.Report, near time.Duration) func(simulate.Page) int {
	known := map[target]int{}
	orphans := map[string][]receive.Moment{}
	for m, n := range seen.Moments {
		if sequence, ok := seen.Sequences[m]; ok {
			known[target{m.Instance, sequence}] = n
		} else {
			orphans[m.Instance] = append(orphans[m.Instance], m)
		}
	}
	return func(p simulate.Page) int {
		if n, ok := known[target{p.Instance, p.Sequence}]; ok {
			return n
		}
		n := 0
		for _, m := range orphans[p.Instance] {
			if age := p.Served.Sub(time.UnixMilli(m.Timestamp)); age >= 0 && age < near {
				n += seen.Moments[m]
			}
		}
		return n
	}
}

// table prints the results for a person, in Markdown.
func table(results []result) string {
	var b strings.Builder
	b.WriteString("| fault | agent | taken | arrived | lost | out of order | duplicates (in requests) | in flight at most | pages " +
		"interrupted by the kill |\n")
	b.WriteString("|---|---|---:|---:|---:|---:|---:|---:|---:|\n")
	for _, r := range results {
		fmt.Fprintf(&b, "| %s | %s | %d | %d | %d | %d | %d (%d) | %d | %d |\n", r.fault.name, r.agent, r.taken, r.arrived, r.lost,
			r.outOfOrder, r.duplicates, r.duplicateRequests, r.maxInFlight, r.interrupted)
	}
	return b.String()
}

// verdict is what a run shows. A run in which stock Prometheus loses nothing to a
// 403 or 429, or was not asked, or in which parascope was not, shows nothing.
func verdict(results []result) (text string, complaints []string) {
	complaints = judge(results)
	if len(complaints) > 0 {
		return "", complaints
	}
	var missing []string
	for _, control := range []struct{ agent, fault string }{
		{agents.Prometheus, "403"}, {agents.Prometheus, "429"}, {agents.Parascope, "403"}, {agents.Parascope, "429"},
	} {
		if !slices.ContainsFunc(results, func(r result) bool { return r.agent == control.agent && r.fault.name == control.fault }) {
			missing = append(missing, control.agent+" with "+control.fault)
		}
	}
	if len(missing) > 0 {
		return "no claim is broken, and none is shown: this run lacks " + strings.Join(missing, ", "), nil
	}
	return "every claim holds", nil
}

// judge returns which of the claims do not hold.
func judge(results []result) []string {
	var out []string
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	for _, r := range results {
		switch {
		case r.taken == 0:
			say("INVALID: %s took no page (%s)", r.agent, r.fault.name)
		case r.lost < 0:
			say("INVALID: more arrived of %s than was taken (%s)", r.agent, r.fault.name)
		case r.fault.name == "none" && r.lost != 0:
			say("INVALID: %s lost %d samples without any trouble", r.agent, r.lost)
		case r.agent == agents.Prometheus && (r.fault.name == "403" || r.fault.name == "429") && r.lost == 0:
			say("INVALID: stock Prometheus lost nothing to %s", r.fault.name)
		}
		if r.agent != agents.Parascope {
			continue
		}
		if r.fault.fills {
			out = append(out, r.judgeFull()...)
		} else if r.lost > 0 {
			say("parascope lost %d samples (%s)", r.lost, r.fault.name)
		}
		if r.outOfOrder > 0 {
			say("parascope delivered %d samples out of order (%s)", r.outOfOrder, r.fault.name)
		}
		if r.fault.cuts == 0 && !r.fault.fills && r.gap > r.interval*3/2 {
			say("two pages of a target that parascope delivered are %v apart (%s)", r.gap, r.fault.name)
		}
		if r.fault.late && !r.late {
			say("parascope did not find the last target (%s)", r.fault.name)
		}
		if allowed := r.allowedDuplicates(); !r.fault.repeats && r.duplicateRequests > allowed {
			say("parascope sent samples twice in %d requests, %d are allowed (%s)", r.duplicateRequests, allowed, r.fault.name)
		}
	}
	return out
}

// judgeFull judges a full disk: what is missing is what the agent says, beside samples of
// its own, and everything arrives again from then on.
func (r result) judgeFull() (out []string) {
	pages := r.missing + r.partial
	if r.full == 0 {
		out = append(out, "INVALID: the disk was never full")
	}
	if r.full < r.lost || r.full > r.lost+ownSeries*pages {
		out = append(out, fmt.Sprintf("parascope lost %d samples of %d pages, and says %d (%s)", r.lost, pages, r.full, r.fault.name))
	}
	if r.afterward > 0 {
		out = append(out, fmt.Sprintf("%d pages of parascope's did not arrive whole after the trouble (%s)", r.afterward, r.fault.name))
	}
	return out
}

// allowedDuplicates is how many requests may repeat samples: those that can have
// been in flight when the agent was killed or its connections were cut.
func (r result) allowedDuplicates() int {
	return r.fault.cuts * r.maxInFlight
}
