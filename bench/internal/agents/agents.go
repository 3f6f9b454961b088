// Package agents runs the agents that are compared: stock Prometheus in agent
// mode, vmagent, and parascope head, each as the process it is on a head node.
// All are given the same targets, interval and endpoint.
package agents

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/parascope/parascope/bench/internal/simulate"
)

// Names of the agents.
const (
	Prometheus = "prometheus"
	VMAgent    = "vmagent"
	Parascope  = "parascope"
)

// Kind is a program that scrapes and sends.
type Kind struct {
	Name    string
	Program string // its file
}

// All are the agents, of whose programs dir has the first two and head is the last.
func All(dir, head string) []Kind {
	return []Kind{
		{Prometheus, filepath.Join(dir, "prometheus")},
		{VMAgent, filepath.Join(dir, "vmagent")},
		{Parascope, head},
	}
}

// Task is what an agent is to do. Dir keeps its configuration, data and log, and
// is its own.
type Task struct {
	Dir      string
	Fleet    string // host:port of the simulated fleet
	Targets  []simulate.Target
	Interval time.Duration
	Endpoint string // URL of remote write
	// MetadataURL and ContainerURL are where credentials come from; without
	// them requests are not signed.
	MetadataURL  string
	ContainerURL string

	MoreJobs string   // further scrape_configs
	Env      []string // further environment
}

// configure writes the agent's configuration and returns its arguments and what
// it needs in its environment.
func (k Kind) configure(t Task) (args, env []string, err error) {
	signed := t.MetadataURL != ""
	listen, err := freeAddress()
	if err != nil {
		return nil, nil, err
	}
	file := filepath.Join(t.Dir, "prometheus.yml")
	config := scrapeConfig(t)
	if signed {
		env = []string{"AWS_EC2_METADATA_SERVICE_ENDPOINT=" + t.MetadataURL, "AWS_REGION=us-east-2"}
	}
	switch k.Name {
	case VMAgent:
		args = []string{
			"-promscrape.config=" + file, "-httpListenAddr=" + listen,
			"-remoteWrite.url=" + t.Endpoint, "-remoteWrite.tmpDataPath=" + filepath.Join(t.Dir, "data"),
			"-remoteWrite.forcePromProto", // the protocol that AMP speaks
		}
		if signed {
			// vmagent asks 169.254.169.254 whatever the environment says,
			// unless it has container credentials.
			args = append(args, "-remoteWrite.aws.useSigv4", "-remoteWrite.aws.region=us-east-2")
			env = []string{"AWS_CONTAINER_CREDENTIALS_FULL_URI=" + t.ContainerURL}
		}
	case Prometheus, Parascope:
		args = []string{"--config.file=" + file, "--storage.agent.path=" + filepath.Join(t.Dir, "data"), "--web.listen-address=" + listen}
		args = append([]string{"--agent"}, args...)
		config += remoteWriteConfig(t.Endpoint, signed)
	default:
		return nil, nil, fmt.Errorf("there is no agent %q", k.Name)
	}
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		return nil, nil, fmt.Errorf("write configuration of %s: %w", k.Name, err)
	}
	return args, env, nil
}

// scrapeConfig names every target of the fleet. They share an address, so that
// path and instance are set as labels, as relabelling would.
func scrapeConfig(t Task) string {
	var b strings.Builder
	fmt.Fprintf(&b, "global:\n  scrape_interval: %s\n  scrape_timeout: %s\n  external_labels: {cluster: bench}\nscrape_configs:\n", t.Interval,
		min(t.Interval, 10*time.Second))
	for _, job := range jobs(t.Targets) {
		fmt.Fprintf(&b, "  - job_name: %s\n    static_configs:\n", job)
		for _, target := range t.Targets {
			if target.Job == job {
				fmt.Fprintf(&b, "      - {targets: [%q], labels: {__metrics_path__: %q, instance: %q}}\n", t.Fleet, target.Path, target.Instance)
			}
		}
	}
	b.WriteString(t.MoreJobs)
	return b.String()
}

func jobs(targets []simulate.Target) []string {
	var out []string
	seen := map[string]bool{}
	for _, t := range targets {
		if !seen[t.Job] {
			seen[t.Job] = true
			out = append(out, t.Job)
		}
	}
	return out
}

// remoteWriteConfig is what AWS recommends for AMP.
func remoteWriteConfig(endpoint string, signed bool) string {
	s := "remote_write:\n  - url: " + endpoint + "\n    queue_config: {max_samples_per_send: 1000, max_shards: 200, capacity: 2500}\n"
	if signed {
		s += "    sigv4: {region: us-east-2}\n"
	}
	return s
}

// freeAddress is one of this machine that nobody listens on.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	return l.Addr().String(), l.Close()
}
