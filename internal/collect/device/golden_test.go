package device

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/parascope/parascope/internal/collect/page"
)

var update = flag.Bool("update", false, "write the golden pages")

// TestPages compares the page of each imitated machine with the one that is kept, and
// has Prometheus' linter look at it.
func TestPages(t *testing.T) {
	listed := map[string]bool{"node_amazonefa_new_in_r4_events": true} // a counter that is newer than the program
	for _, c := range Collectors() {
		for _, f := range c.Families {
			listed[f.Name] = true
		}
	}
	for name, machine := range machines {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := machine(t).fullPage(nil)
			path := filepath.Join("testdata", name+".golden")
			if *update {
				if err := os.WriteFile(path, p.Bytes(), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), string(p.Bytes())); d != "" {
				t.Errorf("the page differs from %s (- kept, + now); -update rewrites it:\n%s", path, d)
			}
			problems, err := promlint.New(bytes.NewReader(p.Bytes())).Lint()
			if err != nil {
				t.Error(err)
			}
			for _, problem := range problems {
				t.Errorf("%s: %s", problem.Metric, problem.Text)
			}
			for _, span := range p.Spans() {
				if !listed[span.Family] {
					t.Errorf("no collector lists %s", span.Family)
				}
			}
			if p.Series() > 62 {
				t.Errorf("%d series; the page of a node has 110 for all its collectors", p.Series())
			}
		})
	}
}

// TestSums checks the sums of a p5 against what its files hold, added up here, and the
// single values with --device=each against the files one by one.
func TestSums(t *testing.T) {
	const devices = 5
	tr := p5Of(t, devices)
	sums := "\n" + string(tr.fullPage(func(e *page.Env) { e.Full = true }).Bytes())
	each := "\n" + string(tr.fullPage(func(e *page.Env) { e.Full, e.EachDevice = true, true }).Bytes())
	check := func(what, text, sample string, value uint64) {
		t.Helper()
		if line := "\n" + sample + " " + string(page.AppendValue(nil, float64(value))) + "\n"; !strings.Contains(text, line) {
			t.Errorf("%s: the page does not have%s", what, line)
		}
	}
	port := append(portCounters[:17:17], nitro4Counters...)
	for _, list := range [][]string{port, driverCounters} {
		for i, counter := range list {
			var total uint64
			for n := range devices {
				total += efaValue(i, n)
				labels := fmt.Sprintf(`{device="rdmap%ds0"`, 79+n)
				if &list[0] == &port[0] {
					labels += `,port="1"`
				}
				check(counter, each, "node_amazonefa_"+counter+labels+"}", efaValue(i, n))
			}
			check(counter, sums, "node_amazonefa_"+counter+`{device="all"}`, total)
		}
	}
	var in, least uint64 = 0, 136_812
	for n := range uint64(devices) {
		in += 10 + n
		least = min(least, 136_812-n)
		check("ENA", each, fmt.Sprintf(`node_ethtool_bw_in_allowance_exceeded{device="enp%ds0"}`, 71+n), 10+n)
	}
	check("ENA", sums, `node_ethtool_bw_in_allowance_exceeded{device="all"}`, in)
	check("ENA", sums, `node_ethtool_conntrack_allowance_available{device="all"}`, least)
	check("instance store", sums, `node_instance_store_iops_exceeded_seconds_total{device="all"}`, 8)
	check("instance store", sums, `node_instance_store_throughput_exceeded_seconds_total{device="all"}`, 1+2+3+4+5+6+7+8)
	check("instance store", each, `node_instance_store_throughput_exceeded_seconds_total{device="nvme8n1"}`, 8)
	if strings.Contains(sums+each, "lifespan") {
		t.Error("the page has lifespan, a constant")
	}
}

// TestFamilies: each family has all that the documents say of a metric, and one name.
func TestFamilies(t *testing.T) {
	listed := map[string]bool{}
	for _, c := range Collectors() {
		if len(c.Sources) == 0 {
			t.Errorf("collector %s has no sources", c.Name)
		}
		for _, f := range c.Families {
			if listed[f.Name] {
				t.Errorf("%s is listed twice", f.Name)
			}
			listed[f.Name] = true
			if f.Help == "" || f.Type == "" || f.Unit == "" || f.Source == "" || f.Where == "" {
				t.Errorf("%s is not described: %+v", f.Name, f)
			}
		}
	}
}
