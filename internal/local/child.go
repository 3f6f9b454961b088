package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/parascope/parascope/internal/hint"
)

// child is one of the daemons, run as the process it is on a cluster.
type child struct {
	name   string
	log    string // file that takes its output
	pid    int
	signal func(os.Signal) error
	done   chan struct{} // closed when the process has ended
	how    error         // why it ended; read after done

	ready, grace time.Duration // how long it may take to become ready, and to end
}

// startChild starts the program with args. Its output goes to a log file in the
// data directory; env is all of its environment.
func startChild(o Options, name, program string, args, env []string) (*child, error) {
	c := &child{name: name, log: filepath.Join(o.DataDir, name+".log"), done: make(chan struct{}),
		ready: o.patient(30 * time.Second), grace: o.patient(2 * time.Second)}
	out, err := os.OpenFile(c.log, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("could not open log of %s: %w", name, err)
	}
	cmd := exec.Command(program, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = env, out, out
	cmd.SysProcAttr = ownGroup()
	started := make(chan error)
	go func() {
		// The kernel ties a child's death signal to the thread that started
		// it: that thread must live as long as the child.
		runtime.LockOSThread()
		defer out.Close()
		if err := cmd.Start(); err != nil {
			started <- err
			return
		}
		c.pid, c.signal = cmd.Process.Pid, cmd.Process.Signal
		started <- nil
		c.how = cmd.Wait()
		close(c.done)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("could not start %s: %w", name, err)
	}
	return c, nil
}

// watch reports the child's end, unless ctx ended first.
func (c *child) watch(ctx context.Context, report func(Event)) {
	select {
	case <-ctx.Done():
	case <-c.done:
		if ctx.Err() == nil {
			report(Event{Kind: Exited, What: c.name, PID: c.pid, Detail: c.ending()})
		}
	}
}

// ending says how the process ended, with the last line it said.
func (c *child) ending() string {
	how := "exit status 0"
	if c.how != nil {
		how = c.how.Error()
	}
	if last := lastLine(c.log); last != "" {
		return how + ": " + last
	}
	return how
}

func lastLine(file string) string {
	b, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	lines := strings.Split(string(bytes.TrimSpace(b)), "\n")
	return lines[len(lines)-1]
}

// await polls check until it succeeds; the child's end or ctx's ends the wait.
func (c *child) await(ctx context.Context, check func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, c.ready)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := check(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-c.done:
			return hint.New(hint.Failure, fmt.Errorf("%s exited during startup: %s", c.name, c.ending()), "read the log "+c.log)
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.Canceled) {
				return ctx.Err()
			}
			return hint.New(hint.Failure, fmt.Errorf("%s did not become ready: %w", c.name, err), "read the log "+c.log)
		}
	}
}

// stop ends the child: SIGTERM, and SIGKILL when ctx is near its end.
func (c *child) stop(ctx context.Context) error {
	if err := c.signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-c.done:
		return nil
	case <-time.After(c.grace):
	case <-ctx.Done():
	}
	if err := c.signal(syscall.SIGKILL); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-c.done
	return fmt.Errorf("did not exit within %s and was killed", c.grace)
}
