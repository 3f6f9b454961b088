// Package receiver knows the other side of a remote write: what its answers mean,
// what time it has, how fast it may be sent to, and who it lets in.
package receiver

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// Bounds on what is read of an answer: the reason stands at its beginning, and
// what is left unread costs the connection.
const (
	maxAnswerText = 16 << 10
	maxAnswerRest = 256 << 10
)

const userAgent = "parascope-head"

// Client makes the requests of one remote write.
type Client struct {
	HTTP     *http.Client // must not follow redirects: they are answers
	URL      string
	TokenURL string            // where HTTP asks for tokens: its secrets are not in answers either
	Headers  map[string]string // on top of the protocol's
	Signer   *Signer           // nil: not signed
	Timeout  time.Duration     // of a request
}

// Post makes one request of an encoded body and says what its answer means. attempt
// is how often it was made before. It sets clock by an answer that is the receiver's
// own.
func (c *Client) Post(ctx context.Context, body []byte, attempt int, clock *Clock) Answer {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL, bytes.NewReader(body))
	if err != nil {
		return Answer{Text: firstLine(publicError(err, c.URL, c.TokenURL))}
	}
	req.Header.Set("Content-Encoding", "snappy")
	req.Header.Set("Content-Type", "application/x-protobuf")
	req.Header.Set("User-Agent", userAgent)
	req.Header.Set("X-Prometheus-Remote-Write-Version", "0.1.0")
	if attempt > 0 {
		req.Header.Set("Retry-Attempt", strconv.Itoa(attempt))
	}
	var distrust func()
	if c.Signer != nil {
		now := clock.Receivers()
		used, err := c.Signer.sign(ctx, req, body, now)
		if err != nil {
			return Answer{Text: firstLine(err.Error()), Unsigned: errors.Is(err, errNoCredentials)}
		}
		distrust = func() { c.Signer.distrust(used, now) }
	}
	// They are not signed, as in Prometheus: what is on the way may change them.
	for k, v := range c.Headers {
		req.Header.Set(k, v)
	}
	var connected atomic.Bool
	req = req.WithContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { connected.Store(true) },
	}))
	resp, err := c.HTTP.Do(req)
	if err != nil {
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return Answer{Text: "no answer within remote_timeout " + c.Timeout.String(), Unanswered: connected.Load()}
		}
		return Answer{Text: firstLine(publicError(err, c.URL, c.TokenURL)), Unanswered: connected.Load()}
	}
	defer resp.Body.Close()
	// What of the body cannot be read says nothing against the status line.
	var text []byte
	if resp.StatusCode != http.StatusSwitchingProtocols { // whose body is the connection, which no deadline ends
		text, _ = io.ReadAll(io.LimitReader(resp.Body, maxAnswerText))
		_, _ = io.CopyN(io.Discard, resp.Body, maxAnswerRest)
	}
	if distrust != nil && (resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden) {
		distrust()
	}
	a := Classify(resp.StatusCode, resp.Header, string(text), clock.Receivers())
	a.Text = publicText(a.Text, c.URL, c.TokenURL)
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil && ofTheReceiver(a, string(text)) {
		clock.Hear(date)
	}
	return a
}

// skewPhrases are in the 403s that AWS answers to a signature whose time is more
// than five minutes off, in lower case.
var skewPhrases = []string{"signature expired", "signature not yet current"}

// ofTheReceiver reports whether an answer can only be the receiver's own, so that
// its Date is the receiver's: any gateway or portal on the way answers the others.
func ofTheReceiver(a Answer, body string) bool {
	switch a.Code {
	case http.StatusBadRequest:
		return a.Meaning == Never || a.Meaning == Limited || a.Meaning == Split
	case http.StatusForbidden:
		return containsAny(strings.ToLower(body), skewPhrases)
	}
	return a.Meaning == Accepted
}

func containsAny(text string, phrases []string) bool {
	for _, p := range phrases {
		if strings.Contains(text, p) {
			return true
		}
	}
	return false
}
