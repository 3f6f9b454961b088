package slurm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	maxOutput = 64 << 20 // of one tool: 20,000 jobs take about 5 MB
	maxErrors = 4 << 10
)

// Tools runs Slurm's commands.
type Tools struct {
	Dir     string        // of the commands; ParallelCluster's is /opt/slurm/bin
	Timeout time.Duration // of one command
}

// DefaultTools are those of a ParallelCluster head node.
func DefaultTools() Tools { return Tools{Dir: "/opt/slurm/bin", Timeout: 30 * time.Second} }

// run returns a command's output. The environment is the command's own: what a site or a
// user sets (SQUEUE_FORMAT, SLURM_TIME_FORMAT, a language) does not change the output, and
// times are UTC. A command that fails has no output, although it may have printed some.
func (t Tools) run(ctx context.Context, name string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, t.Timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(t.Dir, name), args...)
	cmd.Env = environment()
	var stdout, stderr limited
	stdout.left, stderr.left = maxOutput, maxErrors
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a wrapper's children end with it
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	switch {
	case ctx.Err() != nil && errors.Is(ctx.Err(), context.DeadlineExceeded):
		return nil, fmt.Errorf("%s did not end within %s", name, t.Timeout)
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil && stderr.kept.Len() > 0:
		return nil, fmt.Errorf("%s: %w: %s", name, err, firstLine(stderr.kept.String()))
	case err != nil:
		return nil, fmt.Errorf("%s: %w", name, err)
	case stdout.over:
		return nil, fmt.Errorf("%s printed more than %d bytes", name, maxOutput)
	}
	return stdout.kept.Bytes(), nil
}

// pingTimeout is after how long a slurmctld that does not answer a ping counts as slow, not as down.
const pingTimeout = 5 * time.Second

// checkController fails where scontrol ping says that every slurmctld is down, which it does at once.
// Whatever else comes of it says nothing: the other commands will tell.
func (t Tools) checkController(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, min(t.Timeout, pingTimeout))
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(t.Dir, "scontrol"), "ping")
	cmd.Env, cmd.WaitDelay = environment(), time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	stdout := limited{left: maxErrors}
	cmd.Stdout = &stdout
	err := cmd.Run()
	if text := stdout.kept.String(); err != nil && strings.Contains(text, "DOWN") && !strings.Contains(text, "UP") {
		return errors.New(firstLine(text))
	}
	return nil
}

// environment is the commands' own, whatever that of this process is.
func environment() []string {
	env := []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC", "SLURM_TIME_FORMAT=standard"}
	if conf := os.Getenv("SLURM_CONF"); conf != "" {
		env = append(env, "SLURM_CONF="+conf)
	}
	return env
}

// limited keeps the first bytes that are written to it, and says when there were more. It embeds no
// buffer: whoever copies to it would find that one's ReadFrom, which knows no limit.
type limited struct {
	kept bytes.Buffer
	left int
	over bool
}

func (l *limited) Write(p []byte) (int, error) {
	n := min(len(p), l.left)
	l.left -= n
	l.over = l.over || n < len(p)
	l.kept.Write(p[:n])
	return len(p), nil // the command is not to fail for it
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}
