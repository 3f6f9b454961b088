package pcluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/parascope/parascope/internal/collect/page"
	"github.com/parascope/parascope/internal/collect/read"
)

const (
	maxSeries    = 500 // of one family: codes and names come from outside
	maxStateFile = 4 << 20
	maxReading   = 500 * time.Millisecond // of all files; see Options.MaxRead
)

// keys of the families that events count.
const (
	launchFailures    = "launch"
	bootstrapFailures = "bootstrap"
	healthFailures    = "health"
	lostInstances     = "lost"
	notResponding     = "responding"
	nodeChecks        = "check"
	actionFailures    = "action"
	recipeFailures    = "recipe"
	capacityRefusals  = "capacity"
	disabledQueues    = "disabled"
)

func family(name, help string, labels ...string) *page.Family {
	return &page.Family{Name: name, Help: help, Type: page.Counter, Labels: append([]string{"queue", "compute_resource"}, labels...),
		Source: "clustermgtd.events, slurm_resume.events", Where: "head node"}
}

func logFamily(name, help string, labels ...string) *page.Family {
	return &page.Family{Name: name, Help: help, Type: page.Counter, Labels: labels, Source: "clustermgtd, slurm_resume.log",
		Where: "head node"}
}

// counted are the families that events count, in the order of the page.
var counted = []struct {
	key    string
	family *page.Family
}{
	{launchFailures, family("parallelcluster_node_launch_failures_total",
		"Nodes that EC2 did not launch, by ParallelCluster failure type and EC2 error code. The events do not contain the instance type and "+
			"the zone; see parallelcluster_insufficient_capacity_total.", "failure_type", "error_code")},
	{capacityRefusals, logFamily("parallelcluster_insufficient_capacity_total",
		"Requests that EC2 refused because of insufficient capacity for the instance type; the zone is empty if EC2 did not name one.",
		"instance_type", "availability_zone")},
	{bootstrapFailures, family("parallelcluster_node_bootstrap_failures_total",
		"Nodes that did not finish their start. ParallelCluster counts them towards protected mode.", "failure_type")},
	{disabledQueues, logFamily("parallelcluster_queues_disabled_total",
		"Times that protected mode set the queue to INACTIVE because its nodes did not start.", "queue")},
	{healthFailures, family("parallelcluster_node_health_check_failures_total",
		"Nodes that ParallelCluster replaced because of a failed EC2 health check or a scheduled event.", "check")},
	{lostInstances, family("parallelcluster_node_instances_lost_total", "Nodes whose EC2 instance no longer exists.")},
	{notResponding, family("parallelcluster_nodes_not_responding_total", "Nodes that Slurm set to DOWN because they did not respond.")},
	{nodeChecks, family("parallelcluster_compute_health_checks_total", "Health checks that ran before jobs, by result: ok, failed or error.",
		"check", "result")},
	{actionFailures, family("parallelcluster_custom_action_failures_total", "Failed custom actions of the cluster configuration.", "action",
		"stage")},
	{recipeFailures, family("parallelcluster_bootstrap_recipe_failures_total",
		"Failed Chef recipes in the ParallelCluster bootstrap of the node.", "cookbook", "recipe")},
}

var (
	heartbeat = &page.Family{Name: "parallelcluster_clustermgtd_heartbeat_timestamp_seconds", Type: page.Gauge, Unit: "seconds",
		Help:   "Last heartbeat of clustermgtd, in Unix seconds. Compute nodes terminate themselves when it is older than 600 s.",
		Source: "clustermgtd_heartbeat", Where: "head node"}
	fleetStatus = &page.Family{Name: "parallelcluster_compute_fleet_status", Type: page.Gauge, Labels: []string{"status"},
		Help: "1 for the current status of the compute fleet, such as RUNNING, STOPPED or PROTECTED. The status applies to all queues; " +
			"parallelcluster_queues_disabled_total counts the queues that protected mode disabled.", Source: "computefleet-status.json",
		Where: "head node"}
	unread = &page.Family{Name: "parallelcluster_events_unread_total", Type: page.Counter,
		Help: "Lines of event files that could not be parsed or were too long.", Source: "*.events", Where: "head node"}
	backlog = &page.Family{Name: "parallelcluster_file_unread_bytes", Type: page.Gauge, Unit: "bytes", Labels: []string{"file"},
		Help:   "Bytes of the file that have not been read yet, including an incomplete last line. A scrape reads up to 32 MiB of a file.",
		Source: "the head program", Where: "head node"}
	readSuccess = &page.Family{Name: "parallelcluster_file_success", Type: page.Gauge, Labels: []string{"file"},
		Help: "1 if the file was read, 0 if not; the metrics of a file that was not read are absent.", Source: "the head " +
			"program", Where: "head node"}
)

// Families are all families of the page.
func Families() []*page.Family {
	all := []*page.Family{heartbeat, fleetStatus}
	for _, c := range counted {
		all = append(all, c.family)
	}
	return append(all, unread, backlog, readSuccess)
}

// Options of a Collector.
type Options struct {
	Root      string // the directory that stands for /
	StateFile string // where counts and places in files are kept; empty: they are not kept
	Logger    *slog.Logger
	MaxRead   int64 // bytes of each file that one reading takes at most; it also ends after half a second
	Now       func() time.Time
}

// DefaultOptions are those of a head node.
func DefaultOptions() Options {
	return Options{Root: "/", Logger: slog.New(slog.DiscardHandler), MaxRead: 32 << 20, Now: time.Now}
}

// Validate reports the first option that cannot work.
func (o Options) Validate() error {
	if o.Root == "" || o.Logger == nil || o.Now == nil {
		return errors.New("pcluster: Root, Logger and Now are needed")
	}
	if o.MaxRead < maxChunk {
		return fmt.Errorf("pcluster: MaxRead must be %d bytes or more", maxChunk)
	}
	return nil
}

// Where ParallelCluster has its files.
const (
	heartbeatFile = "opt/slurm/etc/pcluster/.slurm_plugin/clustermgtd_heartbeat"
	statusFile    = "opt/parallelcluster/shared/computefleet-status.json"
	logDirectory  = "var/log/parallelcluster"
	// bootstrapErrors has why the start of this machine failed, as events.
	bootstrapErrors = "bootstrap_error_msg"
)

var eventFiles = []string{"clustermgtd.events", "slurm_resume.events", "slurm_health_check.events", "compute_health_check.events",
	bootstrapErrors}

// logFiles have what the events do not have.
var logFiles = []string{"clustermgtd", "slurm_resume.log"}

// Collector follows ParallelCluster's files.
type Collector struct {
	o  Options
	mu sync.Mutex // held by Read

	files  []*follower // the event files, then the logs
	counts map[string]map[[4]string]float64
	unread float64
}

// saved is the state on disk.
type saved struct {
	Version int
	Places  map[string]place
	Counts  map[string][]savedCount
	Unread  float64
}

type savedCount struct {
	Labels [4]string
	Value  float64
}

const savedVersion = 1

// New returns a collector. A state file that cannot be read is logged, and counting begins
// at 0 and at the ends of the files.
func New(o Options) (*Collector, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	c := &Collector{o: o, counts: map[string]map[[4]string]float64{}}
	for _, name := range slices.Concat(eventFiles, logFiles) {
		c.files = append(c.files, &follower{path: filepath.Join(o.Root, logDirectory, name)})
	}
	for _, f := range counted {
		c.counts[f.key] = map[[4]string]float64{}
	}
	if o.StateFile != "" {
		if err := c.load(); err != nil {
			o.Logger.Warn("could not read the saved event counters of ParallelCluster; they restart at 0", "err", err)
		}
	}
	return c, nil
}

// ServeHTTP answers with what is new in the files, as metrics.
func (c *Collector) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	var p page.Page
	c.Read(&p)
	if err := p.Err(); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	if _, err := w.Write(p.Bytes()); err != nil {
		c.o.Logger.Debug("the client closed the connection before the page was sent", "err", err)
	}
}

// Read takes what is new in the files and writes the page.
func (c *Collector) Read(p *page.Page) {
	c.mu.Lock()
	defer c.mu.Unlock()
	failed := c.readFiles()
	beat, err := c.readHeartbeat()
	failed["clustermgtd_heartbeat"] = err
	status, statusErr := c.readStatus()
	failed["computefleet-status.json"] = statusErr
	if err == nil {
		p.Sample(heartbeat, float64(beat.UnixMilli())/1000)
	}
	if statusErr == nil {
		p.Sample(fleetStatus, 1, status)
	}
	for _, f := range counted {
		counts := c.counts[f.key]
		for _, labels := range slices.SortedFunc(maps.Keys(counts), func(a, b [4]string) int { return slices.Compare(a[:], b[:]) }) {
			p.Sample(f.family, counts[labels], labels[:len(f.family.Labels)]...)
		}
	}
	p.Sample(unread, c.unread)
	for _, f := range c.files {
		p.Sample(backlog, float64(f.left), filepath.Base(f.path))
	}
	for _, name := range slices.Sorted(maps.Keys(failed)) {
		success := 1.0
		if failed[name] != nil {
			success = 0
			c.o.Logger.Warn("could not read a file of ParallelCluster", "file", name, "err", failed[name])
		}
		p.Sample(readSuccess, success, name)
	}
	if c.o.StateFile != "" {
		if err := c.save(); err != nil {
			c.o.Logger.Warn("could not save the event counters of ParallelCluster", "err", err)
		}
	}
}

// readFiles takes what is new in the files, in turn, and returns why one could not be read. It ends when nothing is left,
// or when it has taken its share: a scrape does not wait for a backlog.
func (c *Collector) readFiles() map[string]error {
	failed := map[string]error{}
	end := c.o.Now().Add(maxReading)
	for range c.o.MaxRead / maxChunk {
		more := false
		for i, f := range c.files {
			before, tooLong := f.at, f.tooLong
			take := c.countEvent
			if i >= len(eventFiles) {
				take = c.countLogLine
			}
			failed[filepath.Base(f.path)] = f.read(take)
			if more = more || f.left > 0 && f.at != before; i < len(eventFiles) {
				c.unread += f.tooLong - tooLong
			}
		}
		if !more || !c.o.Now().Before(end) {
			break
		}
	}
	return failed
}

func (c *Collector) countEvent(line []byte) {
	counts, err := readEvent(line)
	if err != nil {
		c.unread++
	}
	c.add(counts)
}

func (c *Collector) countLogLine(line []byte) { c.add(readLogLine(line)) }

func (c *Collector) add(counts []count) {
	for _, n := range counts {
		all := c.counts[n.family]
		if _, known := all[n.labels]; !known && len(all) >= maxSeries {
			n.labels = [4]string{"other", "other", "other", "other"}
		}
		all[n.labels] += n.by
	}
}

// readHeartbeat reads clustermgtd's heartbeat, "2026-11-29 12:00:00.123456+0000".
func (c *Collector) readHeartbeat() (time.Time, error) {
	b, err := readSmall(filepath.Join(c.o.Root, heartbeatFile))
	if err != nil {
		return time.Time{}, err
	}
	return time.Parse("2006-01-02 15:04:05.999999-0700", strings.TrimSpace(string(b)))
}

func (c *Collector) readStatus() (string, error) {
	b, err := readSmall(filepath.Join(c.o.Root, statusFile))
	if err != nil {
		return "", err
	}
	var s struct{ Status string }
	if err := json.Unmarshal(b, &s); err != nil {
		return "", err
	}
	if s.Status == "" {
		return "", errors.New("the file has no status")
	}
	return s.Status, nil
}

// readSmall reads a regular file of up to 64 KiB.
func readSmall(name string) ([]byte, error) { return read.Regular(name, 64<<10) }

func (c *Collector) save() error {
	s := saved{Version: savedVersion, Places: map[string]place{}, Counts: map[string][]savedCount{}, Unread: c.unread}
	for _, f := range c.files {
		if f.begun {
			s.Places[filepath.Base(f.path)] = f.at
		}
	}
	for key, counts := range c.counts {
		for labels, value := range counts {
			s.Counts[key] = append(s.Counts[key], savedCount{labels, value})
		}
	}
	b, err := json.Marshal(s)
	if err != nil {
		return err
	}
	temporary := c.o.StateFile + ".new"
	if err := os.WriteFile(temporary, b, 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, c.o.StateFile)
}

func (c *Collector) load() error {
	b, err := read.Regular(c.o.StateFile, maxStateFile)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var s saved
	if err := json.Unmarshal(b, &s); err != nil || s.Version != savedVersion {
		return fmt.Errorf("%s was written by another version", c.o.StateFile)
	}
	for _, f := range c.files {
		if at, ok := s.Places[filepath.Base(f.path)]; ok && at.Offset >= 0 {
			f.at, f.begun = at, true
		}
	}
	for key, counts := range s.Counts {
		for _, n := range counts {
			if all := c.counts[key]; all != nil && len(all) <= maxSeries && n.Value >= 0 {
				all[n.Labels] = n.Value
			}
		}
	}
	c.unread = max(s.Unread, 0)
	return nil
}
