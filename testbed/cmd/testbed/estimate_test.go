//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// notOnTheBed are families of what machines of EC2 have and machines of the bed do not: network cards with
// limits, volumes of EBS, mounts of NFS, the filesystems and networks beside them, and the collectors of all these.
// The estimate and what AMP took are compared without these.
var notOnTheBed = []string{"node_ethtool_", "node_ebs_", "node_nfs_", "node_network_", "node_filesystem_", "node_scrape_collector_"}

// TestEstimate holds the estimate of a cluster against what AMP takes of it: four nodes that Slurm keeps, a job on
// each, four minutes after all have been there (TESTBED_ESTIMATE=1h for an hour), extrapolated to a month of 730 hours.
// The two may differ by 5 %.
func TestEstimate(t *testing.T) {
	watch, err := time.ParseDuration(os.Getenv("TESTBED_ESTIMATE"))
	if err != nil {
		t.Skip("TESTBED_ESTIMATE is not set: make cluster-test-estimate runs it")
	}
	f := startFlow(t, "--resume-timeout", "30m")
	f.sh("parascope up --yes --parameter MonitoringType=amp-only")
	f.sh("parascope cluster stage")
	printed := f.sh("parascope cluster new hpc --queue queue1:c5.large:4-4")
	_, next, ok := strings.Cut(printed, "Next:\n")
	if !ok {
		t.Fatalf("cluster new printed\n%s", printed)
	}
	f.sh(next)
	f.awaitStatus("hpc", "CREATE_COMPLETE")
	// A cluster that has been used for a while has jobs that ended, and some that wait.
	f.ended("COMPLETED", f.submit("-p", "queue1", "--wrap", "true"))
	f.ended("FAILED", f.submit("-p", "queue1", "--wrap", "exit 3"))
	cancelled := f.submit("-p", "queue1", "--hold", "--wrap", "true")
	f.on("head", "scancel", cancelled)
	var jobs []string
	for range 4 {
		jobs = append(jobs, f.submit("-p", "queue1", "-N", "1", "--exclusive", "--wrap", fmt.Sprintf("sleep %d", int(watch.Seconds())+3600)))
	}
	f.ended("RUNNING", jobs...)
	for _, why := range [][]string{nil, {"--hold"}, {"--dependency", "afterok:" + jobs[0]}} {
		jobs = append(jobs, f.submit(append(why, "-p", "queue1", "--exclusive", "--wrap", "true")...))
	}
	const pages = `count(up{cluster="hpc",job="node"} == 1)`
	f.eventually(5*time.Minute, "map[:5]", func() string { return fmt.Sprint(f.query(pages, "")) }) // with the head node's
	window := fmt.Sprintf("%ds", int(watch.Seconds()))
	// Every node has been scraped throughout the window: any four minutes have eight scrapes of a page with 30 s.
	whole := fmt.Sprintf(`count(count_over_time(up{cluster="hpc",job="node"}[%s]) >= %d)`, window, int(watch.Seconds())/30)
	f.eventually(watch+3*time.Minute, "map[:5]", func() string { return fmt.Sprint(f.query(whole, "")) })

	// A scrape makes five series of its own beside its page's.
	samples := f.number(fmt.Sprintf(`sum(sum_over_time(scrape_samples_post_metric_relabeling{cluster="hpc"}[%[1]s]))
  + 5 * sum(count_over_time(up{cluster="hpc"}[%[1]s]))`, window))
	for name := range f.query(fmt.Sprintf(`count by (__name__) ({cluster="hpc",__name__=~"(%s).*"})`, strings.Join(notOnTheBed, "|")), "__name__") {
		samples -= f.number(fmt.Sprintf(`sum(count_over_time(%s{cluster="hpc"}[%s]))`, name, window))
	}
	month := samples / watch.Seconds() * 730 * 3600
	var estimate struct {
		Usage struct {
			Low, Expected, High struct{ SamplesPerMonth float64 }
		}
	}
	text := f.sh("parascope cost estimate --config cluster-config.yaml --json --without " + strings.Join(notOnTheBed, " --without "))
	if err := json.Unmarshal([]byte(text), &estimate); err != nil {
		t.Fatal(err)
	}
	u := estimate.Usage
	t.Logf("AMP took %.0f samples in %s: %.4g a month; estimated: %.4g, from %.4g to %.4g", samples, window, month, u.Expected.SamplesPerMonth,
		u.Low.SamplesPerMonth, u.High.SamplesPerMonth)
	t.Logf("series by job: %v", f.query(`count by (job) ({cluster="hpc",job!=""})`, "job"))
	if off := u.Expected.SamplesPerMonth/month - 1; off > 0.05 || off < -0.05 {
		t.Errorf("the estimate is off by %+.1f %%", 100*off)
	}
	f.on("head", append([]string{"scancel"}, jobs...)...)
}

// number is the value of an expression that has one.
func (f *flow) number(expression string) float64 {
	f.t.Helper()
	n, err := strconv.ParseFloat(f.query(expression, "")[""], 64)
	if err != nil {
		f.t.Fatalf("%s: %v", expression, err)
	}
	return n
}
