package report

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/parascope/parascope/internal/amp"
	"github.com/parascope/parascope/internal/collect"
	"github.com/parascope/parascope/internal/cost/price"
	"github.com/parascope/parascope/internal/cost/series"
	"github.com/parascope/parascope/internal/deploy"
	"github.com/parascope/parascope/internal/head"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/localaws"
	"github.com/parascope/parascope/localaws/localtest"
	"github.com/parascope/parascope/localaws/localtest/check"
)

// cluster is one node with the real program's page and a real head, which sends to the local AMP.
type cluster struct {
	t        *testing.T
	cfg      aws.Config
	client   *amp.QueryClient
	nodePage string    // address of the node's metrics
	at       time.Time // for which ask asks; zero: now

	reader, nobody aws.Config // with the documented rights, and with none of them
}

// rights are those that docs/cost.md names.
const (
	rights = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Resource":"*","Action":["cloudformation:DescribeStacks",
		"cloudwatch:GetMetricData","cloudwatch:ListMetrics","aps:QueryMetrics","grafana:ListPermissions"]}]}`
	looksOnly = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Resource":"*","Action":["cloudformation:DescribeStacks"]}]}`
)

// begin deploys a stack with Prometheus alone and starts to measure this machine.
func begin(t *testing.T, interval time.Duration) *cluster {
	t.Helper()
	cloud := localtest.Start(t, localaws.Options{Users: []localaws.User{
		{Name: "reader", Policy: rights}, {Name: "nobody", Policy: looksOnly}}})
	c := &cluster{t: t, cfg: cloud.Operator(), reader: cloud.As("reader"), nobody: cloud.As("nobody")}
	up, err := deploy.Up(t.Context(), c.cfg, deploy.UpOptions{Target: deploy.Target{StackName: "s"},
		Parameters: map[string]string{"MonitoringType": "amp-only"}}, func(deploy.Event) {})
	check.OK(t, err)
	endpoint := up.Outputs["AMPPrometheusEndpoint"]
	c.client, err = amp.NewQueryClient(c.cfg, endpoint)
	check.OK(t, err)

	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	o := collect.DefaultOptions()
	o.Address, o.Logger = "127.0.0.1:0", slog.New(slog.DiscardHandler)
	node, err := collect.New(o)
	check.OK(t, err)
	check.OK(t, node.Start(ctx))
	c.nodePage = node.Addr()

	keys, err := cloud.As(localtest.Sender).Credentials.Retrieve(t.Context())
	check.OK(t, err)
	ho := head.DefaultOptions()
	ho.StoragePath, ho.ListenAddress, ho.Logger = t.TempDir(), freeAddress(t), slog.New(slog.DiscardHandler)
	ho.ConfigFile = filepath.Join(t.TempDir(), "prometheus.yml")
	check.OK(t, os.WriteFile(ho.ConfigFile, fmt.Appendf(nil, `
global: {scrape_interval: %s, external_labels: {cluster: test}}
scrape_configs:
  - {job_name: node, static_configs: [{targets: ["%s"]}]}
  - {job_name: head, static_configs: [{targets: ["%s"]}]}
remote_write:
  - url: %sapi/v1/remote_write
    sigv4: {region: us-east-2, access_key: %s, secret_key: %s}
    queue_config: {batch_send_deadline: 100ms}
`, model.Duration(interval), c.nodePage, ho.ListenAddress, endpoint, keys.AccessKeyID, keys.SecretAccessKey), 0o600))
	h, err := head.Start(ctx, ho)
	check.OK(t, err)
	t.Cleanup(func() {
		if err := h.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Errorf("stop the head: %v", err)
		}
	})
	return c
}

// ask is the value of a formula; 0 where nothing answers it.
func (c *cluster) ask(expression string) float64 {
	c.t.Helper()
	r, err := c.client.Query(c.t.Context(), expression, c.at)
	check.OK(c.t, err)
	vector, ok := r.Value.(model.Vector)
	if !ok || len(vector) == 0 {
		return 0
	}
	return float64(vector[0].Value)
}

// await asks until a formula's value is at least so much.
func (c *cluster) await(expression string, least float64) {
	c.t.Helper()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(time.Minute); ; {
		if c.ask(expression) >= least {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			c.t.Fatalf("%s does not come to %v", expression, least)
		}
	}
}

// ofGoodScrape has ask ask for the moment of a job's last scrape that succeeded: on a busy machine the
// last may be one that took too long.
func (c *cluster) ofGoodScrape(job string) {
	c.t.Helper()
	c.at = time.Time{}
	up := fmt.Sprintf("up{job=%q}", job)
	seconds := c.ask("max_over_time((timestamp(" + up + ") * (" + up + " == 1))[10m:1s])")
	c.at = time.UnixMilli(int64(math.Round(seconds * 1000)))
}

// page is the node's own page, as families with their number of series.
func (c *cluster) page() map[string]int {
	c.t.Helper()
	r, err := http.Get("http://" + c.nodePage + "/metrics")
	check.OK(c.t, err)
	defer r.Body.Close()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(r.Body)
	check.OK(c.t, err)
	counts := map[string]int{}
	for name, f := range families {
		counts[name] = len(f.Metric)
	}
	return counts
}

// TestEstimateAgainstAMP measures this machine with the node's program and a head, and holds what the
// local AMP has taken against the estimate: family by family for what does not depend on the machine's
// disks, cards and mounts, and in all.
func TestEstimateAgainstAMP(t *testing.T) {
	interval := time.Second
	watch, err := time.ParseDuration(os.Getenv("COST_WATCH")) // "4m": the rate too, over that time
	if err == nil {
		interval = 15 * time.Second
	}
	c := begin(t, interval)
	c.await(`count(up == 1)`, 2)
	c.await(`min(count_over_time(up[10m]))`, 3)

	page := c.page()
	c.ofGoodScrape("node")
	m := series.Machine{Volumes: page["node_disk_io_time_seconds_total"], NFSServers: page["node_nfs_rpcs_total"]}
	estimate := map[string]int{}
	for _, f := range series.OfNode(m, series.Expected) {
		estimate[f.Name] += f.Series
	}
	machine := func(name string) bool { // what this machine has of devices is its own
		for _, of := range []string{"node_filesystem_", "node_network_", "node_disk_", "node_ebs_", "node_instance_", "node_ethtool_",
			"node_amazonefa_", "node_nfs_", "node_lustre_", "node_lnet_", "node_pressure_", "parascope_node_info", "node_scrape_collector_",
			"node_cpu_package_", "node_memory_"} {
			if strings.HasPrefix(name, of) {
				return true
			}
		}
		return false
	}
	for name, n := range page {
		stored := int(c.ask(fmt.Sprintf(`count({__name__=%q,job="node"})`, name)))
		if stored != n {
			t.Errorf("%s: %d series on the page, %d in AMP", name, n, stored)
		}
		if !machine(name) && estimate[name] != n {
			t.Errorf("%s: %d series in AMP, %d estimated", name, n, estimate[name])
		}
	}
	all := int(c.ask(`count({__name__!="",job="node"})`))
	low := series.Sum(series.OfNode(series.Machine{}, series.Low))
	high := series.Sum(series.OfNode(series.MachineOf("c7i.metal", 0, true), series.High))
	if all < low*8/10 || all > high {
		t.Errorf("the node has %d series in AMP; from %d to %d are estimated", all, low, high)
	}
	c.ofGoodScrape("head")
	own := int(c.ask(`count({__name__!="",job="head"})`)) - 5
	c.at = time.Time{}
	lowest, highest := ofHead(series.Low), ofHead(series.High)
	t.Logf("%d series of the node, %d of the head's own page (%d to %d are estimated)", all, own, lowest, highest)
	if own < lowest || own > highest {
		t.Errorf("the head's own page has %d series in AMP; from %d to %d are estimated", own, lowest, highest)
	}
	if watch > 0 {
		c.compareRate(watch, interval)
	}
}

// taken is the formula for the samples of a time: those of the pages, and five for each scrape.
func taken(window string) string {
	return "sum(sum_over_time(scrape_samples_post_metric_relabeling[" + window + "])) + 5 * sum(count_over_time(up[" + window + "]))"
}

// ofHead is the estimated number of series of a head's own page.
func ofHead(l series.Level) (n int) {
	for _, f := range series.OfCluster(series.Cluster{}, l) {
		if f.Page == series.HeadPage && f.Name == "its own" {
			n += f.Series
		}
	}
	return n
}

// compareRate holds the samples that AMP takes over a time against series over interval.
func (c *cluster) compareRate(watch, interval time.Duration) {
	c.t.Helper()
	timer := time.NewTimer(watch)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.t.Context().Done():
		c.t.Fatal("the test ended before")
	}
	window := model.Duration(watch.Truncate(interval) - interval)
	samples := c.ask(taken(window.String()))
	expected := c.ask(`count({__name__!=""})`) * time.Duration(window).Seconds() / interval.Seconds()
	c.t.Logf("%v samples in %s; series over the interval make %v", samples, window, expected)
	if off := samples/expected - 1; off > 0.05 || off < -0.05 {
		c.t.Errorf("off by %.1f %%", 100*off)
	}
}

// TestReport: what CloudWatch and AMP say of the month, in dollars.
func TestReport(t *testing.T) {
	c := begin(t, time.Second)
	c.await(`min(count_over_time(up[10m]))`, 3)
	l, err := price.Shipped()
	check.OK(t, err)
	before := c.ask(taken("1h"))
	now := time.Now()
	r, err := Look(t.Context(), c.reader, l, Ask{Stack: "s", Now: now, Bound: time.Minute, Up: "parascope up"})
	check.OK(t, err)
	after := c.ask(taken("1h"))
	if len(r.Unknown) > 0 || r.Samples == nil || *r.Series < 100 {
		t.Fatalf("%+v", r)
	}
	samples, _ := r.Samples.Float64()
	if now.Day() > 1 && (samples < before*0.95-1000 || samples > after*1.05+1000) { // seconds are rounded
		t.Errorf("%v samples; AMP has from %v to %v", samples, before, after)
	}
	if len(r.Clusters) != 1 || r.Clusters[0].Name != "test" || r.Clusters[0].Share != 1 {
		t.Errorf("%+v", r.Clusters)
	}
	if r.SoFar.AtLeast.Exceeds(r.Forecast.AtLeast) || len(r.SoFar.Lines) != len(r.Forecast.Lines) {
		t.Errorf("so far %s, forecast %s", r.SoFar.Words(), r.Forecast.Words())
	}
	denied, err := Look(t.Context(), c.nobody, l, Ask{Stack: "s", Now: now, Bound: time.Minute, Up: "parascope up"})
	check.OK(t, err)
	if denied.Unknown["usage"] == "" || denied.Unknown["clusters"] == "" || denied.Forecast.Total.IsKnown() || denied.SoFar.Total.IsKnown() {
		t.Errorf("without rights: %+v", denied)
	}
	_, err = Look(t.Context(), c.cfg, l, Ask{Stack: "no-such", Now: now, Bound: time.Minute, Up: "parascope up --stack no-such"})
	if hint.CodeOf(err) != hint.NotFound || !strings.Contains(hint.Next(err), "parascope up --stack no-such") {
		t.Errorf("%v; %s", err, hint.Next(err))
	}
}

// freeAddress is a loopback address that nothing listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	var l net.ListenConfig
	listener, err := l.Listen(t.Context(), "tcp", "127.0.0.1:0")
	check.OK(t, err)
	defer listener.Close()
	return listener.Addr().String()
}
