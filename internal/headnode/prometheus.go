package headnode

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/parascope/parascope/internal/hint"
)

// marker begins the files that this package writes, and may write again.
const marker = "# Written by 'parascope-head setup'."

// Places on a head node, below the root directory. The guide's readers know the first two.
const (
	ConfigFile  = "opt/prometheus/prometheus.yml"
	UnitFile    = "etc/systemd/system/prometheus.service"
	jobsDir     = "opt/prometheus/scrape.d"
	existingJob = jobsDir + "/existing.yml"
	dataDir     = "opt/prometheus/data"
	program     = "opt/parascope/current/bin/parascope-head"
)

// Address is where the head serves: its pages about Slurm and ParallelCluster are targets of
// its own configuration.
const Address = "127.0.0.1:9090"

// RemoteWrite is where samples go.
type RemoteWrite struct {
	URL    string
	Region string // that requests are signed for
}

func (w RemoteWrite) check() error {
	u, err := url.Parse(w.URL)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || strings.ContainsAny(w.URL, "\"'\\\n ") {
		return hint.New(hint.Usage, fmt.Errorf("--remote-write.url %q is not a URL", w.URL),
			"give the remote-write URL of the workspace: https://aps-workspaces.REGION.amazonaws.com/workspaces/ID/api/v1/remote_write")
	}
	if !regionPattern.MatchString(w.Region) {
		return hint.New(hint.Usage, fmt.Errorf("--remote-write.region %q is not a region", w.Region), "give the region of the workspace, "+
			"such as us-east-2")
	}
	return nil
}

// configuration is what stock Prometheus takes as well. Compute nodes come from Slurm, by
// the head's own pages; login nodes from EC2, by ParallelCluster's tags; GPUs are scraped
// where there are any. Words in {{}} are replaced: text/template would have the linker keep
// every method of the AWS clients.
const configuration = marker + ` Upgrades overwrite this file: changes are lost.
# Put your own jobs into /opt/prometheus/scrape.d/NAME.yml, as scrape_configs; those stay.
global:
  scrape_interval: 30s
  external_labels:
    cluster: {{Cluster}}

remote_write:
  - url: {{URL}}
    sigv4:
      region: {{WriteRegion}}
    queue_config: # as AWS recommends for AMP
      max_samples_per_send: 1000
      max_shards: 200
      capacity: 2500

scrape_config_files:
  - /opt/prometheus/scrape.d/*.yml

scrape_configs:
  - job_name: node # this node, compute nodes that Slurm has up, login nodes
    static_configs:
      - targets: ["127.0.0.1:9100"]
        labels: {instance: {{Host}}, node: {{Host}}, node_type: head}
    http_sd_configs:
      - url: http://{{Address}}/slurm/targets
        refresh_interval: 5s
    ec2_sd_configs:
      - region: {{Region}}
        port: 9100
        refresh_interval: 60s
        filters:
          - {name: "tag:parallelcluster:cluster-name", values: [{{Cluster}}]}
          - {name: "tag:parallelcluster:node-type", values: [LoginNode]}
          - {name: instance-state-name, values: [running]}
    relabel_configs: &login # the host name of a login node is the first part of its private DNS name
      - {source_labels: [__meta_ec2_private_dns_name], regex: '([^.]+)(\..*)?', target_label: instance}
      - {source_labels: [__meta_ec2_private_dns_name], regex: '([^.]+)(\..*)?', target_label: node}
      - {source_labels: [__meta_ec2_instance_id], regex: .+, target_label: node_type, replacement: login}

  - job_name: dcgm # nodes with GPUs
{{GPUs}}    http_sd_configs:
      - url: http://{{Address}}/slurm/targets?gpu=1
        refresh_interval: 5s
    ec2_sd_configs:
      - region: {{Region}}
        port: 9400
        refresh_interval: 60s
        filters:
          - {name: "tag:parallelcluster:cluster-name", values: [{{Cluster}}]}
          - {name: "tag:parallelcluster:node-type", values: [LoginNode]}
          - {name: instance-state-name, values: [running]}
          - {name: instance-type, values: ["g*", "p*"]}
    relabel_configs: *login

  - job_name: slurm # jobs, nodes and partitions; series of nodes and jobs keep their own labels
    scrape_interval: 60s
    metrics_path: /slurm/metrics
    honor_labels: true
    static_configs: &head
      - targets: ["{{Address}}"]
        labels: {instance: {{Host}}, node: {{Host}}, node_type: head}

  - job_name: pcluster # ParallelCluster's events
    scrape_interval: 60s
    metrics_path: /parallelcluster/metrics
    honor_labels: true
    static_configs: *head

  - job_name: head # this Prometheus
    static_configs: *head
`

// ownGPUs is the target of a head node that has GPUs.
const ownGPUs = `    static_configs:
      - targets: ["127.0.0.1:9400"]
        labels: {instance: {{Host}}, node: {{Host}}, node_type: head}
`

// unit runs the head's program as root: on a head node with Imds.Secured only root, among
// the users that could, reaches the credentials of the node's role, and without root Slurm
// hides the nodes that are powered down.
const unit = marker + ` Upgrades overwrite this file: put changes into prometheus.service.d.
[Unit]
Description=Prometheus of the cluster, which sends to Amazon Managed Service for Prometheus (parascope-head)
Documentation=https://github.com/parascope/parascope/blob/main/docs/cluster.md
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0

[Service]
ExecStart=/` + program + ` --config.file=/` + ConfigFile + ` --storage.agent.path=/` + dataDir + ` --web.listen-address=` + Address + `
ExecReload=/bin/kill -HUP $MAINPID
Restart=always
RestartSec=5
SyslogIdentifier=prometheus
LimitNOFILE=65536

# slurmctld comes first.
Nice=5
OOMScoreAdjust=300

NoNewPrivileges=yes
ProtectSystem=strict
ReadWritePaths=/opt/prometheus
ProtectHome=read-only
PrivateTmp=yes
ProtectControlGroups=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
RestrictSUIDSGID=yes
LockPersonality=yes
UMask=0077

[Install]
WantedBy=multi-user.target
`

// Configuration is the text of /opt/prometheus/prometheus.yml.
func Configuration(f Facts, w RemoteWrite) (string, error) {
	if err := f.check(); err != nil {
		return "", err
	}
	if err := w.check(); err != nil {
		return "", err
	}
	gpus := ""
	if f.GPUs {
		gpus = ownGPUs
	}
	return strings.NewReplacer("{{Cluster}}", f.Cluster, "{{Host}}", f.Host, "{{Region}}", f.Region, "{{Address}}", Address, "{{URL}}", w.URL,
		"{{WriteRegion}}", w.Region).Replace(strings.Replace(configuration, "{{GPUs}}", gpus, 1)), nil
}
