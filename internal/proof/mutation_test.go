package proof

import (
	"flag"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var part = flag.String("part", "", "N/M: the N-th of M parts of all mutations; empty: a sample of them")

// sampled is which part of the mutations a run without the flag tries: every fourth.
const sampled = 4

// mutant is a target's query with one thing changed.
type mutant struct{ what, expr string }

// token is a piece of a query: a name before a selector, a number or a duration outside of
// strings and selectors, or anything else.
var token = regexp.MustCompile(`"[^"]*"|\{[^}]*\}|\$\w+|[a-zA-Z_:][\w:]*|\d+(?:\.\d+)?(?:e\d+)?[smhd]?|.|\n`)

// mutants changes each metric name and each constant of a query in turn. A 0 after ">" is a
// guard of a division or a filter of what is none, and is left alone: what is above 0 is so
// above any smaller number.
func mutants(expr string) (all []mutant) {
	pieces := token.FindAllString(expr, -1)
	put := func(i int, s string) string {
		changed := append([]string{}, pieces...)
		changed[i] = s
		return strings.Join(changed, "")
	}
	before := func(i int) string { return strings.TrimSpace(strings.Join(pieces[max(0, i-4):i], "")) }
	grouping := 0 // depth of the parentheses after by, on, …
	for i, p := range pieces {
		switch {
		case p == "(" && regexp.MustCompile(`(by|on|without|group_left|group_right|ignoring)\s*$`).MatchString(before(i)):
			grouping = 1
		case p == ")" && grouping > 0:
			grouping = 0
		case grouping > 0:
		case regexp.MustCompile(`^[a-zA-Z_]`).MatchString(p) && i+1 < len(pieces) && strings.HasPrefix(pieces[i+1], "{"):
			all = append(all, mutant{p + " is another metric", put(i, p+"_x")})
		case regexp.MustCompile(`^\d`).MatchString(p):
			for _, changed := range otherNumbers(p, before(i)) {
				all = append(all, mutant{fmt.Sprintf("%s after %q is %s", p, before(i), changed), put(i, changed)})
			}
		}
	}
	return all
}

// otherNumbers are what a constant is changed to.
func otherNumbers(p, before string) []string {
	unit := strings.TrimLeft(p, "0123456789.")
	if strings.HasPrefix(unit, "e") {
		unit = ""
	}
	n, err := strconv.ParseFloat(strings.TrimSuffix(p, unit), 64)
	switch {
	case err != nil:
		return nil
	case n == 0 && strings.HasSuffix(before, ">"):
		return nil
	case n == 0:
		return []string{"1"}
	case unit != "":
		return []string{fmt.Sprint(int(n)*3) + unit}
	case strings.HasSuffix(before, "topk("), strings.HasSuffix(before, "bottomk("):
		return []string{fmt.Sprint(int(n) / 3)} // there may be no more than n
	}
	return []string{fmt.Sprint(n * 3), fmt.Sprint(n / 3)}
}

// survivors are mutations that change nothing that could be seen, and why.
var survivors = []struct {
	in, what *regexp.Regexp
	why      string
}{
	{regexp.MustCompile(`^(cluster-overview|job|users)/`), regexp.MustCompile(`^(DCGM_FI_PROF_SM_UTIL_RATIO|DCGM_FI_DEV_GPU_UTIL(_RATIO)?|` +
		`DCGM_FI_DEV_BOARD_POWER_WATTS) is|^100 after "\{cluster=~\\"\$cluster\\"(,node=~\\"\$job_node\\")?\} /"`),
		"names of other exporters: boards GPUs and GPU node have the same expressions, and are compared with their pages"},
	{regexp.MustCompile(`.`), regexp.MustCompile(`^(1h|6h) after "\(\w+\{[^[]*\}\["`),
		"of the two spans of a counter that begins: where it was not there at the start, it has no earlier values"},
	{regexp.MustCompile(`Last GPU faults|Processes killed|share of the limit|GPU memory used|most time lost|limits exceeded by node|^job/(EFA|Lustre) by node`),
		regexp.MustCompile(`topk\(`),
		"the recordings have fewer rows than a third of the bound"},
	{regexp.MustCompile(`job/GPUs slower than their peers`),
		regexp.MustCompile(`^4 after ">="|^0.5 after .* is 0.16|^DCGM_FI_PROF_SM_ACTIVE is`),
		"the job has sixteen GPUs, whoever counts them; what is under five distances is more than a tenth under a lower quantile as well"},
	{regexp.MustCompile(`^(gpus/GPUs read|job/GPUs)/`), regexp.MustCompile(`^0 after "\) or" is 1|^(up|slurm_job_nodes) is`),
		"every recording has GPUs: the 0 of those that have none is not asked for"},
	{regexp.MustCompile(`cluster-overview/Idle cost per hour`), regexp.MustCompile(`^(slurm_gpu_job|DCGM_FI_PROF_SM_ACTIVE) is|^0.05 after`),
		"the guard of a cluster without prices repeats what counts idle GPUs, and Idle GPUs of jobs is compared; all recordings have prices"},
	{regexp.MustCompile(`availability/MTBF`), regexp.MustCompile(`^parallelcluster_file_success is`),
		"without failures there is no time between them"},
	{regexp.MustCompile(`pipeline/Longest wait`), regexp.MustCompile(`^0 after "> bool" is`), "a time stamp is 0 or a billion"},
	{regexp.MustCompile(`gpus/GPUs throttled`), regexp.MustCompile(`^128 after "= bool" is 42`), "bit 64 alone counts already"},
}

// testMutations changes metric names and constants of queries: on some recording, at some
// moment, the answer must be another than the one that is expected.
func (d *day) testMutations(t *testing.T) {
	all, _ := promTargets(t)
	want := expected()
	n, m, number, tried := 1, sampled, 0, 0
	if *part != "" {
		if _, err := fmt.Sscanf(*part, "%d/%d", &n, &m); err != nil {
			t.Fatalf("-part %q: %v", *part, err)
		}
	}
	for _, q := range all {
		if want[q.String()] == nil {
			continue
		}
		for _, change := range mutants(q.expr) {
			if number++; number%m != n%m {
				continue
			}
			if why := survives(q.String(), change.what); why != "" {
				continue
			}
			tried++
			if !d.noticed(q, change.expr, want[q.String()]) {
				t.Errorf("%s: nothing notices that %s\n%s", q, change.what, q.expr)
			}
		}
	}
	t.Logf("%d of %d mutations were tried", tried, number)
}

func survives(target, what string) string {
	for _, s := range survivors {
		if s.in.MatchString(target) && s.what.MatchString(what) {
			return s.why
		}
	}
	return ""
}

// noticed reports whether a changed query is wrong anywhere.
func (d *day) noticed(q target, expr string, want func(moment) wanted) bool {
	for _, c := range d.clusters {
		if c.Name == "stock" && !onStock[q.board] {
			continue
		}
		if d.examine(q, c, expr, want).wrong != "" {
			return true
		}
	}
	got, err := d.ask(d.expand(expr, "none"), moments[0])
	return err != nil || len(got) > 1 || len(got) == 1 && got[0].value != 0
}

// TestNothing: of a cluster that has sent nothing, every panel is empty or 0.
func TestNothing(t *testing.T) {
	d := newDay(t, t.TempDir(), *every)
	all, _ := promTargets(t)
	for _, q := range all {
		got, err := d.ask(d.expand(q.expr, "none"), moments[0])
		if err != nil || len(got) > 1 || len(got) == 1 && got[0].value != 0 {
			t.Errorf("%s: %v, %v", q, got, err)
		}
	}
}
