package sample

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
)

// Words are the labels that the series of a target are made of, each kept once, in
// the form that a request needs. Series share most of theirs: written with words,
// the labels of one take a dozen bytes instead of a hundred and more.
type Words struct {
	seed  maphash.Seed
	bytes []byte   // all labels, encoded
	ends  []uint32 // where each ends; the first is empty
	index []uint32 // numbers of words by their hash; 0: none; a power of two

	// UTF8 says that a label or metric among them has a name that is none of Prometheus
	// 2: some receivers refuse those.
	UTF8 bool

	own    []labels.Label // room for one series
	merger labels.ScratchBuilder
	merged labels.Labels
}

// NewWords returns none.
func NewWords() *Words {
	return &Words{seed: maphash.MakeSeed(), ends: []uint32{0}, index: make([]uint32, 64), merger: labels.NewScratchBuilder(16)}
}

// Len is how many words there are.
func (w *Words) Len() int { return len(w.ends) - 1 }

// Memory is how many bytes of memory they take.
func (w *Words) Memory() int { return cap(w.bytes) + 4*(cap(w.ends)+len(w.index)) }

// number returns the number of a word, which is added if need be.
func (w *Words) number(label []byte) uint32 {
	i := w.slot(label)
	if n := w.index[i]; n != 0 {
		return n
	}
	n := uint32(len(w.ends))
	w.bytes = append(w.bytes, label...)
	w.ends = append(w.ends, uint32(len(w.bytes)))
	w.index[i] = n
	if len(w.ends) > len(w.index)/4*3 {
		w.index = make([]uint32, 2*len(w.index))
		for n := 1; n < len(w.ends); n++ {
			w.index[w.slot(w.word(uint64(n)))] = uint32(n)
		}
	}
	return n
}

func (w *Words) slot(label []byte) int {
	mask := len(w.index) - 1
	for i := int(maphash.Bytes(w.seed, label)) & mask; ; i = (i + 1) & mask {
		if n := w.index[i]; n == 0 || bytes.Equal(w.word(uint64(n)), label) {
			return i
		}
	}
}

// word returns the word with a number of at least 1.
func (w *Words) word(n uint64) []byte { return w.bytes[w.ends[n-1]:w.ends[n]] }

// with returns a series' labels with others where it has none of the same name. They
// are good until the next call.
func (w *Words) with(others []labels.Label, ls labels.Labels) labels.Labels {
	w.own = w.own[:0]
	ls.Range(func(l labels.Label) { w.own = append(w.own, l) })
	w.merger.Reset()
	for _, l := range w.own {
		for len(others) > 0 && others[0].Name <= l.Name {
			if others[0].Name != l.Name && others[0].Value != "" {
				w.merger.Add(others[0].Name, others[0].Value)
			}
			others = others[1:]
		}
		w.merger.Add(l.Name, l.Value)
	}
	for _, l := range others {
		if l.Value != "" {
			w.merger.Add(l.Name, l.Value)
		}
	}
	w.merger.Overwrite(&w.merged)
	return w.merged
}

// Encode appends a series' labels to dst: how many bytes they are in a request, and
// the numbers of the words. They have the external labels, which are sorted by name,
// where the series has none of the same name; without a value they are no labels. series
// is the hash of all of them; it names the series and its lane.
func (w *Words) Encode(dst []byte, ls labels.Labels, external []labels.Label) (_ []byte, series uint64) {
	if len(external) > 0 {
		ls = w.with(external, ls)
	}
	return w.write(dst, ls), ls.Hash()
}

func (w *Words) write(dst []byte, ls labels.Labels) []byte {
	var room, number [64]byte
	encoded, numbers, size := room[:0], number[:0], 0
	ls.Range(func(l labels.Label) {
		encoded = appendLabel(encoded[:0], l)
		size += len(encoded)
		known := len(w.ends)
		number := w.number(encoded)
		if int(number) == known && !legacy(l) {
			w.UTF8 = true
		}
		numbers = binary.AppendUvarint(numbers, uint64(number))
	})
	return append(binary.AppendUvarint(dst, uint64(size)), numbers...)
}

// legacy reports whether a label has names as Prometheus 2 has them.
func legacy(l labels.Label) bool {
	return model.LegacyValidation.IsValidLabelName(l.Name) &&
		(l.Name != model.MetricNameLabel || model.LegacyValidation.IsValidMetricName(l.Value))
}

// Legacy reports whether all names of a series' labels are as Prometheus 2 has them.
func Legacy(ls labels.Labels) bool {
	all := true
	ls.Range(func(l labels.Label) { all = all && legacy(l) })
	return all
}

// Size splits what Encode appended: how many bytes the labels are in a request, and
// the numbers of their words.
func Size(written []byte) (size int, numbers []byte) {
	if len(written) == 0 {
		return 0, nil
	}
	n, used := binary.Uvarint(written)
	return int(n), written[used:]
}

// Spell appends the words with the numbers.
func (w *Words) Spell(dst, numbers []byte) []byte {
	for len(numbers) > 0 {
		n, used := uint64(numbers[0]), 1
		if n >= 0x80 {
			n, used = binary.Uvarint(numbers)
		}
		numbers = numbers[used:]
		dst = append(dst, w.word(n)...)
	}
	return dst
}

// Labels returns the labels that Encode wrote.
func (w *Words) Labels(written []byte) labels.Labels {
	_, numbers := Size(written)
	return DecodeLabels(w.Spell(nil, numbers))
}

// Move appends labels that were written with w to dst, written with others.
func (w *Words) Move(others *Words, dst, written []byte) []byte {
	n, numbers := Size(written)
	dst = binary.AppendUvarint(dst, uint64(n))
	for len(numbers) > 0 {
		n, used := binary.Uvarint(numbers)
		numbers = numbers[used:]
		dst = binary.AppendUvarint(dst, uint64(others.number(w.word(n))))
		others.UTF8 = others.UTF8 || w.UTF8
	}
	return dst
}
