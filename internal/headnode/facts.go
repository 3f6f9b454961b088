// Package headnode writes what a cluster's head node runs as its Prometheus: the
// configuration /opt/prometheus/prometheus.yml and the unit prometheus.service, from what
// ParallelCluster has left on the node about its cluster.
package headnode

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/parascope/parascope/internal/cluster/environment"
	"github.com/parascope/parascope/internal/collect/read"
	"github.com/parascope/parascope/internal/hint"
)

// Facts are what the files depend on.
type Facts struct {
	Cluster string // ParallelCluster's name of the cluster
	Region  string // AWS region of the cluster
	Host    string // host name of the head node, without its domain
	GPUs    bool   // the head node has NVIDIA GPUs
}

// Places of what ParallelCluster says about a node, below the root directory.
const (
	cfnconfigFile = "etc/parallelcluster/cfnconfig"
	dnaFile       = "etc/chef/dna.json"
	pciVendors    = "sys/bus/pci/devices/*/vendor"
	nvidiaVendor  = "0x10de"
)

var (
	clusterPattern = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]{0,59}$`)
	regionPattern  = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]+$`)
	hostPattern    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$`)
)

// ReadFacts reads them below root, which is / on a node. An environment file, where one is
// named, goes before what ParallelCluster has left: /etc/parallelcluster/cfnconfig, then
// /etc/chef/dna.json. What none of them says is an error with exit code NotFound.
func ReadFacts(root, host, environmentFile string) (Facts, error) {
	f := Facts{Host: host}
	f.Host, _, _ = strings.Cut(f.Host, ".")
	if environmentFile != "" {
		e, err := environment.Read(environmentFile)
		if err != nil {
			return f, err
		}
		f.Cluster, f.Region = e.ClusterName, e.Region
	}
	for _, read := range []func(string) (cluster, region string, err error){readCfnconfig, readDNA} {
		cluster, region, err := read(root)
		if err != nil {
			return f, err
		}
		if f.Cluster == "" {
			f.Cluster = cluster
		}
		if f.Region == "" {
			f.Region = region
		}
	}
	vendors, err := filepath.Glob(filepath.Join(root, pciVendors))
	if err != nil {
		return f, fmt.Errorf("could not determine whether the node has GPUs: %w", err)
	}
	for _, v := range vendors {
		if text, err := os.ReadFile(v); err == nil && strings.TrimSpace(string(text)) == nvidiaVendor {
			f.GPUs = true
		}
	}
	return f, f.check()
}

func (f Facts) check() error {
	const where = "give --environment-file the environment-variables-NAME.sh of the cluster"
	switch {
	case f.Cluster == "" || f.Region == "":
		return hint.New(hint.NotFound, fmt.Errorf("neither /%s nor /%s contains the cluster's name and region",
			cfnconfigFile, dnaFile), where)
	case !clusterPattern.MatchString(f.Cluster):
		return hint.New(hint.BadInput, fmt.Errorf("%q is not a valid cluster name", f.Cluster), where)
	case !regionPattern.MatchString(f.Region):
		return hint.New(hint.BadInput, fmt.Errorf("%q is not a region", f.Region), where)
	case !hostPattern.MatchString(f.Host):
		return hint.New(hint.BadInput, fmt.Errorf("%q is not a host name", f.Host), "give --host the host name of the head node")
	}
	return nil
}

// maxFile is more than any of the files has.
const maxFile = 4 << 20

// readFact reads a file, or nothing where it is not there.
func readFact(root, name string) ([]byte, error) {
	text, err := ReadFile(filepath.Join(root, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return text, err
}

// ReadFile reads a regular file of at most 4 MiB.
func ReadFile(file string) ([]byte, error) {
	return read.Regular(file, maxFile)
}

func readCfnconfig(root string) (cluster, region string, err error) {
	text, err := readFact(root, cfnconfigFile)
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		value = strings.Trim(value, `"'`)
		switch name {
		case "stack_name":
			cluster = value
		case "cfn_region":
			region = value
		}
	}
	return cluster, region, err
}

func readDNA(root string) (cluster, region string, err error) {
	text, err := readFact(root, dnaFile)
	if err != nil || text == nil {
		return "", "", err
	}
	var dna struct {
		Cluster struct {
			Name   string `json:"cluster_name"`
			Stack  string `json:"stack_name"`
			Region string `json:"region"`
		} `json:"cluster"`
	}
	if err := json.Unmarshal(text, &dna); err != nil {
		return "", "", hint.New(hint.BadInput, fmt.Errorf("could not read /%s: %w", dnaFile, err),
			"ParallelCluster writes this file; if it is missing, give --environment-file")
	}
	c := dna.Cluster
	if c.Name == "" {
		c.Name = c.Stack
	}
	return c.Name, c.Region, nil
}
