package delivery

import (
	"cmp"
	"slices"
	"time"
)

// Refused are the series that a receiver does not take. Others do not wait for them.
type Refused struct {
	Series  int             `json:"series"`          // that are refused now
	Samples int             `json:"samples"`         // of them that wait apart, within the ledger's queued
	Named   []RefusedSeries `json:"named,omitempty"` // some of them
}

// RefusedSeries is one of them.
type RefusedSeries struct {
	Series  string    `json:"series"`
	Since   time.Time `json:"since"`
	Waiting int       `json:"waiting"` // samples
	Text    string    `json:"text"`    // the receiver's
}

// Trim keeps the n series that are refused longest, in a fixed order.
func (r *Refused) Trim(n int) {
	slices.SortFunc(r.Named, func(a, b RefusedSeries) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Series, b.Series))
	})
	r.Named = slices.Clone(r.Named[:min(n, len(r.Named))])
}

// Add adds others, of which it then names n.
func (r *Refused) Add(o Refused, n int) {
	r.Series += o.Series
	r.Samples += o.Samples
	r.Named = append(slices.Clone(r.Named), o.Named...)
	r.Trim(n)
}
