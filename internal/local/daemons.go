package local

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/prometheus/common/model"

	"github.com/parascope/parascope/internal/listen"
)

func startNode(ctx context.Context, o Options, _ string, report func(Event)) (*child, error) {
	c, err := startChild(o, "node", o.NodeProgram, []string{"--web.listen-address=" + o.NodeAddress}, inheritedEnv())
	if err != nil {
		return nil, err
	}
	url := "http://" + listen.Reachable(o.NodeAddress)
	if err := c.await(ctx, answers(url+"/healthz")); err != nil {
		return c, err
	}
	go c.watch(ctx, report)
	report(Event{Kind: Started, What: c.name, Address: url + "/metrics", PID: c.pid, Detail: "serves this machine's metrics; log " + c.log})
	return c, nil
}

func startHead(ctx context.Context, o Options, endpoint string, report func(Event)) (*child, error) {
	config := filepath.Join(o.DataDir, "prometheus.yml")
	if err := writeHeadConfig(config, o, endpoint); err != nil {
		return nil, err
	}
	env := append(inheritedEnv(), o.headCredentials()...)
	c, err := startChild(o, "head", o.HeadProgram, []string{
		"--config.file=" + config,
		"--storage.agent.path=" + filepath.Join(o.DataDir, "data-agent"),
		"--web.listen-address=" + o.HeadAddress,
	}, env)
	if err != nil {
		return nil, err
	}
	url := "http://" + listen.Reachable(o.HeadAddress)
	if err := c.await(ctx, answers(url+"/-/ready")); err != nil {
		return c, err
	}
	go c.watch(ctx, report)
	report(Event{Kind: Started, What: c.name, Address: url, PID: c.pid, Detail: "scrapes targets and sends samples; log " + c.log})
	return c, nil
}

// headCredentials is the environment in which the head finds its own: as on a
// cluster's head node where there is a metadata service, else in the shared files.
func (o Options) headCredentials() []string {
	if o.metadataURL != "" {
		return []string{"AWS_EC2_METADATA_SERVICE_ENDPOINT=" + o.metadataURL,
			"AWS_SHARED_CREDENTIALS_FILE=/dev/null", "AWS_CONFIG_FILE=/dev/null"}
	}
	files := sharedFiles(o.DataDir)
	return []string{"AWS_SHARED_CREDENTIALS_FILE=" + files.Credentials, "AWS_CONFIG_FILE=" + files.Config, "AWS_PROFILE=head"}
}

// inheritedEnv is what a daemon may see of our environment. The caller's own AWS
// settings stay out: the daemons must use the local cloud's.
func inheritedEnv() []string {
	var env []string
	for _, k := range []string{"PATH", "HOME", "TMPDIR", "LANG", "TZ"} {
		if v, ok := os.LookupEnv(k); ok {
			env = append(env, k+"="+v)
		}
	}
	return env
}

// answers returns a check that url answers 200.
func answers(url string) func(context.Context) error {
	return func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("GET %s: %s", url, resp.Status)
		}
		return nil
	}
}

// headConfig is a file that stock Prometheus in agent mode takes as well. Both targets are
// one machine's, and say so.
const headConfig = `# Written by "parascope local" at every start, which overwrites changes.
global:
  scrape_interval: %[1]s
  external_labels:
    cluster: local
scrape_configs:
  - job_name: node
    static_configs:
      - targets: [%[2]q]
        labels: {instance: %[4]q, node: %[4]q, node_type: head}
  - job_name: head
    static_configs:
      - targets: [%[3]q]
        labels: {instance: %[4]q, node: %[4]q, node_type: head}
%[7]sremote_write:
  - url: %[5]sapi/v1/remote_write
    sigv4:
      region: %[6]s
    queue_config: # as AWS recommends for AMP
      max_samples_per_send: 1000
      max_shards: 200
      capacity: 2500
      batch_send_deadline: 1s # a person waits for the first samples
`

// demoJobConfig is a scrape job of the made-up cluster.
const demoJobConfig = `  - job_name: %[1]s # of a made-up cluster
    honor_labels: %[2]t
    scrape_interval: %[3]s
    http_sd_configs:
      - url: %[4]s
        refresh_interval: %[3]s
`

func writeHeadConfig(file string, o Options, endpoint string) error {
	host, err := os.Hostname()
	if err != nil {
		return fmt.Errorf("could not write the head's configuration: %w", err)
	}
	host, _, _ = strings.Cut(host, ".")
	var demoJobs strings.Builder
	for _, job := range o.demo.jobs(o.Interval) {
		fmt.Fprintf(&demoJobs, demoJobConfig, job.Name, job.Honor, job.Interval, job.URL)
	}
	// The interval is as Prometheus writes it: Go's "1.5s" is not a duration there.
	text := fmt.Sprintf(headConfig, model.Duration(o.Interval), listen.Reachable(o.NodeAddress), listen.Reachable(o.HeadAddress), host,
		endpoint, o.Region, demoJobs.String())
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return fmt.Errorf("could not write the head's configuration: %w", err)
	}
	return nil
}
