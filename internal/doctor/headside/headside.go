// Package headside has the checks of 'parascope-head doctor', which runs on a cluster's head
// node: they follow a sample from the exporters on the nodes through the head's queue to AMP.
package headside

import (
	"context"
	"net/http"
	"path/filepath"
	"time"

	"github.com/parascope/parascope/internal/doctor"
	"github.com/parascope/parascope/internal/head"
	"github.com/parascope/parascope/internal/headnode"
)

// Check and Finding are the frame's.
type (
	Check   = doctor.Check[*Env]
	Finding = doctor.Finding
)

// Env is what the checks are about. Its unexported fields are found by checks, and read by
// those that need them.
type Env struct {
	Root        string // "/" on a node
	Host        string // the node's name
	Address     string // of the head, HOST:PORT
	NodeAddress string // of this node's exporter
	HTTPConfig  string // for a head with TLS or passwords; "": none
	ConfigFile  string // of the head; "": that of a head node
	SlurmBin    string // directory of Slurm's commands
	Now         func() time.Time
	Getenv      func(string) string
	HTTP        *http.Client // for pages of this node and AMP's clock
	LookPath    func(string) (string, error)

	facts    headnode.Facts
	writes   []head.Write
	checked  bool           // ConfigFile could be read
	delivery *head.Delivery // nil: the head was not asked
	targets  []target       // nil: likewise
}

// path is a place on the node.
func (e *Env) path(name string) string { return filepath.Join(e.Root, name) }

func newCheck(id, title string, run func(context.Context, *Env) Finding, needs ...string) Check {
	return doctor.NewCheck(id, title, needs, run)
}

// Checks are all of them, each after those that it needs.
func Checks() []Check {
	return []Check{
		newCheck("head-node", "this machine is the head node of a cluster", checkHeadNode),
		newCheck("head-unit", "prometheus.service runs", checkUnit),
		newCheck("head-config", "the head's configuration is valid", checkConfig),
		newCheck("remote-write", "remote_write has AMP's URL and signs for its region", checkRemoteWrite, "head-config"),
		newCheck("head-running", "the head answers", checkRunning, "head-unit", "head-config"),
		// From the exporters to the head.
		newCheck("node-program", "this node's exporter answers", checkNodeProgram, "head-node"),
		newCheck("slurm-answers", "slurmctld answers the head's commands", checkSlurm, "head-running", "head-node"),
		newCheck("clustermgtd", "clustermgtd's heartbeat is recent", checkClustermgtd, "head-running"),
		newCheck("discovery", "discovery of targets succeeds", checkDiscovery, "head-running"),
		newCheck("slurm-targets", "every node that is up in Slurm is a target", checkSlurmTargets, "head-running", "slurm-answers", "discovery"),
		newCheck("head-targets", "every target answers the head's scrapes", checkTargets, "head-running"),
		// From the head to AMP.
		newCheck("imds", "the node's role provides credentials", checkIMDS),
		newCheck("head-clock", "the clock of this node is correct", checkClock, "head-config"),
		newCheck("route-amp", "AMP is reachable", checkRouteAMP, "remote-write"),
		newCheck("route-s3", "S3 is reachable", checkRouteS3, "head-node"),
		newCheck("credentials", "AMP accepts the head's credentials", checkCredentials, "head-running", "remote-write", "imds", "head-clock"),
		newCheck("delivering", "AMP accepts the head's requests", checkDelivering, "head-running", "remote-write", "route-amp", "credentials"),
		newCheck("refused-series", "AMP accepts every series", checkRefused, "head-running"),
		newCheck("lost-samples", "no sample was lost in the last few minutes", checkLost, "head-running"),
		newCheck("waiting-age", "waiting samples are within AMP's age limit", checkAge, "head-running", "delivering"),
		newCheck("waiting-room", "the queue has free space", checkRoom, "head-running"),
		newCheck("head-disk", "the queue's disk can be read and written", checkDisk, "head-running"),
		newCheck("pcluster-diag", "pcluster-diag reports no problem", checkPclusterDiag),
	}
}
