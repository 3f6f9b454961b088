package slurm

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// NodesArgs are the arguments of scontrol for ParseNodes. With -d a node has the
// indices of its allocated GPUs.
var NodesArgs = []string{"-d", "show", "nodes", "-o"}

// Node is a node as slurmctld sees it. Times that Slurm does not know are zero.
type Node struct {
	Name       string
	Address    string // NodeAddr: an IP address once ParallelCluster has started an instance, else the name
	Hostname   string
	State      string   // the base state in lower case: idle, allocated, mixed, down, ...
	Flags      []string // in lower case and sorted: cloud, drain, powered_down, not_responding, ...
	Partitions []string
	Features   []string // active ones

	CPUs, CPUsAllocated     int
	MemoryMB, AllocMemoryMB int64
	Load                    float64 // over 1 minute; valid if HasLoad
	HasLoad                 bool
	GRES                    []GRES // configured; Count is what there is
	GRESUsed                []GRES // allocated; from GresUsed where Slurm prints it, else counts from AllocTRES

	Version     string // of slurmd; empty before the node registers
	BootTime    time.Time
	SlurmdStart time.Time
	LastBusy    time.Time

	Reason      string // of drain, down or fail; empty if none
	ReasonUser  string
	ReasonTime  time.Time
	Reservation string
}

// Has reports whether the node's state has the flag.
func (n *Node) Has(flag string) bool {
	_, found := slices.BinarySearch(n.Flags, flag)
	return found
}

// ParseNodes reads the output of "scontrol show nodes -o": one node a line. Times are
// in zone, that of the tool. Lines that are no node are counted in an error, beside
// the nodes that could be read: one bad line costs its node only. A bad last line means
// that the output is cut off, which is an error without nodes.
func ParseNodes(out []byte, zone *time.Location) ([]Node, error) {
	var nodes []Node
	var bad int
	var cut bool
	var first string
	seen := map[string]bool{}
	for line := range bytes.Lines(out) {
		line = bytes.TrimRight(line, "\r\n")
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		n, err := parseNode(string(line), zone)
		cut = err != nil
		if err == nil && seen[n.Name] {
			err = fmt.Errorf("node %q is a duplicate", n.Name)
		}
		if err != nil {
			if bad++; bad == 1 {
				first = err.Error()
			}
			continue
		}
		seen[n.Name] = true
		nodes = append(nodes, n)
	}
	switch {
	case cut:
		return nil, cutOff("scontrol show nodes")
	case bad > 0:
		return nodes, fmt.Errorf("scontrol show nodes: %d lines could not be read; the first one: %s", bad, first)
	}
	return nodes, nil
}

// lastNodeField is the last of the fields that are read and that every version prints of every node.
const lastNodeField = "AllocTRES"

func parseNode(line string, zone *time.Location) (Node, error) {
	if len(line) > maxLine {
		return Node{}, fmt.Errorf("the line is longer than %d bytes", maxLine)
	}
	if !strings.HasPrefix(line, "NodeName=") {
		return Node{}, errors.New("the line does not begin with NodeName=")
	}
	head, reason, tail := cutReason(line)
	r := record{head, tail}
	n := Node{
		Name: r.get("NodeName"), Address: r.get("NodeAddr"), Hostname: r.get("NodeHostName"), Version: r.get("Version"),
		Partitions: list(r.get("Partitions")), Features: list(r.get("ActiveFeatures")),
		Reservation: r.get("ReservationName"),
		BootTime:    moment(r.get("BootTime"), zone), SlurmdStart: moment(r.get("SlurmdStartTime"), zone),
		LastBusy: moment(r.get("LastBusyTime"), zone),
	}
	state := r.get("State")
	if n.Name == "" || state == "" || !r.has(lastNodeField) {
		return Node{}, errors.New("NodeName, State or " + lastNodeField + " is missing")
	}
	n.State, n.Flags = parseState(state)
	n.CPUs, n.CPUsAllocated = number(r.get("CPUTot")), number(r.get("CPUAlloc"))
	n.MemoryMB, n.AllocMemoryMB = int64(number(r.get("RealMemory"))), int64(number(r.get("AllocMem")))
	if load, err := strconv.ParseFloat(r.get("CPULoad"), 64); err == nil {
		n.Load, n.HasLoad = load, true
	}
	n.GRES = parseGRES(r.get("Gres"))
	if used := r.get("GresUsed"); used != "" {
		n.GRESUsed = parseGRES(used)
	} else {
		n.GRESUsed = gresOfTRES(r.get("AllocTRES"))
	}
	n.Reason, n.ReasonUser, n.ReasonTime = parseReason(reason, zone)
	return n, nil
}

// parseState takes a state apart: "IDLE+CLOUD+POWERED_DOWN" is idle with two flags.
// A state that is nothing but a flag, such as RESUME, is the base state.
func parseState(text string) (state string, flags []string) {
	parts := strings.Split(strings.ToLower(strings.TrimSuffix(text, "*")), "+")
	if strings.HasSuffix(text, "*") {
		parts = append(parts, "not_responding")
	}
	flags = parts[1:]
	slices.Sort(flags)
	return parts[0], slices.Compact(flags)
}

// cutReason takes the reason, which is text that anybody with the right to drain a node
// chooses, out of a node's line: "Reason=TEXT [USER@TIME]". What stands before and
// after it are Slurm's own fields.
func cutReason(line string) (head, reason, tail string) {
	head, rest, found := strings.Cut(line, " Reason=")
	if !found {
		return line, "", ""
	}
	// The suffix is the last bracket with a time in it: the text may have brackets too.
	for end := strings.LastIndexByte(rest, ']'); end >= 0; end = strings.LastIndexByte(rest[:end], ']') {
		start := strings.LastIndexByte(rest[:end], '[')
		if start < 0 {
			break
		}
		if _, at, ok := strings.Cut(rest[start+1:end], "@"); ok && (at == "Unknown" || len(at) == len(timeLayout)) {
			return head, rest[:end+1], rest[end+1:]
		}
	}
	return head, rest, ""
}

func parseReason(text string, zone *time.Location) (reason, user string, since time.Time) {
	start := strings.LastIndex(text, " [")
	if start < 0 || !strings.HasSuffix(text, "]") {
		return strings.TrimSpace(text), "", time.Time{}
	}
	user, at, ok := strings.Cut(text[start+2:len(text)-1], "@")
	if !ok {
		return strings.TrimSpace(text), "", time.Time{}
	}
	return strings.TrimSpace(text[:start]), user, moment(at, zone)
}
