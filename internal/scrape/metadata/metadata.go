// Package metadata keeps what targets say of their metrics. The same texts are on
// the pages of all targets of a kind, so they are kept once.
package metadata

import (
	"slices"
	"sync"
	"unique"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/scrape"
)

// Store is what one target says. Who reads a page holds the lock for the methods
// that change it.
type Store struct {
	sync.Mutex
	all   []described
	index map[string]int
	good  int // how many were described when the last good page ended
	last  int // which was described last: pages keep their order; len(all) or more: none
	page  uint32
	texts int // bytes of help and units
	names int // bytes of families
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

// Texts that are longer, in bytes, are cut: receivers keep 1 kB. Of one target only so many
// families, and so many bytes of help and units, are kept: the budget of pages does not cover them.
const (
	maxText     = 4 << 10
	maxFamilies = 20_000
	maxTexts    = 2 << 20
)

func cut(text []byte) []byte { return text[:min(len(text), maxText)] }

// New returns a store that is empty.
func New() *Store {
	return &Store{index: map[string]int{}}
}

// of returns the description of a family; nil for one beyond maxFamilies.
func (m *Store) of(family []byte) *described {
	family = cut(family)
	for _, i := range []int{m.last, m.last + 1} {
		if i < len(m.all) && m.all[i].family.Value() == string(family) {
			return m.touch(i)
		}
	}
	i, ok := m.index[string(family)]
	if !ok {
		i = len(m.all)
		if i >= maxFamilies {
			m.last = i
			return nil
		}
		h, empty := unique.Make(string(family)), unique.Make("")
		m.all = append(m.all, described{family: h, help: empty, unit: empty, kind: model.MetricTypeUnknown})
		m.index[h.Value()] = i
		m.names += len(family)
	}
	return m.touch(i)
}

// Again notes that a line is on the page again, and reports whether it is a TYPE
// line; known is false if it is not the one that is expected.
func (m *Store) Again(line uint64) (isType, known bool) {
	for i := m.last; i < len(m.all) && i <= m.last+1; i++ {
		if d := &m.all[i]; d.helpLine == line || d.typeLine == line {
			m.touch(i)
			return d.typeLine == line, true
		}
	}
	return false, false
}

// Remember notes by which line the family was described that was so last.
func (m *Store) Remember(isType bool, line uint64) {
	if m.last >= len(m.all) {
		return
	}
	if d := &m.all[m.last]; isType {
		d.typeLine = line
	} else {
		d.helpLine = line
	}
}

func (m *Store) touch(i int) *described {
	m.last = i
	m.all[i].seen = m.page
	return &m.all[i]
}

// SetType, SetHelp and SetUnit note what the page says of a family.
func (m *Store) SetType(family []byte, t model.MetricType) {
	if d := m.of(family); d != nil {
		d.kind, d.typeLine = t, 0
	}
}

// SetHelp: see SetType.
func (m *Store) SetHelp(family, help []byte) {
	if d := m.of(family); d != nil {
		d.helpLine = 0
		m.set(&d.help, help)
	}
}

// set changes a text. One beyond maxTexts is left out.
func (m *Store) set(to *unique.Handle[string], text []byte) {
	text = cut(text)
	has := len(to.Value())
	if m.texts-has+len(text) > maxTexts {
		text = nil
	}
	if to.Value() != string(text) {
		m.texts += len(text) - has
		*to = unique.Make(string(text))
	}
}

// SetUnit: see SetType.
func (m *Store) SetUnit(family, unit []byte) {
	if d := m.of(family); d != nil {
		m.set(&d.unit, unit)
	}
}

// Turn ends a page that was good. It takes the lock itself.
func (m *Store) Turn() {
	m.Lock()
	defer m.Unlock()
	gone := func(d described) bool { return m.page-d.seen > remembered }
	if slices.ContainsFunc(m.all, gone) {
		m.all = slices.DeleteFunc(m.all, gone)
		clear(m.index)
		for i, d := range m.all {
			m.index[d.family.Value()] = i
		}
		m.count()
	}
	m.last, m.good = 0, len(m.all)
	m.page++
}

// Undo ends a page that was not good. Families that no good page described are kept,
// as in Prometheus, until they are many. It takes the lock itself.
func (m *Store) Undo() {
	m.Lock()
	defer m.Unlock()
	if len(m.all) <= 2*m.good+1000 {
		return
	}
	for _, d := range m.all[m.good:] {
		delete(m.index, d.family.Value())
	}
	clear(m.all[m.good:])
	m.all, m.last = m.all[:m.good], 0
	m.count()
}

// Clear forgets all families. It takes the lock itself.
func (m *Store) Clear() {
	m.Lock()
	defer m.Unlock()
	m.all, m.index, m.good, m.last = nil, map[string]int{}, 0, 0
	m.count()
}

// familyBytes is what a family takes beside its texts: its description, and its place in
// two maps.
const familyBytes = 200

// Memory is how many bytes of memory the store takes, with all texts, though it may
// share some with others. Who reads a page calls it.
func (m *Store) Memory() int { return len(m.all)*familyBytes + m.names + m.texts }

// count counts the bytes of all texts.
func (m *Store) count() {
	m.texts, m.names = 0, 0
	for i := range m.all {
		m.names += len(m.all[i].family.Value())
		m.texts += len(m.all[i].help.Value()) + len(m.all[i].unit.Value())
	}
}

func (d *described) export() scrape.MetricMetadata {
	return scrape.MetricMetadata{MetricFamily: d.family.Value(), Type: d.kind, Help: d.help.Value(), Unit: d.unit.Value()}
}

// ListMetadata, GetMetadata, SizeMetadata and LengthMetadata are what a Target
// asks.
func (m *Store) ListMetadata() []scrape.MetricMetadata {
	m.Lock()
	defer m.Unlock()
	all := make([]scrape.MetricMetadata, len(m.all))
	for i := range m.all {
		all[i] = m.all[i].export()
	}
	return all
}

// GetMetadata returns what is said of a family.
func (m *Store) GetMetadata(family string) (scrape.MetricMetadata, bool) {
	m.Lock()
	defer m.Unlock()
	i, ok := m.index[family]
	if !ok {
		return scrape.MetricMetadata{}, false
	}
	return m.all[i].export(), true
}

// SizeMetadata returns how many bytes of text there are.
func (m *Store) SizeMetadata() (n int) {
	m.Lock()
	defer m.Unlock()
	for i := range m.all {
		d := m.all[i].export()
		n += len(d.Help) + len(d.Unit) + len(d.Type)
	}
	return n
}

// LengthMetadata returns how many families are described.
func (m *Store) LengthMetadata() int {
	m.Lock()
	defer m.Unlock()
	return len(m.all)
}
