package rules

import (
	"bytes"
	"fmt"

	"github.com/prometheus/common/model"
)

// Bounds of a series as a page shows it. The library that builds labels takes values
// below 16 MiB and panics at others, and relabelling takes time that grows with the
// square of their number. AMP takes 150 labels.
const (
	MaxSeriesBytes  = 1 << 20
	MaxSeriesLabels = 2000
	// LargeText is the size in bytes from which a series' text is worth a look before
	// its labels are built.
	LargeText = 4 << 10
)

// CheckText says what is wrong with the size of a series' text, before its labels
// are built. Without metric_relabel_configs, which may shorten them, the limits on
// labels hold for what is on the page.
func (r *Rules) CheckText(text []byte) error {
	var err error
	if open := bytes.IndexByte(text, '{'); open >= 0 {
		err = r.checkShown(text, open)
	} else if n := bytes.Count(text, []byte{0xff}) / 2; n > MaxSeriesLabels { // of a protobuf page
		err = tooManyLabels(text, n)
	}
	if err == nil && len(text) > MaxSeriesBytes {
		err = fmt.Errorf("a series is too large (metric: %.50s, bytes: %d, limit: %d)", text, len(text), MaxSeriesBytes)
	}
	return err
}

// checkShown looks at a series' labels as its text has them, behind the brace at open.
func (r *Rules) checkShown(text []byte, open int) error {
	metric, n := string(text[:min(open, 50)]), 0
	if open > 0 {
		n++
		if err := r.checkLabel(metric, []byte(model.MetricNameLabel), text[:open]); err != nil {
			return err
		}
	}
	for rest := text[open+1:]; ; {
		name, value, left, more := nextLabel(rest)
		if !more {
			break
		}
		rest = left
		if len(name) == 0 {
			name, metric = []byte(model.MetricNameLabel), string(value[:min(len(value), 50)])
		}
		if len(value) == 0 {
			continue // the same as none
		}
		if n++; n > MaxSeriesLabels {
			return tooManyLabels(text, n)
		}
		if err := r.checkLabel(metric, name, value); err != nil {
			return err
		}
	}
	if len(r.relabel) > 0 {
		return nil
	}
	return r.checkCount(metric, n)
}

func tooManyLabels(text []byte, n int) error {
	return fmt.Errorf("a series has too many labels (metric: %.50s, at least: %d, limit: %d)", text, n, MaxSeriesLabels)
}

// checkLabel holds a label to the limits, its value as the page writes it.
func (r *Rules) checkLabel(metric string, name, value []byte) error {
	if len(r.relabel) > 0 {
		return nil
	}
	n := len(value)
	for i := 0; i < len(value)-1; i++ {
		if value[i] == '\\' {
			n--
			i++
		}
	}
	return r.checkLengths(metric, string(name), string(value[:min(len(value), 64)]), n)
}

// nextLabel splits the first label from what follows the brace of a series' text.
// name is empty for a metric's name in quotes. more is false at the end, and where
// the text is none that a parser lets through.
func nextLabel(text []byte) (name, value, rest []byte, more bool) {
	text = bytes.TrimLeft(text, " \t\n,")
	if len(text) == 0 || text[0] == '}' {
		return nil, nil, nil, false
	}
	if text[0] == '"' {
		var token []byte
		if token, text, more = quoted(text); !more {
			return nil, nil, nil, false
		}
		if text = bytes.TrimLeft(text, " \t\n"); len(text) == 0 || text[0] != '=' {
			return nil, token, text, true
		}
		name = token
	} else {
		i := bytes.IndexByte(text, '=')
		if i < 0 {
			return nil, nil, nil, false
		}
		name, text = bytes.TrimRight(text[:i], " \t\n"), text[i:]
	}
	value, rest, more = quoted(bytes.TrimLeft(text[1:], " \t\n"))
	return name, value, rest, more
}

// quoted returns what is between the quotes at the begin of text, and what follows.
func quoted(text []byte) (token, rest []byte, ok bool) {
	if len(text) == 0 || text[0] != '"' {
		return nil, nil, false
	}
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return text[1:i], text[i+1:], true
		}
	}
	return nil, nil, false
}
