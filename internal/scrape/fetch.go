package scrape

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/config"
	promscrape "github.com/prometheus/prometheus/scrape"
)

// Errors of a scrape have Prometheus' words: people search for them.
var (
	errBodySizeLimit = errors.New("body size limit exceeded")
	errZstd          = errors.New("received a zstd-compressed response, which was not asked for")
)

// fetcher is what a loop fetches pages with.
type fetcher struct {
	header  http.Header
	limit   int64 // of the body, in bytes
	size    int   // of the last body
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
		f.limit = math.MaxInt64
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

// fetch gets the target's page. Its body is to be given to spareBody.
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
		// Read to its end, the connection can be used again.
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
	}()
	if resp.StatusCode != http.StatusOK {
		return nil, "", fmt.Errorf("server returned HTTP status %s", resp.Status)
	}
	b := bytes.NewBuffer(l.manager.roomFor(f.size + bytes.MinRead))
	if err = f.read(b, resp); err != nil {
		l.manager.spareBody(b.Bytes())
		if errors.Is(err, errBodySizeLimit) {
			l.manager.metrics.exceededBodySize.Inc()
		}
		return nil, "", err
	}
	if b.Len() > 0 {
		f.size = b.Len()
	}
	return b.Bytes(), resp.Header.Get("Content-Type"), nil
}

// roomFor returns room for a body of n bytes.
func (m *Manager) roomFor(n int) []byte {
	select {
	case room := <-m.bodies:
		if cap(room) >= n {
			return room[:0]
		}
	default:
	}
	return make([]byte, 0, n+n/8)
}

// maxSpareBody is the size of a body from which its room is not kept.
const maxSpareBody = 16 << 20

// spareBody takes back the room of a body.
func (m *Manager) spareBody(body []byte) {
	if cap(body) > maxSpareBody {
		return
	}
	select {
	case m.bodies <- body:
	default: // enough are kept
	}
}

// read reads a response's body, uncompressed.
func (f *fetcher) read(to *bytes.Buffer, resp *http.Response) error {
	var from io.Reader = resp.Body
	switch resp.Header.Get("Content-Encoding") {
	case "gzip":
		if f.gzip == nil {
			f.buffer, f.gzip = bufio.NewReader(nil), new(gzip.Reader)
		}
		f.buffer.Reset(resp.Body)
		if err := f.gzip.Reset(f.buffer); err != nil {
			return err
		}
		from = f.gzip
	case "zstd":
		return errZstd
	}
	n, err := to.ReadFrom(io.LimitReader(from, f.limit))
	if err == nil && n >= f.limit {
		err = errBodySizeLimit
	}
	return err
}
