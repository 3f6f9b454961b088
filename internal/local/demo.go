package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/prometheus/common/model"

	"github.com/parascope/parascope/internal/amp"
	"github.com/parascope/parascope/internal/listen"
	"github.com/parascope/parascope/internal/madeup"
	"github.com/parascope/parascope/internal/receiver"
	"github.com/parascope/parascope/localaws"
)

// What is sent of the made-up cluster before it is scraped: AMP takes no sample that is
// older than an hour.
const (
	demoPast = 55 * time.Minute
	demoStep = 30 * time.Second
)

// demoNodes is how many machines the made-up cluster has at least.
const demoNodes = 12

// demoInterval is how often the head scrapes the made-up cluster, at the most.
const demoInterval = 15 * time.Second

// demo is the made-up cluster of --demo.
type demo struct {
	live    *madeup.Live
	address string // of its pages
	server  *http.Server
	now     func() time.Time
}

// startDemo sends the made-up cluster's last hour to the workspace and to CloudWatch, and serves
// its pages. The operator asks what the workspace has, and writes logs; the head's keys send.
func startDemo(ctx context.Context, o Options, operator aws.Config, cloud *localaws.Cloud, endpoint string, report func(Event)) (*demo,
	error) {
	head, err := o.credentials(ctx, Head, cloud.URL())
	if err != nil {
		return nil, err
	}
	began, err := demoBegan(o.DataDir, time.Now())
	if err != nil {
		return nil, err
	}
	d := &demo{live: madeup.NewLive(began, o.DemoNodes-demoNodes), now: time.Now}
	from, err := newest(ctx, operator, endpoint, d.now())
	if err == nil {
		err = d.sendPast(ctx, head, endpoint, from)
	}
	if err != nil {
		return nil, fmt.Errorf("could not send the samples of the made-up cluster's last hour: %w", err)
	}
	if err := d.watch(ctx, operator, began, cloud.RecordMetrics, report); err != nil {
		return nil, err
	}
	l, err := listen.TCP(ctx, "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	d.address = l.Addr().String()
	d.server = &http.Server{Handler: d, ReadHeaderTimeout: 5 * time.Second}
	go func() {
		if err := d.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			report(Event{Kind: Trouble, What: "demo", Detail: err.Error()})
		}
	}()
	report(Event{Kind: Started, What: "demo", Address: "http://" + d.address + "/demo-head/slurm",
		Detail: "serves metrics of the made-up cluster " + madeup.LiveCluster + "; all values are generated, not measured"})
	return d, nil
}

// demoBegan is when the made-up cluster of a data directory began: after a restart its
// counters go on.
func demoBegan(dir string, now time.Time) (time.Time, error) {
	file := filepath.Join(dir, "demo-began")
	b, err := os.ReadFile(file)
	if err == nil {
		if t, err := time.Parse(time.RFC3339, strings.TrimSpace(string(b))); err == nil && !t.After(now) {
			return t, nil
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return time.Time{}, fmt.Errorf("could not read the start time of the made-up cluster: %w", err)
	}
	now = now.UTC().Truncate(time.Second)
	if err := os.WriteFile(file, []byte(now.Format(time.RFC3339)+"\n"), 0o600); err != nil {
		return time.Time{}, fmt.Errorf("could not save the start time of the made-up cluster: %w", err)
	}
	return now, nil
}

// sendPast sends, as the head sends, what was after a time, of the last hour.
func (d *demo) sendPast(ctx context.Context, head aws.Config, endpoint string, from time.Time) error {
	now := d.now()
	if oldest := now.Add(-demoPast).Truncate(demoStep); from.Before(oldest) {
		from = oldest
	} else {
		from = from.Truncate(demoStep).Add(demoStep)
	}
	keys, err := head.Credentials.Retrieve(ctx)
	if err != nil {
		return err
	}
	signer, err := receiver.NewSigner(ctx, receiver.SigV4{Region: head.Region, AccessKey: keys.AccessKeyID, SecretKey: keys.SecretAccessKey})
	if err != nil {
		return err
	}
	client := &receiver.Client{HTTP: &http.Client{}, URL: endpoint + "api/v1/remote_write", Signer: signer, Timeout: 30 * time.Second}
	clock := receiver.NewClock(d.now, func() time.Duration { return d.now().Sub(now) })
	return d.live.History(from, now, demoStep, func(body []byte) error { return post(ctx, client, clock, body) })
}

// post sends a body, and again while the workspace asks for it.
func post(ctx context.Context, client *receiver.Client, clock *receiver.Clock, body []byte) error {
	const tries = 20
	for attempt := 0; ; attempt++ {
		a := client.Post(ctx, body, attempt, clock)
		switch {
		case a.Meaning == receiver.Accepted:
			return nil
		case a.Meaning != receiver.Later || attempt == tries:
			return fmt.Errorf("the workspace returned HTTP %d: %s", a.Code, a.Text)
		}
		select {
		case <-time.After(max(a.RetryAfter, 250*time.Millisecond)):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// newest is the time of the last sample that the workspace has of the made-up cluster's
// last hour; zero where it has none.
func newest(ctx context.Context, cfg aws.Config, endpoint string, now time.Time) (time.Time, error) {
	client, err := amp.NewQueryClient(cfg, endpoint)
	if err != nil {
		return time.Time{}, err
	}
	expr := fmt.Sprintf(`max by (cluster) (max_over_time(timestamp(up{cluster=%q})[1h:15s]))`, madeup.LiveCluster)
	result, err := client.Query(ctx, expr, now)
	if err != nil {
		return time.Time{}, err
	}
	at, err := result.ByLabel("cluster")
	return time.Unix(int64(at[madeup.LiveCluster]), 0), err
}

// ServeHTTP answers /MACHINE/JOB with the page of an exporter, and /targets/JOB with whom
// the head scrapes, as its http_sd_configs reads it.
func (d *demo) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Host != d.address {
		http.Error(w, "use "+d.address+" as the host name; this server accepts no other host names", http.StatusMisdirectedRequest)
		return
	}
	first, job, _ := strings.Cut(strings.Trim(r.URL.Path, "/"), "/")
	if first == "targets" {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(d.targets(job))
		return
	}
	page := d.live.Page(d.now(), first, job)
	if page == nil {
		http.Error(w, "this machine of the made-up cluster does not answer", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	_, _ = w.Write(page)
}

// targetGroup is a group of targets as Prometheus' HTTP service discovery reads it.
type targetGroup struct {
	Targets []string          `json:"targets"`
	Labels  map[string]string `json:"labels"`
}

func (d *demo) targets(job string) []targetGroup {
	groups := []targetGroup{}
	for machine, labels := range d.live.Targets(d.now(), job) {
		labels["__metrics_path__"] = "/" + machine + "/" + job
		groups = append(groups, targetGroup{[]string{d.address}, labels})
	}
	return groups
}

// demoJob is a scrape job of the head's configuration.
type demoJob struct {
	Name, URL string // what its targets are found by
	Honor     bool   // keeps the pages' own labels
	Interval  string
}

// jobs are the scrape jobs of the made-up cluster; of none without one.
func (d *demo) jobs(interval time.Duration) (all []demoJob) {
	if d == nil {
		return nil
	}
	for _, job := range madeup.LiveJobs() {
		all = append(all, demoJob{"demo-" + job, "http://" + d.address + "/targets/" + job, madeup.HonorsLabels(job),
			model.Duration(max(interval, demoInterval)).String()})
	}
	return all
}
