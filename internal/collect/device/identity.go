package device

import (
	"slices"

	"github.com/parascope/parascope/internal/collect/page"
	"github.com/parascope/parascope/internal/collect/read"
)

var nodeInfo = &page.Family{
	Name: "parascope_node_info",
	Help: "Always 1; the labels identify the node and its cluster. Unknown labels are empty. " +
		"The label node is Slurm's node name on compute nodes, and the host name up to the first dot on other nodes; " +
		"provisioning is static or dynamic, as in the compute resource.",
	Type: page.Gauge, Unit: "1",
	Labels: []string{
		"cluster", "node_type", "node", "queue", "compute_resource", "provisioning", "login_pool", "instance_id", "instance_type",
		"region", "availability_zone", "address", "os", "parallelcluster_version",
	},
	Source: "ParallelCluster's files on the node's local disk, read again when they change; DMI for the instance",
	Where:  "ParallelCluster nodes; other EC2 instances, with empty cluster labels",
}

var identity = page.Collector{
	Name:     "identity",
	Families: []*page.Family{nodeInfo},
	Sources: []string{
		"/etc/parallelcluster/slurm_plugin/slurm_node_spec.json", "/etc/parallelcluster/slurm_plugin/slurm_nodename", "/etc/chef/dna.json",
		"/etc/parallelcluster/cfnconfig", "/opt/parallelcluster/.bootstrapped", "/sys/class/dmi/id/product_name",
		"/sys/class/dmi/id/board_asset_tag", "/proc/sys/kernel/hostname",
	},
	Open: openIdentity,
}

type identityReader struct {
	env    page.Env
	files  *hostFiles
	name   *read.File // the host name, which has no time of change; nil until it could be opened
	buf    []byte
	short  []byte // of the host name, as in labels
	known  host
	labels []string
}

func openIdentity(env page.Env) (page.Reader, error) {
	return &identityReader{env: env, files: newHostFiles(env)}, nil
}

// Read implements page.Reader.
func (r *identityReader) Read(p *page.Page) error {
	r.files.refresh()
	h := r.files.host()
	if h.cluster == "" && h.instanceType == "" && h.instanceID == "" {
		return page.ErrAbsent
	}
	name := r.hostName()
	if r.labels == nil || h != r.known || string(name) != string(r.short) {
		r.known, r.short = h, slices.Clone(name)
		if h.node == "" {
			h.node = string(name)
		}
		r.labels = []string{
			h.cluster, h.nodeType, h.node, h.queue, h.computeResource, h.provisioning, h.pool, h.instanceID, h.instanceType,
			h.region, h.zone, h.address, h.os, h.version,
		}
	}
	p.Sample(nodeInfo, 1, r.labels...)
	return nil
}

// hostName is the host name up to the first dot; nothing where it cannot be read.
func (r *identityReader) hostName() []byte {
	if r.name == nil {
		var err error
		if r.name, err = read.Open(r.env.Proc("sys/kernel/hostname")); err != nil {
			r.name = nil
			return nil
		}
	}
	text, err := r.name.Read(&r.buf)
	if err != nil {
		return nil
	}
	name, _ := read.Field(&text)
	if i := slices.Index(name, '.'); i >= 0 {
		name = name[:i]
	}
	return name
}

// Close implements page.Reader.
func (r *identityReader) Close() error {
	if r.name == nil {
		return nil
	}
	return r.name.Close()
}
