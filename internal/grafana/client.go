// Package grafana speaks the part of Grafana's HTTP API that the product uses:
// data sources and their health, folders and dashboards. It authenticates with a
// service account's token, which it never prints.
package grafana

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/parascope/parascope/internal/awserr"
)

const (
	requestTimeout = 30 * time.Second
	tries          = 5 // of a request; with the default gap they take 7.5 s
	defaultGap     = 500 * time.Millisecond
	maxAnswer      = 16 << 20
)

// Client speaks to one Grafana as one service account.
type Client struct {
	HTTP  *http.Client  // New's has a timeout
	Gap   time.Duration // before the second try of a request; each later one waits twice as long
	base  string
	token string
}

// New returns a client for the endpoint that AMG's DescribeWorkspace gives: a
// host, perhaps with a port, without a scheme.
func New(endpoint, token string) *Client {
	return &Client{base: BaseURL(endpoint), token: token, HTTP: &http.Client{Timeout: requestTimeout}, Gap: defaultGap}
}

// BaseURL puts the scheme in front of a workspace's endpoint: https, and http
// only where the host is a loopback address, which nothing leaves.
func BaseURL(endpoint string) string {
	if strings.Contains(endpoint, "://") {
		return strings.TrimRight(endpoint, "/")
	}
	host := endpoint
	if h, _, err := net.SplitHostPort(endpoint); err == nil {
		host = h
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsLoopback() {
		return "http://" + endpoint
	}
	return "https://" + endpoint
}

// StatusError is an answer of Grafana that is no success.
type StatusError struct {
	Method, Path string
	Status       int
	Message      string // Grafana's own, may be empty
}

func (e *StatusError) Error() string {
	text := fmt.Sprintf("Grafana answered %d %s to %s %s", e.Status, http.StatusText(e.Status), e.Method, e.Path)
	if e.Message != "" {
		text += ": " + e.Message
	}
	return text
}

// IsStatus reports whether err is an answer of Grafana with this status.
func IsStatus(err error, status int) bool {
	answer, ok := errors.AsType[*StatusError](err)
	return ok && answer.Status == status
}

// do sends in as JSON, unless it is nil, and decodes the answer into out, unless
// that is nil. The proxy in front of Grafana refuses a request now and then, when
// Grafana starts or is upgraded: that is tried again. do is for requests of which a
// second one does no harm.
func (c *Client) do(ctx context.Context, method, path string, in, out any) error {
	return c.retry(ctx, passes, func() error { return c.once(ctx, method, path, in, out) })
}

// retry calls ask until it succeeds or fails with what is not worth another try. It
// returns the last failure, also when ctx has ended.
func (c *Client) retry(ctx context.Context, again func(error) bool, ask func() error) error {
	for try, gap := 1, c.Gap; ; try, gap = try+1, gap*2 {
		err := ask()
		if err == nil || try == tries || !again(err) {
			return err
		}
		timer := time.NewTimer(gap)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return err
		}
	}
}

// passes reports whether err may be gone in a moment.
func passes(err error) bool { return neverBegan(err) || MayBeDone(err) }

// neverBegan reports whether Grafana has surely not done what it was asked.
func neverBegan(err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED) || IsStatus(err, http.StatusTooManyRequests)
}

// MayBeDone reports whether err leaves open what became of the request: a proxy
// answered in Grafana's place, or the connection broke.
func MayBeDone(err error) bool {
	return IsStatus(err, http.StatusBadGateway) || IsStatus(err, http.StatusServiceUnavailable) || IsStatus(err, http.StatusGatewayTimeout) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF)
}

// once is one try of do.
func (c *Client) once(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("could not encode a request to Grafana: %w", err)
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return fmt.Errorf("could not create a request to Grafana: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	req.Header.Set("Accept", "application/json")
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return fmt.Errorf("could not send the request to Grafana: %w", err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("could not read Grafana's response to %s %s: %w", method, path, err)
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		var said struct{ Message string }
		_ = json.Unmarshal(answer, &said) // proxies in front of Grafana answer in HTML
		return &StatusError{method, path, resp.StatusCode, awserr.Public(said.Message)}
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("could not read Grafana's response to %s %s: %w", method, path, err)
	}
	return nil
}

// segment is a value as one part of a path.
func segment(s string) string { return url.PathEscape(s) }
