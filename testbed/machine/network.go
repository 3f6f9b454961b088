//go:build linux

package machine

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Network is a switch that machines are plugged into. It is in a network namespace
// without a name, so that it is gone when this process is, and leads nowhere else.
type Network struct {
	work chan func() // run on the thread that is in the namespace
}

// NewNetwork makes one. It exists until ctx ends.
func NewNetwork(ctx context.Context, address netip.Prefix) (*Network, error) {
	n := &Network{work: make(chan func())}
	entered := make(chan error)
	go func() {
		runtime.LockOSThread() // for good
		err := unix.Unshare(unix.CLONE_NEWNET)
		entered <- err
		if err != nil {
			return
		}
		for {
			select {
			case f := <-n.work:
				f()
			case <-ctx.Done():
				return
			}
		}
	}()
	if err := <-entered; err != nil {
		return nil, fmt.Errorf("make a network namespace: %w", err)
	}
	return n, n.ip(ctx, "link add switch type bridge", "addr add "+address.String()+" dev switch", "link set switch up", "link set lo up")
}

// plug gives the machine of the process pid its eth0.
func (n *Network) plug(ctx context.Context, pid int) error {
	port := "m" + strconv.Itoa(pid)
	return n.ip(ctx, "link add "+port+" type veth peer name eth0 netns "+strconv.Itoa(pid), "link set "+port+" master switch up")
}

// ip gives lines to ip(8) in the switch's namespace.
func (n *Network) ip(ctx context.Context, lines ...string) error {
	done := make(chan error)
	select {
	case n.work <- func() { done <- ipBatch(ctx, lines...) }:
		return <-done
	case <-ctx.Done():
		return ctx.Err()
	}
}

func ipBatch(ctx context.Context, lines ...string) error {
	cmd := exec.CommandContext(ctx, "ip", "-batch", "-")
	cmd.Stdin = strings.NewReader(strings.Join(lines, "\n") + "\n")
	cmd.Env = os.Environ()
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("ip %s: %w: %s", lines[0], err, strings.TrimSpace(string(out)))
	}
	return nil
}
