package queue

import (
	"encoding/json"
	"fmt"
	"maps"
)

// Dropped says why samples are permanently lost.
type Dropped uint8

// The reasons for a drop. Their numbers are written to disk: new ones go to the end.
const (
	TooOld      Dropped = iota // older than the receiver accepts
	QueueFull                  // the oldest, when the queue outgrew its limit
	TooLarge                   // one sample that is larger than the receiver accepts
	Corrupted                  // damaged or missing on disk
	Disk                       // could not be written to disk
	Unsupported                // what remote write 1.0, or the receiver, has no form for
	droppedReasons
)

var droppedNames = [droppedReasons]string{"too_old", "queue_full", "too_large", "corrupted", "disk", "unsupported"}

func (d Dropped) String() string { return droppedNames[d] }

// Uncertain says why it is not known whether samples arrived: the receiver
// refused them, or some of a batch without saying how many, or did not answer.
type Uncertain uint8

// The reasons for doubt. Their numbers are written to disk: new ones go to the end.
const (
	OutOfOrder         Uncertain = iota
	DuplicateTimestamp           // another value is stored for the same timestamp
	RefusedTooOld                // the receiver found a sample too old
	TooNew                       // the receiver found a sample too far in the future
	InvalidLabels                // names, values or number of labels
	InvalidHistogram
	Deduplicated // another replica's samples are taken in their place
	SeriesLimit  // refused in part for a limit, until they were too old
	Unanswered   // sent, and dropped before a request was answered
	uncertainReasons
)

var uncertainNames = [uncertainReasons]string{"out_of_order", "duplicate_timestamp", "too_old", "too_new", "invalid_labels",
	"invalid_histogram", "deduplicated", "limit", "unanswered"}

func (u Uncertain) String() string { return uncertainNames[u] }

// Outcome is what became of the samples of a record. Its sum is the number of
// samples that the record held.
type Outcome struct {
	Delivered uint64
	Uncertain [uncertainReasons]uint64
	Dropped   [droppedReasons]uint64
}

// Sum is the number of samples that it speaks of.
func (o *Outcome) Sum() uint64 {
	n := o.Delivered
	for _, v := range o.Uncertain {
		n += v
	}
	for _, v := range o.Dropped {
		n += v
	}
	return n
}

// Add adds p.
func (o *Outcome) Add(p Outcome) {
	o.Delivered += p.Delivered
	for i, v := range p.Uncertain {
		o.Uncertain[i] += v
	}
	for i, v := range p.Dropped {
		o.Dropped[i] += v
	}
}

// WorstDrop returns for which reason most samples were dropped since an earlier
// outcome, and whether any were.
func (o *Outcome) WorstDrop(since Outcome) (why Dropped, any bool) {
	var most uint64
	for i, v := range o.Dropped {
		if n := v - since.Dropped[i]; v > since.Dropped[i] && n > most {
			why, any, most = Dropped(i), true, n
		}
	}
	return why, any
}

// Ledger says what became of every sample that was taken. In samples:
//
//	Taken = Delivered + Queued + the sum of Uncertain + the sum of Dropped
type Ledger struct {
	Taken  uint64
	Queued uint64
	Outcome
}

// Add adds m.
func (l *Ledger) Add(m Ledger) {
	l.Taken += m.Taken
	l.Queued += m.Queued
	l.Outcome.Add(m.Outcome)
}

// Balanced reports whether the equation holds.
func (l *Ledger) Balanced() bool { return l.Taken == l.Queued+l.Sum() }

// Lost is how many samples were dropped, for all reasons.
func (l *Ledger) Lost() (n uint64) {
	for _, v := range l.Dropped {
		n += v
	}
	return n
}

// Doubtful is how many samples are uncertain, for all reasons.
func (l *Ledger) Doubtful() (n uint64) {
	for _, v := range l.Uncertain {
		n += v
	}
	return n
}

// UncertainByReason is Uncertain by the reasons' names, with those that are 0.
func (l *Ledger) UncertainByReason() map[string]uint64 {
	return byName(uncertainNames[:], l.Uncertain[:])
}

// DroppedByReason is Dropped by the reasons' names, with those that are 0.
func (l *Ledger) DroppedByReason() map[string]uint64 { return byName(droppedNames[:], l.Dropped[:]) }

func byName(names []string, counts []uint64) map[string]uint64 {
	m := make(map[string]uint64, len(names))
	for i, n := range counts {
		m[names[i]] = n
	}
	return m
}

func withoutZeros(m map[string]uint64) map[string]uint64 {
	maps.DeleteFunc(m, func(_ string, n uint64) bool { return n == 0 })
	return m
}

// ledgerJSON is a ledger with its reasons by name; those that are 0 are left out.
type ledgerJSON struct {
	Taken     uint64            `json:"taken"`
	Delivered uint64            `json:"delivered"`
	Queued    uint64            `json:"queued"`
	Uncertain map[string]uint64 `json:"uncertain"`
	Dropped   map[string]uint64 `json:"dropped"`
}

// MarshalJSON writes the reasons by name.
func (l Ledger) MarshalJSON() ([]byte, error) {
	j := ledgerJSON{l.Taken, l.Delivered, l.Queued, withoutZeros(l.UncertainByReason()), withoutZeros(l.DroppedByReason())}
	return json.Marshal(j)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (l *Ledger) UnmarshalJSON(b []byte) error {
	var j ledgerJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return fmt.Errorf("could not read delivery counts: %w", err)
	}
	*l = Ledger{Taken: j.Taken, Queued: j.Queued, Outcome: Outcome{Delivered: j.Delivered}}
	for i, name := range uncertainNames {
		l.Uncertain[i] = j.Uncertain[name]
	}
	for i, name := range droppedNames {
		l.Dropped[i] = j.Dropped[name]
	}
	return nil
}
