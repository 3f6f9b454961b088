package slurm

import (
	"bytes"
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Scheduler is what sdiag says of slurmctld. Durations are in seconds. A number that
// this version of Slurm does not print is absent from Values.
type Scheduler struct {
	Since  time.Time // of the counters: slurmctld's start, its reset at midnight UTC, or sdiag --reset
	Values map[string]float64
	RPCs   []RPC
	ByUser []UserRPC
}

// RPC is how often slurmctld answered a kind of request since Scheduler.Since.
type RPC struct {
	Message string // REQUEST_JOB_INFO
	Count   float64
	Seconds float64 // in all
}

// UserRPC is the same by user.
type UserRPC struct {
	User    string
	Count   float64
	Seconds float64
}

// lines of sdiag that are read: its section, as it begins, and its label.
var sdiagLines = map[string]struct {
	name  string
	scale float64
}{
	"/Server thread count":   {"threads", 1},
	"/Agent queue size":      {"agent_queue", 1},
	"/Agent count":           {"agents", 1},
	"/DBD Agent queue size":  {"dbd_queue", 1},
	"/Jobs submitted":        {"jobs_submitted", 1},
	"/Jobs started":          {"jobs_started", 1},
	"/Jobs completed":        {"jobs_completed", 1},
	"/Jobs canceled":         {"jobs_canceled", 1},
	"/Jobs failed":           {"jobs_failed", 1},
	"Main/Last cycle":        {"cycle_last", 1e-6},
	"Main/Max cycle":         {"cycle_max", 1e-6},
	"Main/Mean cycle":        {"cycle_mean", 1e-6},
	"Main/Total cycles":      {"cycles", 1},
	"Main/Cycles per minute": {"cycles_per_minute", 1},
	"Main/Last queue length": {"queue_length", 1},
	"Main/Mean depth cycle":  {"cycle_depth_mean", 1},
	"Backfilling/Total backfilled jobs (since last slurm start)":       {"backfilled_jobs", 1},
	"Backfilling/Total backfilled jobs (since last stats cycle start)": {"backfilled_jobs_cycle", 1},
	"Backfilling/Total backfilled heterogeneous job components":        {"backfilled_het", 1},
	"Backfilling/Total cycles":                                         {"backfill_cycles", 1},
	"Backfilling/Last cycle":                                           {"backfill_cycle_last", 1e-6},
	"Backfilling/Max cycle":                                            {"backfill_cycle_max", 1e-6},
	"Backfilling/Mean cycle":                                           {"backfill_cycle_mean", 1e-6},
	"Backfilling/Last depth cycle":                                     {"backfill_depth_last", 1},
	"Backfilling/Depth Mean":                                           {"backfill_depth_mean", 1},
	"Backfilling/Last queue length":                                    {"backfill_queue_length", 1},
	"Backfilling/Queue length mean":                                    {"backfill_queue_length_mean", 1},
}

var (
	rpcLine   = regexp.MustCompile(`^\s*(\S+)\s+\(\s*\d+\)\s+count:(\d+)\s+ave_time:\d+\s+total_time:(\d+)`)
	epochText = regexp.MustCompile(`\((\d{1,12})\)`)
)

// lastSection is the last one that every version of sdiag prints: the requests that wait, or that none does.
const lastSection = "Pending RPC statistics"

// ParseScheduler reads the output of sdiag. Lines that are not indented begin a section, or
// belong to none. An output without the last section is cut off, which is an error.
func ParseScheduler(out []byte) (Scheduler, error) {
	s := Scheduler{Values: map[string]float64{}}
	section, whole := "", false
	for raw := range bytes.Lines(out) {
		line := strings.TrimRight(string(raw), "\r\n")
		indented := strings.HasPrefix(line, "\t") || strings.HasPrefix(line, " ")
		switch {
		case indented && strings.HasPrefix(section, "Remote"):
			s.addRPC(section, line)
		case indented:
			whole = whole || section == lastSection
			s.add(section, line)
		case strings.HasPrefix(line, "Data since"):
			if m := epochText.FindStringSubmatch(line); m != nil {
				seconds, _ := strconv.ParseInt(m[1], 10, 64) // digits, by the expression
				s.Since = time.Unix(seconds, 0)
			}
		case strings.HasPrefix(line, "Main schedule statistics"), strings.HasPrefix(line, "Backfilling stats"):
			section, _, _ = strings.Cut(line, " ")
		default:
			section = line // "Remote Procedure Call statistics by user", or one that is not read
			s.add("", line)
		}
	}
	switch {
	case len(s.Values) == 0:
		return Scheduler{}, errors.New("sdiag: the output does not contain any of the expected statistics")
	case !whole:
		return Scheduler{}, cutOff("sdiag")
	}
	return s, nil
}

// add takes a line "LABEL: NUMBER".
func (s *Scheduler) add(section, line string) {
	label, value, ok := strings.Cut(strings.TrimSpace(line), ":")
	if !ok {
		return
	}
	what, ok := sdiagLines[section+"/"+label]
	if !ok {
		return
	}
	if n, err := strconv.ParseFloat(strings.TrimSpace(value), 64); err == nil {
		s.Values[what.name] = n * what.scale
	}
}

func (s *Scheduler) addRPC(section, line string) {
	m := rpcLine.FindStringSubmatch(line)
	if m == nil {
		return
	}
	count, _ := strconv.ParseFloat(m[2], 64) // digits, by the expression
	total, _ := strconv.ParseFloat(m[3], 64)
	switch {
	case strings.Contains(section, "by message type"):
		if !slices.ContainsFunc(s.RPCs, func(r RPC) bool { return r.Message == m[1] }) {
			s.RPCs = append(s.RPCs, RPC{m[1], count, total * 1e-6})
		}
	case strings.Contains(section, "by user"):
		if !slices.ContainsFunc(s.ByUser, func(r UserRPC) bool { return r.User == m[1] }) {
			s.ByUser = append(s.ByUser, UserRPC{m[1], count, total * 1e-6})
		}
	}
}
