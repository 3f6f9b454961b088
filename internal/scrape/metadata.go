package scrape

import (
	"slices"
	"sync"
	"unique"

	"github.com/prometheus/common/model"
	promscrape "github.com/prometheus/prometheus/scrape"
)

// metadata is what a target says of its metrics. The same texts are on the pages
// of all targets of a kind, so they are kept once. A loop holds mu while it reads a
// page.
type metadata struct {
	mu    sync.Mutex
	all   []described
	index map[unique.Handle[string]]int
	last  int // which was described last: pages keep their order
	page  uint32
}

// described is one metric family.
type described struct {
	family, help, unit unique.Handle[string]
	kind               model.MetricType
	seen               uint32 // page
	helpLine, typeLine uint64 // hashes of the lines that say so; 0: there are none
}

// remembered is for how many pages a family is described after it is gone.
const remembered = 10

func newMetadata() *metadata {
	return &metadata{index: map[unique.Handle[string]]int{}}
}

// of returns the description of a family.
func (m *metadata) of(family []byte) *described {
	for _, i := range []int{m.last, m.last + 1} {
		if i < len(m.all) && m.all[i].family.Value() == string(family) {
			return m.touch(i)
		}
	}
	h := unique.Make(string(family))
	i, ok := m.index[h]
	if !ok {
		empty := unique.Make("")
		i = len(m.all)
		m.all = append(m.all, described{family: h, help: empty, unit: empty, kind: model.MetricTypeUnknown})
		m.index[h] = i
	}
	return m.touch(i)
}

// again notes that a line is on the page again, and reports whether it is a TYPE
// line; known is false if it is not the one that is expected.
func (m *metadata) again(line uint64) (isType, known bool) {
	for i := m.last; i < len(m.all) && i <= m.last+1; i++ {
		if d := &m.all[i]; d.helpLine == line || d.typeLine == line {
			m.touch(i)
			return d.typeLine == line, true
		}
	}
	return false, false
}

// remember notes by which line the family was described that was so last.
func (m *metadata) remember(isType bool, line uint64) {
	if d := &m.all[m.last]; isType {
		d.typeLine = line
	} else {
		d.helpLine = line
	}
}

func (m *metadata) touch(i int) *described {
	m.last = i
	m.all[i].seen = m.page
	return &m.all[i]
}

func (m *metadata) setType(family []byte, t model.MetricType) {
	d := m.of(family)
	d.kind, d.typeLine = t, 0
}

func (m *metadata) setHelp(family, help []byte) {
	d := m.of(family)
	d.helpLine = 0
	if d.help.Value() != string(help) {
		d.help = unique.Make(string(help))
	}
}

func (m *metadata) setUnit(family, unit []byte) {
	if d := m.of(family); d.unit.Value() != string(unit) {
		d.unit = unique.Make(string(unit))
	}
}

// turn ends a page that was good.
func (m *metadata) turn() {
	m.mu.Lock()
	defer m.mu.Unlock()
	gone := func(d described) bool { return m.page-d.seen > remembered }
	if slices.ContainsFunc(m.all, gone) {
		m.all = slices.DeleteFunc(m.all, gone)
		clear(m.index)
		for i, d := range m.all {
			m.index[d.family] = i
		}
	}
	m.last = 0
	m.page++
}

func (d *described) export() promscrape.MetricMetadata {
	return promscrape.MetricMetadata{MetricFamily: d.family.Value(), Type: d.kind, Help: d.help.Value(), Unit: d.unit.Value()}
}

// ListMetadata, GetMetadata, SizeMetadata and LengthMetadata are what a Target
// asks.
func (m *metadata) ListMetadata() []promscrape.MetricMetadata {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make([]promscrape.MetricMetadata, len(m.all))
	for i := range m.all {
		all[i] = m.all[i].export()
	}
	return all
}

// GetMetadata returns what is said of a family.
func (m *metadata) GetMetadata(family string) (promscrape.MetricMetadata, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	i, ok := m.index[unique.Make(family)]
	if !ok {
		return promscrape.MetricMetadata{}, false
	}
	return m.all[i].export(), true
}

// SizeMetadata returns how many bytes of text there are.
func (m *metadata) SizeMetadata() (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.all {
		d := m.all[i].export()
		n += len(d.Help) + len(d.Unit) + len(d.Type)
	}
	return n
}

// LengthMetadata returns how many families are described.
func (m *metadata) LengthMetadata() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.all)
}
