package scrape

import (
	"bytes"
	"errors"
	"hash/maphash"
	"io"
	"math"
	"strconv"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/prometheus/prometheus/model/value"
)

// A page in Prometheus' text format is nearly the same as the one before. A line
// that is a known series, a blank and a number needs no lexer, nor does a line of
// metadata that did not change; each begins where one ends that the parser, or this,
// has understood. All others are the parser's.
type knownLines struct {
	body   []byte
	pos    int // where the next line begins
	typeAt int // where the last TYPE line begins, on which it depends what the parser makes of a label; -1: none
	again  int // bytes that the parser had to read twice for it
}

// enough is how many known series follow each other before the parser is left.
const enough = 4

// text reads a page in the text format to its end.
func (r *reading) text(body []byte) error {
	if body[len(body)-1] != '\n' {
		body = append(body, '\n') // the parser would, and could move the page
	}
	r.lines = knownLines{body: body, typeAt: -1}
	for r.lines.pos < len(body) {
		if r.lines.again <= len(body) {
			if err := r.knownText(); err != nil {
				return err
			}
		}
		if err := r.unknownText(); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
	}
	return nil
}

// knownText reads lines up to the first that is not known.
func (r *reading) knownText() error {
	l := &r.lines
	for l.pos < len(l.body) {
		rest := l.body[l.pos:]
		end := bytes.IndexByte(rest, '\n')
		line := rest[:end]
		switch {
		case end == 0:
		case line[0] == '#':
			isType, known := r.cache.metadata.Again(lineHash(r.cache.seeds[0], line))
			if !known {
				return nil
			}
			if isType {
				l.typeAt = l.pos
			}
		default:
			gap := bytes.LastIndexByte(line, ' ')
			if gap < 0 {
				return nil
			}
			v, ok := number(line[gap+1:])
			if !ok {
				return nil
			}
			place, _, known := r.cache.find(line[:gap])
			if !known {
				return nil
			}
			r.scraped++
			if err := r.check(); err != nil {
				return err
			}
			if err := r.known(place, shown{text: line[:gap], t: r.at, v: v}, false, nil); err != nil {
				return err
			}
		}
		l.pos += end + 1
	}
	return nil
}

// maxNumber is the length in bytes of a value that is read here.
const maxNumber = 64

// number reads a value as the parser does, or leaves it to the parser.
func number(text []byte) (float64, bool) {
	if len(text) > maxNumber {
		return 0, false
	}
	for _, c := range text {
		switch c {
		case '{', '\t', 'p', 'P', '_':
			return 0, false
		}
	}
	v, err := strconv.ParseFloat(string(text), 64)
	if math.IsNaN(v) {
		v = math.Float64frombits(value.NormalNaN)
	}
	return v, err == nil
}

// unknownText has the parser read lines, until enough are known. The page's end is
// io.EOF.
func (r *reading) unknownText() error {
	l := &r.lines
	from, start := l.pos, l.pos
	if l.typeAt >= 0 {
		start = l.typeAt
	}
	l.again += from - start
	r.parser = textparse.NewPromParser(l.body[start:], labels.NewSymbolTable(), false)
	for known := 0; known < enough || l.again > len(l.body); {
		entry, err := r.parser.Next()
		if err != nil {
			return err
		}
		token := r.token(entry)
		at := cap(l.body) - cap(token) // it is a part of the body
		if at < from {
			continue // read before
		}
		begin := l.pos
		end := at + len(token)
		l.pos = end + bytes.IndexByte(l.body[end:], '\n') + 1
		before := r.seenBefore
		if err := r.entry(entry); err != nil {
			return err
		}
		switch entry {
		case textparse.EntryType:
			l.typeAt = begin
			fallthrough
		case textparse.EntryHelp:
			line := bytes.TrimLeft(l.body[begin:l.pos-1], "\n")
			r.cache.metadata.Remember(entry == textparse.EntryType, lineHash(r.cache.seeds[0], line))
		case textparse.EntrySeries:
			if known++; r.seenBefore == before {
				known = 0
			}
		}
	}
	return nil
}

// token is a part of the entry that the parser is at.
func (r *reading) token(entry textparse.Entry) (b []byte) {
	switch entry {
	case textparse.EntryType:
		b, _ = r.parser.Type()
	case textparse.EntryHelp:
		b, _ = r.parser.Help()
	case textparse.EntryComment:
		b = r.parser.Comment()
	default:
		b, _, _ = r.parser.Series()
	}
	return b
}

func lineHash(seed maphash.Seed, line []byte) uint64 { return max(maphash.Bytes(seed, line), 1) }
