package metadata

import (
	"fmt"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
)

// TestWhatIsKeptIsBounded: a page of nothing but names and texts takes no more memory than others; what it
// said first is kept.
func TestWhatIsKeptIsBounded(t *testing.T) {
	m := New()
	help := []byte(strings.Repeat("x", 2*maxText))
	page := func() {
		for i := range 2 * maxFamilies {
			name := fmt.Appendf(nil, "family_%d", i)
			m.SetHelp(name, help)
			m.Remember(false, uint64(2*i+2))
			m.SetType(name, model.MetricTypeGauge)
			m.Remember(true, uint64(2*i+3))
		}
	}
	for range 2 {
		page()
		m.Turn()
		if n := m.LengthMetadata(); n != maxFamilies {
			t.Errorf("%d families are kept, want %d", n, maxFamilies)
		}
		if n := m.SizeMetadata(); n > maxTexts+maxFamilies*len(model.MetricTypeGauge) {
			t.Errorf("%d bytes of texts are kept", n)
		}
	}
	for name, want := range map[string]int{"family_0": maxText, fmt.Sprintf("family_%d", maxFamilies-1): 0} {
		if d, ok := m.GetMetadata(name); !ok || d.Type != model.MetricTypeGauge || len(d.Help) != want {
			t.Errorf("%s: %t, type %s, %d bytes of help", name, ok, d.Type, len(d.Help))
		}
	}
	if d, ok := m.GetMetadata(fmt.Sprintf("family_%d", maxFamilies)); ok {
		t.Errorf("%+v is kept", d)
	}

	// What is gone makes room.
	for range remembered + 2 {
		m.SetHelp([]byte("other"), []byte("short"))
		m.Turn()
	}
	page()
	m.Undo()
	if n := m.LengthMetadata(); n != 1 {
		t.Errorf("%d families are kept after a page that was not good", n)
	}
	m.SetHelp([]byte("third"), help)
	if d, _ := m.GetMetadata("third"); len(d.Help) != maxText {
		t.Errorf("%d bytes of help: the room of what is gone was not given back", len(d.Help))
	}

	before := m.Memory()
	m.SetType([]byte(strings.Repeat("x", 1000)), model.MetricTypeGauge)
	if n := m.Memory() - before; n < 1000 {
		t.Errorf("a family with a long name takes %d bytes", n)
	}
	m.Clear()
	if n := m.Memory(); n != 0 || m.LengthMetadata() != 0 {
		t.Errorf("%d families of %d bytes are left", m.LengthMetadata(), n)
	}
}
