package scrape

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/config"
	promscrape "github.com/prometheus/prometheus/scrape"

	"github.com/parascope/parascope/internal/scrape/budget"
)

// Errors of a scrape have Prometheus' words: people search for them.
var (
	errBodySizeLimit = errors.New("body size limit exceeded")
	errZstd          = errors.New("received a zstd-compressed response, which was not requested")
)

// fetcher is what a loop fetches pages with.
type fetcher struct {
	header  http.Header
	limit   int64        // of the body, in bytes
	usual   bool         // the limit is that of jobs without body_size_limit
	size    int          // of the last body of a good page
	need    int64        // of the budget, for the last good page
	room    int64        // of this body
	share   budget.Share // of the budget, until the scrape is over
	request *http.Request
	gzip    *gzip.Reader
	buffer  *bufio.Reader
}

func newFetcher(l *loop) fetcher {
	c := l.config
	// The pool has seen to it that there is no error.
	scheme, _ := config.ToEscapingScheme(c.MetricNameEscapingScheme, c.MetricNameValidationScheme)
	encoding := "identity"
	if c.EnableCompression {
		encoding = "gzip"
	}
	f := fetcher{limit: int64(c.BodySizeLimit), header: http.Header{
		"Accept": {accept(c.ScrapeProtocols, scheme)}, "Accept-Encoding": {encoding}, "User-Agent": {promscrape.UserAgent},
		"X-Prometheus-Scrape-Timeout-Seconds": {strconv.FormatFloat(l.timeout.Seconds(), 'f', -1, 64)},
	}}
	if f.limit <= 0 {
		f.limit, f.usual = l.manager.options.MaxPageBytes, true
	}
	return f
}

// accept asks for the formats in the order of the configuration, and for anything
// else at last.
func accept(protocols []config.ScrapeProtocol, scheme model.EscapingScheme) string {
	var all []string
	weight := len(config.ScrapeProtocolsHeaders) + 1
	for _, p := range protocols {
		name := config.ScrapeProtocolsHeaders[p]
		switch p {
		case config.PrometheusText1_0_0, config.OpenMetricsText1_0_0, config.OpenMetricsText2_0_0:
			name += ";" + model.EscapingKey + "=" + scheme.String() // the older ones do not know it
		}
		all = append(all, fmt.Sprintf("%s;q=0.%d", name, weight))
		weight--
	}
	return strings.Join(append(all, fmt.Sprintf("*/*;q=0.%d", weight)), ",")
}

func (l *loop) logger() *slog.Logger {
	return l.manager.logger.With("scrape_pool", l.config.JobName, "target", l.target.String())
}

// fetch gets the target's page. Its body is to be given back.
func (l *loop) fetch() (body []byte, contentType string, err error) {
	if l.client == nil {
		return nil, "", l.broken
	}
	// Not the loop's: a scrape that began is finished, or a reload would cost one.
	ctx, cancel := context.WithTimeout(l.manager.ctx, l.timeout)
	defer cancel()
	f := &l.fetcher
	if f.request == nil {
		if f.request, err = http.NewRequestWithContext(ctx, http.MethodGet, l.target.URL().String(), http.NoBody); err != nil {
			return nil, "", err
		}
		f.request.Header = f.header
	}
	resp, err := l.client.Do(f.request.WithContext(ctx))
	if err != nil {
		return nil, "", err
	}
	defer func() {
		// Read to its end, the connection can be used again. After a 101 the body is the
		// connection itself, and no deadline ends a read of it.
		if resp.StatusCode != http.StatusSwitchingProtocols {
			_, _ = io.CopyN(io.Discard, resp.Body, maxDrain)
		}
		_ = resp.Body.Close()
	}()
	if resp.StatusCode != http.StatusOK {
		return nil, "", fmt.Errorf("server returned HTTP status %s", resp.Status)
	}
	if err := l.manager.Budget.Reserve(ctx, &f.share, f.need); err != nil {
		return nil, "", err
	}
	body, err = f.read(l.manager, &unpacking{ctx: ctx}, resp)
	if err != nil {
		l.manager.bodies.Spare(body)
		if errors.Is(err, errBodySizeLimit) {
			l.manager.metrics.exceededBodySize.Inc()
		}
		return nil, "", err
	}
	f.room = int64(min(cap(body), 2*len(body))) // spare room is not the page's
	return body, resp.Header.Get("Content-Type"), nil
}

// maxDrain is how much of an answer that is not a page is read for the sake of its
// connection.
const maxDrain = 64 << 10

// unpacking reads until the scrape's time is over. A body that is packed well gives
// more for seconds after the last byte was received.
type unpacking struct {
	ctx  context.Context
	from io.Reader
}

func (u *unpacking) Read(b []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.from.Read(b)
}

// read returns a response's body, uncompressed. With an error it returns the room of
// the body.
func (f *fetcher) read(m *Manager, from *unpacking, resp *http.Response) ([]byte, error) {
	from.from = resp.Body
	packed := &io.LimitedReader{R: resp.Body, N: f.limit} // what unpacks to nothing has no other end
	switch resp.Header.Get("Content-Encoding") {
	case "gzip":
		if f.gzip == nil {
			f.buffer, f.gzip = bufio.NewReader(nil), new(gzip.Reader)
		}
		f.buffer.Reset(packed)
		if err := f.gzip.Reset(f.buffer); err != nil {
			return nil, err
		}
		from.from = f.gzip
	case "zstd":
		return nil, errZstd
	}
	body := m.bodies.For(f.size + bytes.MinRead)
	for {
		if len(body) == cap(body) {
			n := 2 * cap(body)
			if err := m.Budget.Grow(&f.share, int64(n)); err != nil {
				return body, err
			}
			body = append(make([]byte, 0, n), body...)
		}
		n, err := from.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		tooLarge := int64(len(body)) >= f.limit || packed.N <= 0
		switch {
		case tooLarge && f.usual:
			return body, fmt.Errorf("%w: the page is larger than --scrape.max-page-bytes; raise the job's body_size_limit", errBodySizeLimit)
		case tooLarge:
			return body, errBodySizeLimit
		case err == io.EOF:
			return body, nil
		case err != nil:
			return body, err
		}
	}
}
