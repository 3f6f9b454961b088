package scrape

import (
	"bytes"
	"fmt"

	"github.com/prometheus/prometheus/model/textparse"

	"github.com/parascope/parascope/internal/scrape/messages"
	"github.com/parascope/parascope/internal/scrape/rules"
)

// maxLine bounds a line of text: the parsers copy what they do not understand into
// their errors, several times. A series with escapes may be longer than it is.
const maxLine = 2 * rules.MaxSeriesBytes

// checkSizes says what of a page is too large, before it is parsed.
func (r *reading) checkSizes(body []byte) (err error) {
	if _, ok := r.parser.(*textparse.ProtobufParser); !ok {
		return r.checkLines(body)
	}
	limits := messages.Limits{Bytes: rules.MaxSeriesBytes, Labels: rules.MaxSeriesLabels}
	if r.decoded, err = messages.Check(body, limits); err != nil {
		return err
	}
	return r.loop.manager.Budget.Grow(&r.loop.fetcher.share, r.need())
}

// checkLines says what is wrong with the size of a page's lines.
func (r *reading) checkLines(body []byte) error {
	if len(body) <= maxLine {
		return nil
	}
	for rest := body; len(rest) > maxLine; {
		end := bytes.IndexByte(rest, '\n')
		if end < 0 {
			end = len(rest)
		}
		if end > maxLine {
			line := rest[:end]
			if err := r.loop.rules.CheckText(line); err != nil && line[0] != '#' {
				return r.exceeded(err)
			}
			return fmt.Errorf("a line is too large (begins: %.50q, bytes: %d, limit: %d)", line[:50], end, maxLine)
		}
		rest = rest[min(end+1, len(rest)):]
	}
	return nil
}
