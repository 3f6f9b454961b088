//go:build linux

package machine

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Machine is one that was started.
type Machine struct {
	Spec Spec
	PID  int           // of its first process, as the host counts
	Done chan struct{} // closed when all of it has ended
}

// Start makes a machine on the network and waits until its first process runs.
// Its first processes' output goes to console.
func Start(ctx context.Context, s Spec, n *Network, console *os.File) (*Machine, error) {
	specR, specW, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("start machine %s: %w", s.ID, err)
	}
	readyR, readyW, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start machine %s: %w", s.ID, err), specR.Close(), specW.Close())
	}
	defer readyR.Close()
	cmd := exec.Command("/proc/self/exe", "machine")
	cmd.Args[0] = "testbed"
	cmd.Env, cmd.Dir = s.Env, "/"
	cmd.Stdout, cmd.Stderr = console, console
	cmd.ExtraFiles = []*os.File{specR, readyW}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWUTS | syscall.CLONE_NEWNET | syscall.CLONE_NEWIPC,
		Setsid:     true, Pdeathsig: syscall.SIGKILL,
	}
	m := &Machine{Spec: s, Done: make(chan struct{})}
	if err := m.run(cmd, specR, readyW); err != nil {
		return nil, errors.Join(err, specW.Close())
	}
	err = errors.Join(n.plug(ctx, m.PID), json.NewEncoder(specW).Encode(s), specW.Close())
	if err == nil {
		err = awaitReady(ctx, readyR)
	}
	if err != nil {
		m.Kill()
		return nil, fmt.Errorf("start machine %s: %w", s.ID, err)
	}
	return m, nil
}

// run starts the machine's first process, on a thread that lives as long as it: the
// kernel ties a death signal to the thread that asked for it.
func (m *Machine) run(cmd *exec.Cmd, ours ...*os.File) error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		err := cmd.Start()
		for _, f := range ours {
			_ = f.Close() // the machine has its own
		}
		if err != nil {
			started <- fmt.Errorf("start machine %s: %w", m.Spec.ID, err)
			return
		}
		m.PID = cmd.Process.Pid
		started <- nil
		_ = cmd.Wait() // how a machine ends is no matter
		close(m.Done)
	}()
	return <-started
}

// awaitReady returns when the machine says that it is up, or what hindered it.
func awaitReady(ctx context.Context, r io.ReadCloser) error {
	line := make(chan string, 1)
	go func() {
		text, _ := bufio.NewReader(io.LimitReader(r, 4096)).ReadString('\n')
		line <- strings.TrimSpace(text)
	}()
	select {
	case <-ctx.Done():
		return errors.Join(ctx.Err(), r.Close())
	case text := <-line:
		switch text {
		case "ready":
			return nil
		case "":
			return errors.New("it ended while starting; its console log says why")
		}
		return errors.New(text)
	}
}

// Kill ends the machine as a power cut does, and waits until nothing of it is left.
func (m *Machine) Kill() {
	_ = syscall.Kill(m.PID, syscall.SIGKILL) // it may be gone already
	<-m.Done
}

// Ended reports whether the machine is gone.
func (m *Machine) Ended() bool {
	select {
	case <-m.Done:
		return true
	default:
		return false
	}
}

// InNetwork runs f on a thread that sees the machine's network. Sockets that f
// opens stay there.
func (m *Machine) InNetwork(f func() error) error {
	file, err := os.Open("/proc/" + strconv.Itoa(m.PID) + "/ns/net")
	if err != nil {
		return fmt.Errorf("find the network of machine %s: %w", m.Spec.ID, err)
	}
	defer file.Close()
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		if err := unix.Setns(int(file.Fd()), unix.CLONE_NEWNET); err != nil {
			done <- fmt.Errorf("enter the network of machine %s: %w", m.Spec.ID, err)
			return
		}
		done <- f()
	}()
	return <-done
}
