package scrape

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// raw answers with bytes as they are, and keeps the connection open.
func raw(answer string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		_, _ = io.WriteString(conn, answer)
	}
}

// TestAnswersThatAreNoPage: whatever a target answers, its scrape ends in time, and the
// next one is made.
func TestAnswersThatAreNoPage(t *testing.T) {
	long := strings.Repeat("x", 1<<16)
	for name, c := range map[string]struct {
		page    http.HandlerFunc
		because string
	}{
		"switch to another protocol": {raw("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"), "101"},
		"101 without a protocol":     {raw("HTTP/1.1 101 Switching Protocols\r\n\r\n"), "101"},
		"processing":                 {raw(strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", 3)), "deadline"},
		"processing with long headers": {raw(strings.Repeat("HTTP/1.1 102 Processing\r\nX: "+strings.Repeat("x", 1<<20)+"\r\n\r\n", 20)),
			"exceeded"},
		"negative length":  {raw("HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\na 1\n"), "Content-Length"},
		"two lengths":      {raw("HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 40\r\n\r\na 1\n"), "Content-Length"},
		"length that lies": {raw("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 999999999999\r\n\r\na 1\n"), "deadline"},
		"no end of a chunk": {raw("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n" +
			"ffffffffff\r\na 1\n"), "deadline"},
		"negative chunk": {raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-4\r\na 1\n"), "chunk"},
		"long header": {raw("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 2<<20) + "\r\nConnection: close\r\n\r\na 1\n"),
			"headers exceeded"},
		"not HTTP":         {raw(long + "\r\n\r\n"), "malformed"},
		"status of 65 kB":  {raw("HTTP/1.1 503 " + long + "\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"), "503"},
		"redirect to self": {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/metrics", http.StatusFound) }, "redirect"},
		"redirect to a file": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "file:///etc/passwd")
			w.WriteHeader(http.StatusFound)
		}, "unsupported protocol scheme"},
	} {
		t.Run(name, func(t *testing.T) {
			good := texts("a 1\n")[0]
			o := hostile(t, "", answers{good, c.page, c.page, c.page, c.page, c.page, c.page, c.page, c.page, c.page, c.page, c.page, good}, nil)
			if said := o.saidOf("node"); !strings.Contains(said, c.because) || len(said) > 16<<10 {
				t.Errorf("the target says %.900s; want %q", said, c.because)
			}
			if ups := o.Series[fmt.Sprintf(series, "up")]; len(ups) < 3 || !strings.Contains(ups[1], ": 0 ") ||
				!strings.Contains(ups[len(ups)-1], ": 1 ") {
				t.Errorf("up: %v", ups)
			}
		})
	}
}

// TestPackedPageIsBounded: the limit of a page bounds its compressed bytes, too: empty gzip members have
// no unpacked bytes to count.
func TestPackedPageIsBounded(t *testing.T) {
	var member bytes.Buffer
	if err := gzip.NewWriter(&member).Close(); err != nil {
		t.Fatal(err)
	}
	page := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(bytes.Repeat(member.Bytes(), 10_000))
	}
	o := hostile(t, "  body_size_limit: 100KB\n", answers{page, page, texts("a 1\n")[0]}, nil)
	if said := o.saidOf("node"); !strings.Contains(said, errBodySizeLimit.Error()) {
		t.Errorf("the target says %s", said)
	}
}

// TestUnknownFormatInTheLog: what a target says of its format is cut, like its errors.
func TestUnknownFormatInTheLog(t *testing.T) {
	var log bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		s := newSide(t, false, "host", answers{func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", strings.Repeat("x/", 100_000))
			_, _ = io.WriteString(w, "a 1\n")
		}})
		s.manager.(*Manager).logger = slog.New(slog.NewTextHandler(&log, nil))
		s.start(t, job(""), []string{"node:1"})
		s.ask(2 * time.Second)
		s.end(t)
	})
	if n := log.Len(); n == 0 || n > 8<<10 {
		t.Errorf("%d bytes of log: %.300s", n, log.String())
	}
}
