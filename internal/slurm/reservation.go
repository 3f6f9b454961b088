package slurm

import (
	"bytes"
	"fmt"
	"strings"
	"time"
)

// ReservationsArgs are the arguments of scontrol for ParseReservations.
var ReservationsArgs = []string{"show", "reservation", "-o"}

// Reservation is a reservation of nodes.
type Reservation struct {
	Name       string
	State      string // in lower case: active, inactive
	Partition  string
	Users      []string
	Accounts   []string
	Flags      []string
	Nodes      int
	Cores      int
	Start, End time.Time
}

// Maintenance reports whether it is for maintenance of the nodes.
func (r *Reservation) Maintenance() bool {
	for _, flag := range r.Flags {
		if flag == "MAINT" {
			return true
		}
	}
	return false
}

// ParseReservations reads the output of scontrol show reservation, one on a line or with
// indented lines that go on. Records that are no reservation are counted in an error;
// a last one without a state means that the output is cut off, which is an error without reservations.
func ParseReservations(out []byte, zone *time.Location) ([]Reservation, error) {
	var all []Reservation
	var bad int
	seen := map[string]bool{}
	var cut bool
	for _, r := range splitRecords(out, "ReservationName=") {
		name := r.get("ReservationName")
		if cut = !r.has("State"); name == "" || cut || seen[name] {
			bad++
			continue
		}
		seen[name] = true
		all = append(all, Reservation{
			Name: name, State: strings.ToLower(r.get("State")), Partition: r.get("PartitionName"), Users: list(r.get("Users")),
			Accounts: list(r.get("Accounts")), Flags: list(r.get("Flags")), Nodes: number(r.get("NodeCnt")), Cores: number(r.get("CoreCnt")),
			Start: moment(r.get("StartTime"), zone), End: moment(r.get("EndTime"), zone),
		})
	}
	switch {
	case cut:
		return nil, cutOff("scontrol show reservation")
	case bad > 0:
		return all, fmt.Errorf("scontrol show reservation: %d records have no name or state, or are duplicates", bad)
	}
	return all, nil
}

// splitRecords returns the records that begin with a field; lines of a record are one.
// Lines before the first, such as "No reservations in the system", belong to none.
func splitRecords(out []byte, first string) []record {
	var all []record
	for line := range bytes.Lines(out) {
		if len(line) > maxLine {
			continue
		}
		text := strings.TrimSpace(string(line))
		switch {
		case strings.HasPrefix(text, first):
			all = append(all, record{text})
		case len(all) > 0 && text != "":
			all[len(all)-1] = append(all[len(all)-1], text)
		}
	}
	return all
}
