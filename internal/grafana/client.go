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
	"time"

	"github.com/parascope/parascope/internal/awserr"
)

const (
	requestTimeout = 30 * time.Second
	maxAnswer      = 16 << 20
)

// Client speaks to one Grafana as one service account.
type Client struct {
	base  string
	token string
	http  *http.Client
}

// New returns a client for the endpoint that AMG's DescribeWorkspace gives: a
// host, perhaps with a port, without a scheme.
func New(endpoint, token string) *Client {
	return &Client{base: BaseURL(endpoint), token: token, http: &http.Client{Timeout: requestTimeout}}
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
// that is nil.
func (c *Client) do(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("encode a request to Grafana: %w", err)
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return fmt.Errorf("make a request to Grafana: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	req.Header.Set("Accept", "application/json")
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("ask Grafana: %w", err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("read Grafana's answer to %s %s: %w", method, path, err)
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
		return fmt.Errorf("read Grafana's answer to %s %s: %w", method, path, err)
	}
	return nil
}

// segment is a value as one part of a path.
func segment(s string) string { return url.PathEscape(s) }
