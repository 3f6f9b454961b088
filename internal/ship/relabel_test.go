package ship

import (
	"fmt"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/parascope/parascope/internal/sample"
)

// asks has the rules relabel a series of a number, and reports whether they had to.
func asks(r *relabeler, i int) (applied bool) {
	w := sample.NewWords()
	written, series := w.Encode(nil, labels.FromStrings("__name__", "a", "n", fmt.Sprint(i)), nil)
	_, inNewer := r.newer[series]
	_, inOlder := r.older[series]
	r.relabel(series, w, written)
	return !inNewer && !inOlder
}

func rulesOf(t *testing.T, yaml string) *relabeler {
	c := parse(t, "remote_write: [{url: 'http://x/', write_relabel_configs: ["+yaml+"]}]")
	return newRelabeler(c.RemoteWriteConfigs[0].WriteRelabelConfigs)
}

// TestRelabellingRemembersWhatIsThere: however many series come and go, little is
// remembered of them; series that stay are remembered, also when they are many.
func TestRelabellingRemembersWhatIsThere(t *testing.T) {
	r := rulesOf(t, "{target_label: x, replacement: y}")
	for i := range 8 * leastHalf {
		asks(r, i)
		if n := len(r.newer) + len(r.older); n > 4*leastHalf {
			t.Fatalf("%d series are remembered after %d that came and went", n, i)
		}
	}
	const stay = 3 * leastHalf
	applied := 0
	for round := range 4 {
		applied = 0
		for i := range stay {
			if asks(r, -i-1) {
				applied++
			}
		}
		t.Logf("round %d: %d of %d series were relabelled", round, applied, stay)
	}
	if applied > 0 {
		t.Errorf("%d of %d series that stay are relabelled again and again", applied, stay)
	}
	r.forget()
	r.forget()
	if n := len(r.newer) + len(r.older); n != 0 {
		t.Errorf("%d series are remembered that nobody asks for", n)
	}
}

// TestRulesThatMakeTooMuch: a label that the library cannot encode drops its series.
func TestRulesThatMakeTooMuch(t *testing.T) {
	r := rulesOf(t, "{source_labels: [x], target_label: y, replacement: '"+strings.Repeat("$1", 17)+"'}")
	w := sample.NewWords()
	written, series := w.Encode(nil, labels.FromStrings("__name__", "a", "x", strings.Repeat("x", 1<<20)), nil)
	if one := r.relabel(series, w, written); len(one.labels) > 0 {
		t.Errorf("a series of %d bytes is kept", len(one.labels))
	}
	written, series = w.Encode(nil, labels.FromStrings("__name__", "a", "x", "x"), nil)
	if one := r.relabel(series, w, written); len(one.labels) == 0 {
		t.Error("the next series is dropped")
	}
}
