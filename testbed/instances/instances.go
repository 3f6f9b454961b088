// Package instances is what a head node asks of EC2: start machines, list them, end
// them. The bed answers on a socket in the head node, and keeps EC2 of the local
// cloud told of all of them.
package instances

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// Socket is where the bed answers, in a head node.
const Socket = "/run/testbed-ec2.sock"

// Instance is a machine as EC2 describes it.
type Instance struct {
	ID       string    `json:"id"`
	Address  string    `json:"address"`
	Hostname string    `json:"hostname"`
	Type     string    `json:"type"`
	State    string    `json:"state"` // pending, running, shutting-down, terminated, stopped
	Role     string    `json:"role"`  // HeadNode, Compute, LoginNode
	Node     string    `json:"node,omitempty"`
	Queue    string    `json:"queue,omitempty"`
	Resource string    `json:"resource,omitempty"`
	Pool     string    `json:"pool,omitempty"`
	Launched time.Time `json:"launched"`
}

// Failure is why a machine was not started, with EC2's code.
type Failure struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

func (f *Failure) Error() string { return f.Code + ": " + f.Message }

// Client asks the bed.
type Client struct{ http *http.Client }

// NewClient makes one for a socket.
func NewClient(socket string) *Client {
	return &Client{&http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", socket)
		},
	}}}
}

// Run starts the machine of a Slurm node. A *Failure says that EC2 refused.
func (c *Client) Run(ctx context.Context, node string) (Instance, error) {
	var i Instance
	return i, c.Do(ctx, http.MethodPost, "/instances", map[string]string{"node": node}, &i)
}

// List lists all that are not terminated.
func (c *Client) List(ctx context.Context) ([]Instance, error) {
	var all []Instance
	return all, c.Do(ctx, http.MethodGet, "/instances", nil, &all)
}

// Terminate ends one.
func (c *Client) Terminate(ctx context.Context, id string) error {
	return c.Do(ctx, http.MethodDelete, "/instances/"+id, nil, nil)
}

// Do makes one request; in and out may be nil.
func (c *Client) Do(ctx context.Context, method, path string, in, out any) error {
	b, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("ask the bed: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://bed"+path, bytes.NewReader(b))
	if err != nil {
		return fmt.Errorf("ask the bed: %w", err)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("ask the bed: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode >= http.StatusBadRequest {
		b, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
		f := &Failure{}
		if err == nil && json.Unmarshal(b, f) == nil && f.Message != "" {
			return f
		}
		return fmt.Errorf("ask the bed: %s %s: %s: %s", method, path, resp.Status, strings.TrimSpace(string(b)))
	}
	if out == nil {
		return nil
	}
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
		return fmt.Errorf("read the bed's answer: %w", err)
	}
	return nil
}
