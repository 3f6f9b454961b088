package device

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/parascope/parascope/internal/collect/page"
	"github.com/parascope/parascope/internal/collect/read"
)

// host is who a node is. What is not known is empty.
type host struct {
	cluster, region, zone    string
	nodeType                 string // head, compute or login
	node                     string // Slurm's name of a compute node, the host name of others
	queue, computeResource   string
	provisioning             string // static or dynamic
	pool                     string // of login nodes
	instanceID, instanceType string
	address, os              string
	version                  string // of ParallelCluster
	efa                      string // what dna.json says of EFA: none, "efa" or nothing
}

// none is how ParallelCluster writes that something is not there.
const none = "NONE"

// fill sets what h does not know from other.
func (h *host) fill(other host) {
	to, from := h.fields(), other.fields()
	for i := range to {
		if *to[i] == "" {
			*to[i] = *from[i]
		}
	}
}

func (h *host) fields() [15]*string {
	return [15]*string{
		&h.cluster, &h.region, &h.zone, &h.nodeType, &h.node, &h.queue, &h.computeResource, &h.provisioning, &h.pool,
		&h.instanceID, &h.instanceType, &h.address, &h.os, &h.version, &h.efa,
	}
}

// hostFiles reads who the node is from files on its own disk, again when they change.
// None of them is on a shared file system, whose server may hang.
type hostFiles struct {
	env   page.Env
	files []hostFile
	buf   []byte
}

// hostFile is a file that says something of the node.
type hostFile struct {
	path  string
	parse func([]byte) (host, error)

	stamp stamp
	says  host
}

// stamp tells whether a file is the one that was read.
type stamp struct {
	device, inode uint64
	size          int64
	modified      unix.Timespec
	changed       unix.Timespec
}

// newHostFiles prepares the files. What an earlier one says goes before what later
// ones say.
func newHostFiles(env page.Env) *hostFiles {
	return &hostFiles{env: env, files: []hostFile{
		{path: env.Path("etc/parallelcluster/slurm_plugin/slurm_node_spec.json"), parse: parseNodeSpec},
		{path: env.Path("etc/parallelcluster/slurm_plugin/slurm_nodename"), parse: parseNodeName},
		{path: env.Path("etc/chef/dna.json"), parse: parseDNA},
		{path: env.Path("etc/parallelcluster/cfnconfig"), parse: parseCfnConfig},
		{path: env.Path("opt/parallelcluster/.bootstrapped"), parse: parseBootstrapped},
		{path: env.Sys("class/dmi/id/product_name"), parse: parseProductName},
		{path: env.Sys("class/dmi/id/board_asset_tag"), parse: parseAssetTag},
	}}
}

// refresh reads the files that are not as they were. One that cannot be read says
// nothing until it changes, and that is logged.
func (h *hostFiles) refresh() {
	for i := range h.files {
		f := &h.files[i]
		var st unix.Stat_t
		if err := unix.Stat(f.path, &st); err != nil {
			f.stamp, f.says = stamp{}, host{}
			continue
		}
		now := stamp{uint64(st.Dev), st.Ino, st.Size, st.Mtim, st.Ctim}
		if now == f.stamp {
			continue
		}
		f.stamp, f.says = now, host{}
		text, err := readRegular(f.path, st.Mode, &h.buf)
		if err == nil {
			f.says, err = f.parse(text)
		}
		if err != nil {
			h.env.Logger.Warn("could not read a file that identifies the node; the read is retried when the file "+
				"changes", "file", f.path, "err", err)
		}
	}
}

// readRegular reads a file that is one, and no pipe that would never end.
func readRegular(path string, mode uint32, buf *[]byte) ([]byte, error) {
	if mode&unix.S_IFMT != unix.S_IFREG {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	return read.All(path, buf)
}

// host is what the files say together.
func (h *hostFiles) host() host {
	var all host
	for _, f := range h.files {
		all.fill(f.says)
	}
	return all
}

// text is a string of JSON. Other values, and the placeholders of CloudFormation that
// stand in a file before it is rendered, are read as nothing.
type text string

// UnmarshalJSON implements json.Unmarshaler.
func (t *text) UnmarshalJSON(b []byte) error {
	var s string
	if json.Unmarshal(b, &s) == nil && !strings.HasPrefix(s, "{") {
		*t = text(strings.TrimSpace(s))
	}
	return nil
}

// String is the text, and nothing for "NONE".
func (t text) String() string {
	if t == none {
		return ""
	}
	return string(t)
}

// parseNodeSpec reads slurm_node_spec.json, which a compute node has.
func parseNodeSpec(b []byte) (host, error) {
	var spec struct {
		Region     text `json:"region"`
		Cluster    text `json:"cluster_name"`
		Role       text `json:"node_role"`
		InstanceID text `json:"instance_id"`
		Compute    struct {
			Queue        text `json:"queue-name"`
			Resource     text `json:"compute-resource"`
			Name         text `json:"name"`
			Type         text `json:"node-type"`
			InstanceID   text `json:"instance-id"`
			InstanceType text `json:"instance-type"`
			Zone         text `json:"availability-zone"`
			Address      text `json:"address"`
		} `json:"compute"`
	}
	if err := json.Unmarshal(b, &spec); err != nil {
		return host{}, err
	}
	c := spec.Compute
	id := c.InstanceID.String()
	if id == "" {
		id = spec.InstanceID.String()
	}
	return host{
		cluster: spec.Cluster.String(), region: spec.Region.String(), zone: c.Zone.String(), nodeType: nodeTypeOf(spec.Role.String()),
		node: c.Name.String(), queue: c.Queue.String(), computeResource: c.Resource.String(), provisioning: c.Type.String(),
		instanceID: id, instanceType: c.InstanceType.String(), address: c.Address.String(),
	}, nil
}

// parseDNA reads dna.json, which every node has.
func parseDNA(b []byte) (host, error) {
	var dna struct {
		Cluster struct {
			Name     text `json:"cluster_name"`
			Stack    text `json:"stack_name"`
			Region   text `json:"region"`
			NodeType text `json:"node_type"`
			Queue    text `json:"scheduler_queue_name"`
			Resource text `json:"scheduler_compute_resource_name"`
			Pool     text `json:"pool_name"`
			OS       text `json:"base_os"`
			EFA      text `json:"enable_efa"`
		} `json:"cluster"`
	}
	if err := json.Unmarshal(b, &dna); err != nil {
		return host{}, err
	}
	c := dna.Cluster
	name := c.Name.String()
	if name == "" {
		name = c.Stack.String()
	}
	return host{
		cluster: name, region: c.Region.String(), nodeType: nodeTypeOf(c.NodeType.String()), queue: c.Queue.String(),
		computeResource: c.Resource.String(), pool: c.Pool.String(), os: c.OS.String(), efa: string(c.EFA),
	}, nil
}

// parseCfnConfig reads cfnconfig, a file of shell assignments.
func parseCfnConfig(b []byte) (host, error) {
	var h host
	for line := range lines(b) {
		name, value, _ := strings.Cut(string(line), "=")
		value = text(strings.Trim(value, `"'`)).String()
		switch name {
		case "stack_name":
			h.cluster = value
		case "cfn_region":
			h.region = value
		case "cfn_node_type":
			h.nodeType = nodeTypeOf(value)
		case "cfn_scheduler_queue_name":
			h.queue = value
		}
	}
	return h, nil
}

// nodeTypeOf is our word for ParallelCluster's.
func nodeTypeOf(word string) string {
	switch word {
	case "HeadNode":
		return "head"
	case "ComputeFleet", "Compute":
		return "compute"
	case "LoginNode":
		return "login"
	}
	return ""
}

func parseNodeName(b []byte) (host, error) { return host{node: word(b)}, nil }

// parseBootstrapped reads ".bootstrapped": "aws-parallelcluster-cookbook-3.16.3".
func parseBootstrapped(b []byte) (host, error) {
	version, found := strings.CutPrefix(word(b), "aws-parallelcluster-cookbook-")
	if !found {
		return host{}, nil
	}
	return host{version: version}, nil
}

// instanceType is what the names of instance types look like.
var instanceType = regexp.MustCompile(`^[a-z][a-z0-9-]*\.(nano|micro|small|medium|([0-9]+x|x)?large|metal(-[0-9]+xl)?)$`)

// parseProductName reads the machine's product name, on EC2's Nitro the instance type.
func parseProductName(b []byte) (host, error) {
	if name := word(b); instanceType.MatchString(name) {
		return host{instanceType: name}, nil
	}
	return host{}, nil
}

// parseAssetTag reads the board's asset tag, on EC2's Nitro the instance id.
func parseAssetTag(b []byte) (host, error) {
	if tag := word(b); strings.HasPrefix(tag, "i-") {
		return host{instanceID: tag}, nil
	}
	return host{}, nil
}

// word is the only word of a small file, or nothing.
func word(b []byte) string {
	first, _ := read.Field(&b)
	if _, more := read.Field(&b); more || len(first) > 128 {
		return ""
	}
	return string(first)
}
