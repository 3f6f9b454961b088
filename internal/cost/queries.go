package cost

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"github.com/shopspring/decimal"

	"github.com/parascope/parascope/internal/cost/series"
)

// Board is what a dashboard asks for.
type Board struct {
	Title   string
	Refresh time.Duration // 0: only when it is opened
	Range   time.Duration // that it shows
	Panels  []Query
}

// Query is a formula that is asked for one time, or for each step of a range.
type Query struct {
	Instant bool
	reads   []read
}

// NewQuery reads a formula.
func NewQuery(expression string, instant bool) Query { return Query{instant, readsOf(expression)} }

// read is what a formula reads: the series of a name.
type read struct {
	name   string
	window string // in brackets; "": none
}

// Rule is a formula that AMP evaluates.
type Rule struct {
	Expression string
	Interval   time.Duration
}

// panel is one of a dashboard's, or a row of them.
type panel struct {
	Targets []struct {
		Expr    string
		Instant bool
	}
	Panels []panel
}

// ReadBoard reads a dashboard's JSON. Targets without a formula are left out.
func ReadBoard(text []byte) (Board, error) {
	var d struct {
		Title   string
		Refresh any // a text, or false
		Time    struct{ From string }
		Panels  []panel
	}
	if err := json.Unmarshal(text, &d); err != nil {
		return Board{}, fmt.Errorf("could not read a dashboard: %w", err)
	}
	b := Board{Title: d.Title, Range: time.Hour}
	if refresh, ok := d.Refresh.(string); ok {
		b.Refresh, _ = time.ParseDuration(refresh) // what is not a duration refreshes by hand
	}
	if ago, ok := parseAgo(d.Time.From); ok {
		b.Range = ago
	}
	for todo := d.Panels; len(todo) > 0; todo = todo[1:] {
		for _, t := range todo[0].Targets {
			if t.Expr != "" {
				b.Panels = append(b.Panels, NewQuery(t.Expr, t.Instant))
			}
		}
		todo = append(todo, todo[0].Panels...)
	}
	return b, nil
}

var agoPattern = regexp.MustCompile(`^now-(\d{1,5})([mhd])$`)

func parseAgo(text string) (time.Duration, bool) {
	m := agoPattern.FindStringSubmatch(text)
	if m == nil {
		return 0, false
	}
	n, _ := strconv.Atoi(m[1]) // it has digits only
	return time.Duration(n) * map[string]time.Duration{"m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}[m[2]], true
}

// Of a person who signs in: hours a working day in front of a dashboard.
var lookingHours = Range[decimal.Decimal]{decimal.New(25, -2), decimal.NewFromInt(1), decimal.NewFromInt(4)}

const (
	workingDays = 21
	// mostSteps is how many points a panel asks for at most: its width.
	mostSteps = 700
)

// queried is how many samples the queries of a month read: of each person, one dashboard at its
// refresh rate; of each rule, at its interval. A sample that several steps read counts for each,
// as in Prometheus' own count of samples.
func (w Workload) queried(families []series.Family, l series.Level) decimal.Decimal {
	counts := map[string]int{}
	for _, f := range families {
		counts[f.Name] += f.Series
	}
	total := decimal.Zero
	if len(w.Boards) > 0 {
		of := decimal.Zero // of one hour in front of a dashboard, their mean
		for _, b := range w.Boards {
			refreshes := decimal.NewFromInt(1)
			if b.Refresh > 0 {
				refreshes = decimal.NewFromInt(int64(time.Hour / b.Refresh))
			}
			of = of.Add(refreshes.Mul(b.samples(counts, w.Interval)))
		}
		people := decimal.NewFromInt(int64(w.Editors + w.Viewers))
		hours := lookingHours.At(l).Mul(decimal.NewFromInt(workingDays)).Mul(people)
		total = of.Div(decimal.NewFromInt(int64(len(w.Boards)))).Mul(hours)
	}
	for _, r := range w.Rules {
		evaluations := decimal.NewFromInt(int64(HoursPerMonth * time.Hour / r.Interval))
		total = total.Add(evaluations.Mul(samplesOf(readsOf(r.Expression), counts, w.Interval)))
	}
	return total
}

// samples is what one refresh of the dashboard reads.
func (b Board) samples(counts map[string]int, interval time.Duration) decimal.Decimal {
	total := decimal.Zero
	steps := min(int64(b.Range/interval)+1, mostSteps)
	for _, q := range b.Panels {
		n := samplesOf(q.reads, counts, interval)
		if !q.Instant {
			n = n.Mul(decimal.NewFromInt(steps))
		}
		total = total.Add(n)
	}
	return total
}

// selector finds a metric's name, and the range behind it.
var selector = regexp.MustCompile(`([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(?:\{[^{}]*\})?\s*(?:\[([^\]:]+)(?::[^\]]*)?\])?`)

// readsOf are the names in a formula, those of functions among them.
func readsOf(expression string) (all []read) {
	for _, m := range selector.FindAllStringSubmatch(expression, -1) {
		all = append(all, read{m[1], m[2]})
	}
	return all
}

// samplesOf is what a formula reads at one step: of each series a sample, or those of the
// range in brackets. Labels are not looked at: it is the most that it reads.
func samplesOf(reads []read, counts map[string]int, interval time.Duration) decimal.Decimal {
	total := int64(0)
	for _, r := range reads {
		n := counts[r.name]
		if n == 0 {
			continue
		}
		each := int64(1)
		if r.window != "" {
			each = 4 // $__rate_interval is four intervals at least
			if window, err := time.ParseDuration(r.window); err == nil {
				each = max(int64(window/interval), 1)
			}
		}
		total += int64(n) * each
	}
	return decimal.NewFromInt(total)
}
