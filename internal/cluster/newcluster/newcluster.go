// Package newcluster is a cluster that a person asks for, and its configuration without monitoring.
package newcluster

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/parascope/parascope/internal/cluster/environment"
	"github.com/parascope/parascope/internal/cluster/lookup"
	"github.com/parascope/parascope/internal/cluster/words"
	"github.com/parascope/parascope/internal/hint"
)

// Cluster is what a person asks for.
type Cluster struct {
	Name     string
	OS       string
	HeadType string
	KeyName  string // of an EC2 key pair; "" for none
	Queues   []Queue
}

// Queue has one instance type.
type Queue struct {
	Name, InstanceType string
	Min, Max           int
	EFA                bool
}

var (
	queuePattern = regexp.MustCompile(`^[a-z][a-z0-9-]{0,24}$`)
	osPattern    = regexp.MustCompile(`^(alinux|centos|rhel|rocky|ubuntu)[0-9]+$`) // of all versions: each has some of them
	typePattern  = regexp.MustCompile(`^[a-z0-9-]+\.[a-z0-9-]+$`)
)

// ParseQueue reads NAME:TYPE:MIN-MAX, such as gpu:p5.48xlarge:0-4.
func ParseQueue(s string) (Queue, error) {
	bad := func(what string) error {
		return hint.New(hint.Usage, fmt.Errorf("--queue %q: %s", s, what), "give NAME:TYPE:MIN-MAX, such as gpu:p5.48xlarge:0-4")
	}
	parts := strings.Split(s, ":")
	if len(parts) != 3 {
		return Queue{}, bad("the value must have three parts, NAME:TYPE:MIN-MAX")
	}
	q := Queue{Name: parts[0], InstanceType: parts[1]}
	low, high, ok := strings.Cut(parts[2], "-")
	var err1, err2 error
	q.Min, err1 = strconv.Atoi(low)
	q.Max, err2 = strconv.Atoi(high)
	switch {
	case !queuePattern.MatchString(q.Name):
		return q, bad("a queue name must start with a lower-case letter and contain at most 25 lower-case letters, digits and hyphens")
	case q.Name == "default":
		return q, bad("ParallelCluster does not allow the queue name default")
	case !typePattern.MatchString(q.InstanceType) || len(q.InstanceType) > 25:
		return q, bad("the instance type is not valid")
	case !ok || err1 != nil || err2 != nil || q.Min < 0 || q.Max < 1 || q.Min > q.Max:
		return q, bad("MIN-MAX is not a range of node counts")
	case q.Max > maxNodes:
		return q, bad(fmt.Sprintf("MAX is at most %d nodes", maxNodes))
	}
	return q, nil
}

// MaxQueues is how many queues and compute resources a cluster of ParallelCluster has at most
// (cli/src/pcluster/constants.py, MAX_NUMBER_OF_QUEUES, MAX_NUMBER_OF_COMPUTE_RESOURCES_PER_CLUSTER).
const MaxQueues = 50

// maxNodes is more than any queue has. ParallelCluster itself names no limit.
const maxNodes = 65536

// ParseQueues reads one after the other.
func ParseQueues(texts []string) ([]Queue, error) {
	if len(texts) > MaxQueues {
		return nil, hint.New(hint.Usage, fmt.Errorf("--queue is given %d times; a cluster has at most %d queues", len(texts), MaxQueues),
			"omit queues, or create a second cluster")
	}
	var all []Queue
	for _, text := range texts {
		q, err := ParseQueue(text)
		if err != nil {
			return nil, err
		}
		all = append(all, q)
	}
	return all, nil
}

// armPattern is how EC2 names types with arm64 processors: with a g behind the generation, or with Grace.
var armPattern = regexp.MustCompile(`^(a1|[a-z]+[0-9]+[a-z]*g[a-z]*|[a-z0-9]+-gb[0-9]+)\.`)

func isARM(instanceType string) bool { return armPattern.MatchString(instanceType) }

// HeadTypeFor is the type of a head node for which nobody gave one. ParallelCluster takes one architecture for all nodes.
func HeadTypeFor(queues []Queue) string {
	if len(queues) > 0 && isARM(queues[0].InstanceType) {
		return "m7g.xlarge"
	}
	return "m7i.xlarge"
}

// maxKeyName is how long the name of a key pair is in EC2, in characters.
const maxKeyName = 255

// OS is an operating system by ParallelCluster's name for it.
type OS string

// oses are those of some version of ParallelCluster from 3.6 on, and of none that is newer than 3.16.
var oses = []OS{"alinux2", "alinux2023", "centos7", "rhel8", "rhel9", "rocky8", "rocky9", "ubuntu2004", "ubuntu2204", "ubuntu2404"}

// versions are the minor versions of ParallelCluster 3 that have an operating system: from since on, and
// before until, where that is not zero (SUPPORTED_OSES of version 3.12, release notes of 3.13 and 3.14).
var versions = map[OS]struct{ since, until int }{
	"centos7":    {until: 12},
	"ubuntu2004": {until: 14},
	"ubuntu2404": {since: 13},
}

// Refused reports whether a version of ParallelCluster 3 is known not to have an operating system; of the
// version "", whether none has it. The note says why, or what may refuse it.
func (o OS) Refused(version string) (note string, refused bool) {
	v, some := versions[o]
	switch {
	case !osPattern.MatchString(string(o)):
		return "it is not an operating system of ParallelCluster", true
	case version != "" && (lookup.OlderThan(version, 3, v.since) || v.until > 0 && !lookup.OlderThan(version, 3, v.until)):
		return "ParallelCluster " + version + " does not support it", true
	case strings.HasPrefix(string(o), "rocky"):
		return NeedsAMI, false
	case version == "" && some && v.until > 0:
		return fmt.Sprintf("ParallelCluster 3.%d and later refuse it", v.until), false
	case version == "" && some:
		return fmt.Sprintf("ParallelCluster before 3.%d refuses it", v.since), false
	case !slices.Contains(oses, o):
		return "ParallelCluster up to 3.16 refuses it", false
	}
	return "", false
}

// NeedsAMI is the note about an operating system that ParallelCluster takes, and publishes no AMI of (PRIVATE_OSES of
// cli/src/pcluster/constants.py).
const NeedsAMI = "ParallelCluster has no AMI of it: set Image/CustomAmi to one of your own ('pcluster build-image')"

// Notes are about what versions of ParallelCluster refuse; "" is a version that is not known.
func (n Cluster) Notes(version string) []string {
	if note, refused := OS(n.OS).Refused(version); note != "" && !refused {
		return []string{"--os " + n.OS + ": " + note}
	}
	return nil
}

// CheckOS refuses an operating system that a version of ParallelCluster 3 is known not to have.
func (n Cluster) CheckOS(version string) error {
	if _, refused := OS(n.OS).Refused(version); refused {
		return hint.New(hint.BadInput, fmt.Errorf("--os: ParallelCluster %s does not support %s", version, n.OS),
			"give an OS of that version, such as alinux2023, or another --pcluster-version")
	}
	return nil
}

// Check refuses an operating system that ParallelCluster does not have, what is no instance type or
// key pair, and two queues of one name.
func (n Cluster) Check() error {
	if !osPattern.MatchString(n.OS) {
		return hint.New(hint.Usage, fmt.Errorf("--os %q is not an operating system of ParallelCluster", n.OS),
			"give one such as alinux2023, ubuntu2404 or rhel9")
	}
	if !typePattern.MatchString(n.HeadType) {
		return hint.New(hint.Usage, fmt.Errorf("--head-type %q is not an instance type", n.HeadType), "give one such as m7i.xlarge")
	}
	if len(n.KeyName) > maxKeyName || strings.ContainsFunc(n.KeyName, func(r rune) bool { return r < ' ' || r > '~' }) ||
		strings.Contains(n.KeyName, "${") {
		return hint.New(hint.Usage, fmt.Errorf("--key %q is not the name of a key pair", n.KeyName),
			"give a name that 'aws ec2 describe-key-pairs' lists")
	}
	for _, q := range n.Queues {
		if isARM(q.InstanceType) == isARM(n.HeadType) {
			continue
		}
		return hint.New(hint.Usage, fmt.Errorf("--queue %s: %s is of another processor architecture than the head node's %s, which "+
			"ParallelCluster refuses", q.Name, q.InstanceType, n.HeadType),
			"give queues of one architecture (Graviton or x86), and a --head-type of the same or none")
	}
	seen := map[string]bool{}
	for _, q := range n.Queues {
		if seen[q.Name] {
			return hint.New(hint.Usage, fmt.Errorf("--queue: two queues have the name %s", q.Name), "give each queue a name of its own")
		}
		seen[q.Name] = true
	}
	return nil
}

// Network is where the cluster is: the stack's region and subnets.
type Network struct{ Stack, Region, PublicSubnet, PrivateSubnet string }

// Text is the configuration without monitoring; marker is the comment at what attach adds.
func (n Cluster) Text(s Network, marker string) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("# Cluster %s in the network of stack %s.", n.Name, s.Stack)
	line("# The parts marked%s are the monitoring; 'parascope cluster detach' removes these parts.", strings.TrimPrefix(marker, " "))
	line("Region: %s", s.Region)
	line("Image:\n  Os: %s", scalar(n.OS))
	line("HeadNode:\n  InstanceType: %s\n  Networking:\n    SubnetId: %s", scalar(n.HeadType), scalar(s.PublicSubnet))
	if n.KeyName != "" {
		line("  Ssh:\n    KeyName: %s", scalar(n.KeyName))
	}
	line("Scheduling:\n  Scheduler: slurm\n  SlurmSettings:")
	line("    QueueUpdateStrategy: DRAIN # later updates wait for running jobs")
	line("  SlurmQueues:")
	for _, q := range n.Queues {
		line("    - Name: %s", scalar(q.Name))
		line("      ComputeResources:\n        - Name: %s", strings.ReplaceAll(q.InstanceType, ".", "-"))
		line("          InstanceType: %s\n          MinCount: %d\n          MaxCount: %d", q.InstanceType, q.Min, q.Max)
		if q.EFA {
			line("          Efa:\n            Enabled: true")
		}
		line("      Networking:\n        SubnetIds:\n          - %s", scalar(s.PrivateSubnet))
		if q.EFA {
			line("        PlacementGroup:\n          Enabled: true")
		}
	}
	return b.String()
}

// scalar is a text as YAML has it, quoted where it must be.
func scalar(s string) string {
	b, err := yaml.Marshal(s)
	if err != nil || strings.Count(string(b), "\n") > 1 {
		return strconv.Quote(s)
	}
	return strings.TrimSuffix(string(b), "\n")
}

// Commands are the guide's two lines that create a cluster.
func Commands(name, file string) []string {
	return []string{
		"source " + environment.FileName(name),
		"pcluster create-cluster --cluster-name $CLUSTER_NAME --cluster-configuration " + words.Word(file) + " --region $AWS_REGION",
	}
}
