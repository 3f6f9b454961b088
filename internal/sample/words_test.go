package sample

import (
	"fmt"
	"testing"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/prompb"
)

// TestEncodeAndMove: labels are read as they were written, also after they moved to
// other words, and Size tells how many bytes they are in a request.
func TestEncodeAndMove(t *testing.T) {
	external := []labels.Label{{Name: "cluster", Value: "c"}, {Name: "n", Value: "external"}}
	w, others := NewWords(), NewWords()
	for i := range 1000 { // the index grows meanwhile
		ls := labels.FromStrings("__name__", "up", "n", fmt.Sprint(i))
		want := labels.FromStrings("__name__", "up", "cluster", "c", "n", fmt.Sprint(i))
		written, series := w.Encode(nil, ls, external)
		if got := w.Labels(written); !labels.Equal(got, want) || series != want.Hash() {
			t.Fatalf("%s is read as %s, series %x", want, got, series)
		}
		moved := w.Move(others, nil, written)
		if got := others.Labels(moved); !labels.Equal(got, want) {
			t.Fatalf("%s is read as %s after it moved", want, got)
		}
		message := prompb.TimeSeries{Labels: prompb.FromLabels(want, nil)}
		n, numbers := Size(moved)
		if spelled := others.Spell(nil, numbers); n != message.Size() || len(spelled) != n {
			t.Fatalf("%s: Size says %d, %d bytes are spelled, want %d", want, n, len(spelled), message.Size())
		}
	}
}
