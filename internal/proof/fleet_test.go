package proof

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"go.yaml.in/yaml/v3"

	"github.com/parascope/parascope/internal/cost"
	"github.com/parascope/parascope/internal/cost/price"
	"github.com/parascope/parascope/internal/madeup"
	"github.com/parascope/parascope/internal/rules"
	"github.com/parascope/parascope/localaws/amp/dataplane"
)

// Bounds of what a dashboard asks of a cluster of many nodes.
const (
	manyNodes  = 256
	maxQueries = 30        // of one dashboard
	maxSamples = 1_000_000 // that one query reads
)

// scrapeEvery is how often a fleet is scraped.
const scrapeEvery = 30 * time.Second

var whole = flag.Bool("fleet", false, "scrape all nodes that the bounds are about, instead of two smaller clusters")

// fleet is six hours of a cluster of so many nodes in a local AMP, scraped every 30 seconds. All
// but ten have eight GPUs, which one job has, but for those of two nodes.
type fleet struct {
	*day
	nodes int
}

func newFleet(t *testing.T, nodes int) fleet {
	t.Helper()
	large := madeup.Trains
	for n := 5; n <= nodes-8; n++ {
		large.Nodes = append(large.Nodes[:len(large.Nodes):len(large.Nodes)], madeup.GPUNode(n))
	}
	c := recordedFleet(t, "healthy", nodes-8, large)
	f := fleet{newDay(t, t.TempDir(), scrapeEvery, c), nodes}
	const chunk = 10 * time.Minute
	at := func(hour float64) time.Time {
		return time.Unix(midnight, 0).Add(time.Duration(hour * float64(time.Hour)))
	}
	for from := at(moments[0] - shown - 0.1); from.Before(at(moments[0])); from = from.Add(chunk) {
		f.now.Store(from.Add(chunk).UnixNano())
		if err := c.History(from, from.Add(chunk), scrapeEvery, f.write); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

// write sends a body of remote write.
func (f fleet) write(body []byte) error {
	resp, err := http.Post(f.server.URL+"/api/v1/remote_write", "application/x-protobuf", bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("the workspace answers %s", resp.Status)
	}
	return nil
}

// TestFleet bounds what dashboards and rules read on a cluster of 256 nodes, and holds what
// docs/dashboards.md says of it against what is read. What is read of two clusters tells what is
// read of a larger one, since each node has the same series; -fleet reads of all.
func TestFleet(t *testing.T) {
	sizes := []int{12, 14}
	if *whole {
		sizes = []int{manyNodes}
	}
	var all []fleet
	for _, nodes := range sizes {
		all = append(all, newFleet(t, nodes))
	}
	read := func(t *testing.T, query func(fleet) (float64, error)) float64 {
		var each []float64
		for _, f := range all {
			n, err := query(f)
			if err != nil {
				t.Error(err)
			}
			each = append(each, n)
		}
		if len(each) == 1 {
			return each[0]
		}
		return each[1] + (each[1]-each[0])*float64(manyNodes-sizes[1])/float64(sizes[1]-sizes[0])
	}
	stated := map[string]string{}
	t.Run("queries", func(t *testing.T) { boundQueries(t, read, stated) })
	t.Run("rules", func(t *testing.T) { priceRules(t, read, stated) })
	if *whole {
		timeRules(t, all[0])
	}
	doc, err := os.ReadFile("../../docs/dashboards.md")
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range stated {
		if line := "| " + name + " | " + value + " |"; !strings.Contains(string(doc), line) {
			t.Errorf("docs/dashboards.md does not have the line %s", line)
		}
	}
}

// reading is how many samples a query reads of a cluster of manyNodes.
type reading func(*testing.T, func(fleet) (float64, error)) float64

// boundQueries bounds what the queries of each dashboard read.
func boundQueries(t *testing.T, read reading, stated map[string]string) {
	all, _ := promTargets(t)
	queries := map[string]int{}
	largest, of, most := 0.0, target{}, 0
	for _, q := range all {
		if !q.instant && q.points == 0 {
			t.Errorf("%s does not bound its points", q)
		}
		n := read(t, func(f fleet) (float64, error) { return f.read(q) })
		if n > maxSamples {
			t.Errorf("%s reads %.0f samples of %d nodes", q, n, manyNodes)
		}
		if n > largest {
			largest, of = n, q
		}
	}
	for board, n := range targetsOf(t) {
		if n > maxQueries {
			t.Errorf("%s asks %d queries", board, n)
		}
		most = max(most, n)
		queries[board] = n
	}
	t.Logf("queries of the dashboards: %v; the largest over %d nodes is %s: %.0f samples", queries, manyNodes, of, largest)
	stated["Most queries of a dashboard"] = strconv.Itoa(most)
	stated["Most samples that a query reads"] = rounded(largest)
}

// rounded is a number with two digits, as the document has it.
func rounded(n float64) string {
	d := decimal.NewFromFloat(n)
	return cost.Count(d.Round(2 - int32(d.NumDigits())))
}

// one is the node of boards on which one machine is chosen.
var one = map[string]string{"node": madeup.CPUNode(1), "gpu-node": madeup.GPUNode(1)}

// read is how many samples a query reads, as the dashboard asks it.
func (f fleet) read(q target) (float64, error) {
	end, step := midnight+moments[0]*3600, shown*3600/float64(max(q.points, 1))
	rate := max(4*f.interval.Seconds(), step+f.interval.Seconds()) // as Grafana computes it
	if q.instant {
		rate = 4 * f.interval.Seconds()
	}
	expr := strings.NewReplacer("$__rate_interval", fmt.Sprintf("%.0fs", rate), `"$instance"`, strconv.Quote(one[q.board]),
		`"$node"`, strconv.Quote(one[q.board]), `"$job_node"`, `".*"`).Replace(q.expr)
	form := url.Values{"query": {f.expand(expr, "healthy")}, "stats": {"all"}}
	if q.instant {
		form.Set("time", strconv.FormatFloat(end, 'f', 0, 64))
		return f.samplesOf("/api/v1/query", form)
	}
	form.Set("start", strconv.FormatFloat(end-shown*3600, 'f', 0, 64))
	form.Set("end", strconv.FormatFloat(end, 'f', 0, 64))
	form.Set("step", strconv.FormatFloat(step, 'f', 0, 64))
	return f.samplesOf("/api/v1/query_range", form)
}

// samplesOf is how many samples the workspace says that a query read.
func (d *day) samplesOf(path string, form url.Values) (float64, error) {
	resp, err := http.PostForm(d.server.URL+path, form)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	var answer struct {
		Error string
		Data  struct {
			Stats struct {
				Samples struct{ TotalQueryableSamples float64 }
			}
		}
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || answer.Error != "" {
		return 0, fmt.Errorf("%s: %w %s", form.Get("query"), err, answer.Error)
	}
	return answer.Data.Stats.Samples.TotalQueryableSamples, nil
}

// rule is one that AMP evaluates.
type rule struct {
	record, expr string
	every        time.Duration
}

// allRules are the rules as AMP gets them.
func allRules(t *testing.T) (all []rule) {
	t.Helper()
	text, err := rules.File(rules.Groups())
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct {
			Interval string
			Rules    []struct{ Record, Expr string }
		}
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	for _, g := range file.Groups {
		every, err := time.ParseDuration(g.Interval)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range g.Rules {
			all = append(all, rule{r.Record, r.Expr, every})
		}
	}
	return all
}

// priceRules computes what a month of evaluating all rules costs.
func priceRules(t *testing.T, read reading, stated map[string]string) {
	recording, month := 0.0, 0.0
	for _, r := range allRules(t) {
		n := read(t, func(f fleet) (float64, error) {
			return f.samplesOf("/api/v1/query", url.Values{"query": {r.expr}, "stats": {"all"},
				"time": {strconv.FormatFloat(midnight+moments[0]*3600, 'f', 0, 64)}})
		})
		n *= cost.HoursPerMonth * float64(time.Hour/r.every)
		if month += n; r.record != "" {
			recording += n
		}
	}
	list, err := price.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	p, ok := list.Find(price.Queries, "us-east-1")
	if !ok || len(p.Tiers) != 2 {
		t.Fatalf("the price of query samples is %v", p)
	}
	each, _ := p.Tiers[1].Dollars.Amount()
	dollars := func(samples float64) string {
		return "$" + decimal.NewFromFloat(samples).Mul(each).Div(p.Per.Decimal).StringFixed(2)
	}
	t.Logf("a month of all rules over %d nodes reads %.0f samples (%s), of recording rules %.0f (%s)", manyNodes, month, dollars(month),
		recording, dollars(recording))
	stated["Samples that all rules read in a month"] = rounded(month)
	stated["Their cost where the free 200 billion are used up"] = dollars(month)
	stated["Samples that the recording rule reads in a month"] = rounded(recording)
	stated["Its cost"] = dollars(recording)
}

// timeRules measures the processor time of one evaluation of all rules, for people to read.
func timeRules(t *testing.T, f fleet) {
	e, err := f.store.Evaluated(workspace, dataplane.Settings{RetentionDays: 150, OutOfOrderWindow: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	all, at := allRules(t), time.Unix(midnight, 0).Add(time.Duration(moments[0]*float64(time.Hour)))
	const rounds = 5
	evaluate := func(wanted func(rule) bool) float64 {
		began := processorTime(t)
		for range rounds {
			if err := e.Use(func() {
				for _, r := range all {
					if wanted(r) {
						if _, err := e.Query(t.Context(), r.expr, at); err != nil {
							t.Errorf("%s: %v", r.expr, err)
						}
					}
				}
			}); err != nil {
				t.Fatal(err)
			}
		}
		return (processorTime(t) - began).Seconds() / rounds
	}
	everything := evaluate(func(rule) bool { return true })
	recording := evaluate(func(r rule) bool { return r.record != "" })
	t.Logf("one evaluation of all %d rules over %d nodes takes %.3f s of processor time: %.2f %% of a core at one a minute; "+
		"of recording rules %.3f %%", len(all), f.nodes, everything, everything/60*100, recording/60*100)
}

// processorTime is what this process has used.
func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
