package main

import (
	"strings"
	"testing"
	"time"

	"github.com/parascope/parascope/bench/internal/agents"
	"github.com/parascope/parascope/bench/internal/receive"
	"github.com/parascope/parascope/bench/internal/simulate"
)

func TestCount(t *testing.T) {
	start := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	at := func(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }
	pages := []simulate.Page{
		{Instance: "a", Sequence: 1, Samples: 10, Served: at(0)},
		{Instance: "a", Sequence: 2, Samples: 10, Served: at(5)},  // arrives in part, without its sequence
		{Instance: "a", Sequence: 3, Samples: 10, Served: at(10)}, // arrives in part
		{Instance: "b", Sequence: 1, Samples: 10, Served: at(5)},  // never arrives
	}
	moment := func(second int) receive.Moment {
		return receive.Moment{Instance: "a", Timestamp: at(second).UnixMilli() - 20}
	}
	seen := receive.Report{
		Moments:   map[receive.Moment]int{moment(0): 10, moment(5): 4, moment(10): 7},
		Sequences: map[receive.Moment]int{moment(0): 1, moment(10): 3},
	}
	trial := trial{agent: agents.Kind{Name: agents.Parascope}, plan: defaultPlan()}
	for name, c := range map[string]struct {
		kills []time.Time
		want  result
	}{
		"not killed": {nil, result{taken: 40, arrived: 21, lost: 19, missing: 1, partial: 2}},
		"killed": {[]time.Time{at(10).Add(time.Millisecond)}, result{taken: 30, arrived: 14, lost: 16, missing: 1, partial: 1,
			interrupted: 1}},
		"killed later": {[]time.Time{at(12)}, result{taken: 40, arrived: 21, lost: 19, missing: 1, partial: 2}},
		"killed twice": {[]time.Time{at(5).Add(time.Millisecond), at(10).Add(time.Millisecond)}, result{taken: 10, arrived: 10, interrupted: 3}},
		"killed early": {[]time.Time{at(5).Add(time.Millisecond)}, result{taken: 20, arrived: 17, lost: 3, partial: 1, interrupted: 2}},
	} {
		got := trial.count(c.kills, pages, seen)
		got.agent = ""
		if got.taken != c.want.taken || got.arrived != c.want.arrived || got.lost != c.want.lost ||
			got.missing != c.want.missing || got.partial != c.want.partial || got.interrupted != c.want.interrupted {
			t.Errorf("%s: %+v\nwant %+v", name, got, c.want)
		}
	}
}

func TestJudge(t *testing.T) {
	stock := func(name string, lost int) result {
		return result{agent: agents.Prometheus, fault: fault{name: name}, taken: 100, lost: lost}
	}
	ours := func(change func(*result)) result {
		r := result{agent: agents.Parascope, fault: fault{name: "kill", cuts: 1}, taken: 100, maxInFlight: 2}
		change(&r)
		return r
	}
	for name, c := range map[string]struct {
		results []result
		want    string // in the complaint; "" for none
	}{
		"as it should be": {[]result{stock("none", 0), stock("403", 9), stock("429", 9), ours(func(r *result) {
			r.duplicateRequests = 2
		})}, ""},
		"stock loses nothing": {[]result{stock("403", 0)}, "INVALID: stock Prometheus lost nothing to 403"},
		"stock loses to none": {[]result{stock("none", 1)}, "INVALID: prometheus lost 1 samples without any trouble"},
		"nothing taken":       {[]result{{agent: agents.VMAgent}}, "INVALID: vmagent took no page"},
		"too much arrived":    {[]result{stock("503", -1)}, "INVALID: more arrived"},
		"we lose":             {[]result{ours(func(r *result) { r.lost = 3 })}, "parascope lost 3 samples (kill)"},
		"we are out of order": {[]result{ours(func(r *result) { r.outOfOrder = 3 })}, "out of order"},
		"we repeat":           {[]result{ours(func(r *result) { r.duplicateRequests = 3 })}, "twice in 3 requests, 2 are allowed"},
		"we repeat, not killed": {[]result{ours(func(r *result) {
			r.duplicateRequests, r.fault = 1, fault{name: "503"}
		})}, "twice in 1 requests, 0 are allowed"},
		"a full disk": {[]result{ours(func(r *result) {
			r.fault, r.lost, r.full, r.missing = fault{name: "disk full", fills: true}, 90, 99, 2
		})}, ""},
		"a full disk that drops more": {[]result{ours(func(r *result) {
			r.fault, r.lost, r.full, r.missing = fault{name: "disk full", fills: true}, 90, 101, 2
		})}, "lost 90 samples of 2 pages, and says 101"},
		"a full disk that drops less": {[]result{ours(func(r *result) {
			r.fault, r.lost, r.full, r.missing = fault{name: "disk full", fills: true}, 90, 89, 2
		})}, "says 89"},
		"a disk that was never full": {[]result{ours(func(r *result) { r.fault = fault{name: "disk full", fills: true} })}, "INVALID"},
		"a disk that stays full": {[]result{ours(func(r *result) {
			r.fault, r.lost, r.full, r.missing, r.afterward = fault{name: "disk full", fills: true}, 90, 99, 2, 1
		})}, "1 pages of parascope's did not arrive"},
		"a gap": {[]result{ours(func(r *result) {
			r.fault, r.interval, r.gap = fault{name: "503"}, time.Second, 1501*time.Millisecond
		})}, "1.501s apart"},
		"no gap": {[]result{ours(func(r *result) {
			r.fault, r.interval, r.gap = fault{name: "503"}, time.Second, 1500*time.Millisecond
		})}, ""},
		"a target that is not found": {[]result{ours(func(r *result) { r.fault = fault{name: "rotating keys", late: true} })}, "last target"},
		"we repeat what is refused": {[]result{ours(func(r *result) {
			r.duplicateRequests, r.fault = 9, fault{name: "series limit", repeats: true}
		})}, ""},
	} {
		got := strings.Join(judge(c.results), "\n")
		if (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// TestVerdict: a claim needs the runs that could have shown the opposite.
func TestVerdict(t *testing.T) {
	run := func(agent, name string, lost int) result {
		return result{agent: agent, fault: fault{name: name}, taken: 100, lost: lost}
	}
	ours := []result{run(agents.Parascope, "403", 0), run(agents.Parascope, "429", 0)}
	stock := []result{run(agents.Prometheus, "403", 9), run(agents.Prometheus, "429", 9)}
	for name, c := range map[string]struct {
		results []result
		want    string
	}{
		"whole":          {append(ours[:2:2], stock...), "every claim holds"},
		"parascope only": {ours, "none is shown: this run lacks prometheus with 403, prometheus with 429"},
		"without 429":    {append(ours[:1:1], stock[:1]...), "lacks prometheus with 429, parascope with 429"},
		"stock only":     {stock, "lacks parascope with 403, parascope with 429"},
		"none":           {nil, "none is shown"},
	} {
		text, complaints := verdict(c.results)
		if len(complaints) > 0 || !strings.Contains(text, c.want) {
			t.Errorf("%s: %q, %q; want %q", name, text, complaints, c.want)
		}
	}
}
