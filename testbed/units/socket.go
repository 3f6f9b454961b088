//go:build linux

package units

//lint:file-ignore ST1005 these are the messages of systemd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
)

// Socket is where a machine's first process takes systemctl's calls.
const Socket = "/run/systemd/testbed.sock"

// Serve takes calls on the socket until ctx ends.
func (s *Supervisor) Serve(ctx context.Context) error {
	if err := os.MkdirAll(filepath.Dir(Socket), 0o755); err != nil {
		return fmt.Errorf("listen for systemctl: %w", err)
	}
	l, err := net.Listen("unix", Socket)
	if err != nil {
		return fmt.Errorf("listen for systemctl: %w", err)
	}
	context.AfterFunc(ctx, func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return // closed
			}
			go s.answer(ctx, c)
		}
	}()
	return nil
}

// answer serves one call. The caller that hangs up does not stop what it began.
func (s *Supervisor) answer(ctx context.Context, c net.Conn) {
	defer c.Close()
	var args []string
	if err := json.NewDecoder(c).Decode(&args); err != nil {
		return
	}
	_ = json.NewEncoder(c).Encode(s.Systemctl(ctx, args)) // a caller that is gone needs no answer
}

// Ask is systemctl: it gives its arguments to the machine's first process.
func Ask(ctx context.Context, args []string) (Answer, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "unix", Socket)
	if err != nil {
		return Answer{}, fmt.Errorf("System has not been booted with systemd as init system (the test bed's): %w", err)
	}
	defer c.Close()
	context.AfterFunc(ctx, func() { _ = c.Close() })
	if err := json.NewEncoder(c).Encode(args); err != nil {
		return Answer{}, fmt.Errorf("ask the machine's first process: %w", err)
	}
	var a Answer
	if err := json.NewDecoder(c).Decode(&a); err != nil {
		return Answer{}, errors.Join(errors.New("the machine's first process did not answer"), err)
	}
	return a, nil
}
