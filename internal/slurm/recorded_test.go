package slurm_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parascope/parascope/internal/slurm"
)

// read returns what a parser makes of a recorded output.
func read[T any](t *testing.T, version, file string, parse func([]byte) (T, error)) T {
	t.Helper()
	v, err := parse(recorded(t, version, file))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestRecordedControllers(t *testing.T) {
	for _, version := range versions {
		t.Run(version, func(t *testing.T) {
			got := read(t, version, "scontrol-show-config.txt", slurm.ParseController)
			want := slurm.Controller{
				Version: version, Cluster: "hpc-prod", MinJobAge: 300 * time.Second, Accounting: true, Metrics: version == "25.11.7", Port: 6820,
			}
			if got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
	if _, err := slurm.ParseController([]byte("slurm_load_ctl_conf error: Unable to contact slurm controller\n")); err == nil {
		t.Error("no error for an output without a version")
	}
}

func TestRecordedReservations(t *testing.T) {
	parse := func(out []byte) ([]slurm.Reservation, error) { return slurm.ParseReservations(out, time.UTC) }
	for _, version := range versions {
		all := read(t, version, "scontrol-show-reservation.txt", parse)
		if len(all) != 2 || all[0].Name != "maint_w1" || !all[0].Maintenance() || all[0].Nodes != 2 || all[0].State != "active" ||
			all[1].Maintenance() || !slices.Equal(all[1].Users, []string{"alice"}) || all[1].Cores != 96 {
			t.Errorf("%s: %+v", version, all)
		}
	}
	all := read(t, "22.05.8", "scontrol-show-reservation-o.txt", parse) // with -o
	if len(all) != 2 || all[0].Name != "maint" || all[0].State != "inactive" || all[1].State != "active" ||
		!slices.Equal(all[1].Accounts, []string{"acct1"}) || all[0].End.Sub(all[0].Start) != time.Hour {
		t.Errorf("%+v", all)
	}
	if all, err := parse([]byte("No reservations in the system\n")); err != nil || len(all) > 0 {
		t.Errorf("%+v, %v", all, err)
	}
	if all, err := parse([]byte("ReservationName=a State=ACTIVE\nReservationName=a State=ACTIVE\nReservationName= x State=ACTIVE\n")); err ==
		nil || len(all) != 1 {
		t.Errorf("%+v, %v", all, err)
	}
}

func TestRecordedLicenses(t *testing.T) {
	all := read(t, "22.05.8", "scontrol-show-licenses-o.txt", slurm.ParseLicenses)
	want := []slurm.License{{Name: "ansys", Total: 4, Free: 4}, {Name: "matlab", Total: 10, Used: 9, Free: 1}}
	if !slices.Equal(all, want) {
		t.Errorf("got %+v, want %+v", all, want)
	}
	if all, err := slurm.ParseLicenses([]byte("No licenses configured in Slurm.\n")); err != nil || len(all) > 0 {
		t.Errorf("%+v, %v", all, err)
	}
}

// TestRecordedEnded reads what sacct printed of two jobs, an array, one that was requeued
// and one that was cancelled.
func TestRecordedEnded(t *testing.T) {
	at := func(clock string) time.Time {
		moment, err := time.Parse(time.RFC3339, "2026-11-29T"+clock+"Z")
		if err != nil {
			t.Fatal(err)
		}
		return moment
	}
	ended := func(since, until string, now ...slurm.Job) string {
		var all []string
		for _, j := range read(t, "22.05.8", "sacct-ended.txt", func(out []byte) ([]slurm.Job, error) {
			return slurm.ParseEnded(out, at(since), at(until), time.UTC, nil, now)
		}) {
			all = append(all, j.ID+" "+j.State+" "+j.Key())
		}
		return strings.Join(all, ", ")
	}
	pending := slurm.Job{RawID: "4", State: "pending", Restarts: 1} // its second run
	if got, want := ended("12:30:00", "13:00:00", pending), "1 completed 1/0, 2 failed 2/0, 4 requeued 4/0, "+
		"3_1 completed 5/0, 3_2 completed 6/0, 3_3 completed 3/0, 7 cancelled 7/0"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	third := slurm.Job{RawID: "4", State: "requeued", Restarts: 2, Start: at("12:40:04")} // the recorded one was not the first
	if got, want := ended("12:40:03", "12:40:05", third), "4 requeued 4/2, 3_3 completed 3/0"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if _, err := slurm.ParseEnded([]byte("1|1|x\n"), noon, noon, time.UTC, nil, nil); err == nil {
		t.Error("no error for a line with other separators")
	}
}

// TestTextAndJSONAgree holds the parsers of text against the JSON that was recorded at the
// same time.
func TestTextAndJSONAgree(t *testing.T) {
	for _, version := range versions[1:] { // scontrol and sdiag of 22.05 have no JSON
		t.Run(version, func(t *testing.T) {
			var doc struct {
				Nodes []struct {
					Name, Reason, Address, GRES string
					State, Partitions           []string
					CPUs                        int
					AllocCPUs                   int    `json:"alloc_cpus"`
					RealMemory                  int64  `json:"real_memory"`
					AllocMemory                 int64  `json:"alloc_memory"`
					ReasonUser                  string `json:"reason_set_by_user"`
				}
			}
			if err := json.Unmarshal(recorded(t, version, "scontrol-show-nodes.json"), &doc); err != nil {
				t.Fatal(err)
			}
			nodes, err := slurm.ParseNodes(recorded(t, version, "scontrol-show-nodes-o.txt"), time.UTC)
			if err != nil || len(doc.Nodes) == 0 {
				t.Fatalf("%d nodes, %v", len(doc.Nodes), err)
			}
			for _, want := range doc.Nodes {
				got := node(t, nodes, want.Name)
				state := []string{strings.ToLower(want.State[0])}
				for _, flag := range want.State[1:] {
					state = append(state, strings.ToLower(flag))
				}
				slices.Sort(state[1:])
				if all := append([]string{got.State}, got.Flags...); !slices.Equal(all, state) {
					t.Errorf("%s: state %v, in JSON %v", want.Name, all, state)
				}
				if got.CPUs != want.CPUs || got.CPUsAllocated != want.AllocCPUs || got.MemoryMB != want.RealMemory ||
					got.AllocMemoryMB != want.AllocMemory || got.Reason != want.Reason || got.Reason != "" && got.ReasonUser != want.ReasonUser ||
					!slices.Equal(got.Partitions, want.Partitions) || got.Address != want.Address {
					t.Errorf("got %+v\nin JSON %+v", got, want)
				}
			}
		})
	}
}
