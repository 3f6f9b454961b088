//go:build linux

// Package bed is the test bed: what AWS and ParallelCluster are to a cluster, on one
// machine. It starts and ends machines, answers the head nodes' calls for instances,
// and does what people ask of pcluster.
package bed

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/parascope/parascope/testbed/machine"
	"github.com/parascope/parascope/testbed/slurm"
)

// Options say what the bed is made of. All but Cloud are needed.
type Options struct {
	Dir     string // sockets, logs of machines that ended
	Region  string
	Version string     // of ParallelCluster that it stands for
	Cloud   *Cloud     // nil: none, and nodes find no AWS
	Pace    slurm.Pace // of its clusters
	Now     func() time.Time
	Logger  *slog.Logger
}

// ControlSocket is where pcluster finds the bed that keeps its things in dir.
func ControlSocket(dir string) string { return filepath.Join(dir, "control.sock") }

// Network is the machines': that of an AWS VPC, and of the local stack's.
var network = netip.MustParsePrefix("10.0.0.1/16")

// Bed is one that runs.
type Bed struct {
	opts    Options
	disks   string // where machines' disks are: a file system of the bed's own
	network *machine.Network
	ctx     context.Context // ends when the bed does

	mu       sync.Mutex
	clusters map[string]*cluster
	last     netip.Addr // the address handed out last, where no cloud does it
	started  int        // machines so far
	refusals []refusal
	busy     sync.WaitGroup // machines and operations
}

// refusal makes EC2 refuse the next nodes of a queue.
type refusal struct {
	Queue string `json:"queue"`
	Code  string `json:"code"`
	Count int    `json:"count"`
}

// HeldError says that another bed has the directory.
type HeldError struct {
	Dir string
	PID int
}

func (e *HeldError) Error() string {
	return fmt.Sprintf("a test bed runs in %s (process %d)", e.Dir, e.PID)
}

// hold takes the directory, and cleans what a bed that was killed left there.
func hold(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the bed's directory: %w", err)
	}
	name := filepath.Join(dir, "testbed.pid")
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("hold the bed's directory: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(&HeldError{dir, RunningIn(dir)}, f.Close())
	}
	err = f.Truncate(0)
	if err == nil {
		_, err = f.WriteString(strconv.Itoa(os.Getpid()) + "\n")
	}
	if err == nil {
		err = os.RemoveAll(ControlSocket(dir))
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("hold the bed's directory: %w", err), f.Close())
	}
	return f, nil
}

// RunningIn is the process of the bed that has the directory; 0: none.
func RunningIn(dir string) int {
	f, err := os.Open(filepath.Join(dir, "testbed.pid"))
	if err != nil {
		return 0
	}
	defer f.Close()
	if unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB) == nil {
		return 0 // nobody holds it
	}
	b, err := os.ReadFile(f.Name())
	if err != nil {
		return 0
	}
	pid, _ := strconv.Atoi(strings.TrimSpace(string(b))) // a file that is being written says 0
	return pid
}

// Run runs the bed until ctx ends, and ends every machine then. The process must be
// in a mount namespace of its own. ready is called when pcluster can be used.
func Run(ctx context.Context, o Options, ready func()) (err error) {
	held, err := hold(o.Dir)
	if err != nil {
		return err
	}
	defer held.Close()
	b := &Bed{opts: o, disks: filepath.Join(o.Dir, "disks"), clusters: map[string]*cluster{}, last: network.Addr()}
	if err := os.MkdirAll(b.disks, 0o755); err != nil {
		return fmt.Errorf("make room for disks: %w", err)
	}
	// Gone with the bed's mount namespace. overlayfs cannot write to every file system
	// that a bed's directory may be on; to this one it can.
	if err := unix.Mount("tmpfs", b.disks, "tmpfs", 0, "mode=755"); err != nil {
		return fmt.Errorf("make room for disks: %w", err)
	}
	running, cancel := context.WithCancel(ctx)
	b.ctx = running
	defer func() {
		cancel()
		b.endAll()
		b.busy.Wait()
		err = errors.Join(err, os.RemoveAll(ControlSocket(o.Dir)), os.Remove(held.Name()))
	}()
	if b.network, err = machine.NewNetwork(context.WithoutCancel(ctx), network); err != nil {
		return err
	}
	server, err := serve(ControlSocket(o.Dir), 0o600, b.control())
	if err != nil {
		return err
	}
	defer server.Close()
	ready()
	<-ctx.Done()
	return nil
}

// serve answers on a socket that its mode opens to some or to all.
func serve(socket string, mode os.FileMode, h http.Handler) (*http.Server, error) {
	old := syscall.Umask(0o777 &^ int(mode))
	l, err := net.Listen("unix", socket)
	syscall.Umask(old)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", socket, err)
	}
	s := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = s.Serve(l) }() // it ends by Close
	return s, nil
}

// endAll ends all machines at once, without the manners of an orderly end.
func (b *Bed) endAll() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.clusters {
		for _, i := range c.instances {
			if i.machine != nil {
				go i.machine.Kill()
			}
		}
	}
}
