package slurm_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parascope/parascope/internal/slurm"
)

// scripts writes programs in place of Slurm's commands and returns tools that run them. A test that a machine
// under load must not fail waits for them as long as it takes.
func scripts(t *testing.T, bodies map[string]string) slurm.Tools {
	t.Helper()
	tools := slurm.DefaultTools()
	tools.Dir, tools.Timeout = t.TempDir(), time.Hour
	for name, body := range bodies {
		if err := os.WriteFile(filepath.Join(tools.Dir, name), []byte("#!/bin/sh\n"+body+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return tools
}

// jobRow is a line of squeue of a job with an identifier.
func jobRow(id string) string {
	return strings.Join([]string{id, "1", "p", "u", "a", "PENDING", "None", "1", "1", "cpu=1", "", "", "", "", "", "0", "\n"}, "\x1f")
}

// wholeOutputs are what each parser reads, and what it makes of a text: how much there is, and its error.
func wholeOutputs(t *testing.T) map[string]struct {
	text  string
	parse func(string) (int, error)
} {
	t.Helper()
	read := func(version, file string) string { return string(recorded(t, version, file)) }
	_, shares, _ := strings.Cut(read("24.11.6", "sshare.txt"), "\n") // without the header
	return map[string]struct {
		text  string
		parse func(string) (int, error)
	}{
		"nodes": {read("24.11.6", "scontrol-show-nodes-o.txt"), func(s string) (int, error) {
			all, err := slurm.ParseNodes([]byte(s), time.UTC)
			return len(all), err
		}},
		"jobs": {jobRow("1") + jobRow("2") + jobRow("3"), func(s string) (int, error) {
			all, err := slurm.ParseJobs([]byte(s), time.UTC)
			return len(all), err
		}},
		"scheduler": {read("24.11.6", "sdiag.txt"), func(s string) (int, error) {
			all, err := slurm.ParseScheduler([]byte(s))
			return len(all.Values) + len(all.RPCs) + len(all.ByUser), err
		}},
		"shares": {shares, func(s string) (int, error) {
			all, err := slurm.ParseShares([]byte(s))
			return len(all), err
		}},
		"reservations": {read("22.05.8", "scontrol-show-reservation-o.txt"), func(s string) (int, error) {
			all, err := slurm.ParseReservations([]byte(s), time.UTC)
			return len(all), err
		}},
		"licences": {read("22.05.8", "scontrol-show-licenses-o.txt"), func(s string) (int, error) {
			all, err := slurm.ParseLicenses([]byte(s))
			return len(all), err
		}},
		"ended": {read("22.05.8", "sacct-ended.txt"), func(s string) (int, error) {
			all, err := slurm.ParseEnded([]byte(s), time.Time{}, noon.Add(24*time.Hour), time.UTC, nil, nil)
			return len(all), err
		}},
	}
}

// TestRecordWithoutItsEnd: an output whose last line stops before the fields that are read has no results and an
// error, also where the line is ended.
func TestRecordWithoutItsEnd(t *testing.T) {
	for name, o := range wholeOutputs(t) {
		if n, err := o.parse(o.text); n == 0 || err != nil {
			t.Fatalf("%s: %d, %v", name, n, err)
		}
		last := strings.LastIndexByte(strings.TrimRight(o.text, "\n"), '\n') + 1
		end := strings.TrimRight(o.text, "\n")
		switch name {
		case "nodes":
			end = end[:strings.LastIndex(end, " AllocTRES=")]
		case "reservations":
			end = end[:strings.LastIndex(end, " State=")]
		case "licences":
			end = end[:strings.LastIndex(end, " Reserved=")]
		case "shares", "ended", "jobs":
			end = end[:strings.LastIndexAny(end, "|\x1f")]
		case "scheduler": // of which each line is a record of its own
			last, end = 0, end[:last-1]
		}
		for at := last + len("ReservationName="); at < len(end); at++ {
			if n, err := o.parse(end[:at] + "\n"); n != 0 || err == nil {
				t.Errorf("%s, cut after %q: %d, %v", name, end[max(last, at-20):at], n, err)
				break
			}
		}
	}
}

// TestTakeOfCutOutput: a command that ends well, but whose last line does not, costs its part as one that fails.
func TestTakeOfCutOutput(t *testing.T) {
	outputs := wholeOutputs(t)
	for _, missing := range []int{0, 1, 40, 300} {
		cat := func(name string) string {
			text := outputs[name].text
			file := filepath.Join(t.TempDir(), name)
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			return fmt.Sprintf("exec head -c %d %s", max(len(text)-missing, 30), file)
		}
		tools := scripts(t, map[string]string{
			"scontrol": fmt.Sprintf("case \"$*\" in\n*nodes*) %s;;\n*reservation*) %s;;\n*licenses*) %s;;\nesac", cat("nodes"), cat("reservations"),
				cat("licences")),
			"squeue": cat("jobs"), "sdiag": cat("scheduler"), "sshare": cat("shares"), "sacct": cat("ended"),
		})
		s := slurm.Take(t.Context(), tools, slurm.TakeOptions{Shares: true, Now: time.Now})
		s.Time = noon.Add(24 * time.Hour)
		tools.TakeEnded(t.Context(), &s, noon, nil, time.Now)
		for name, p := range map[string]struct {
			part slurm.Part
			n    int
		}{
			"nodes": {s.NodesPart, len(s.Nodes)}, "jobs": {s.JobsPart, len(s.Jobs)}, "scheduler": {s.SchedulerPart, len(s.Scheduler.Values)},
			"shares": {s.SharesPart, len(s.Shares)}, "reservations": {s.ReservationsPart, len(s.Reservations)},
			"licences": {s.LicensesPart, len(s.Licenses)}, "ended": {s.EndedPart, len(s.Ended)},
		} {
			if whole := missing == 0; (p.part.Err == nil) != whole || (p.n > 0) != whole {
				t.Errorf("%s without the last %d bytes: %d results, %v", name, missing, p.n, p.part.Err)
			}
		}
	}
}
