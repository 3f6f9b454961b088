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
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC", "SLURM_TIME_FORMAT=standard"}
	if conf := os.Getenv("SLURM_CONF"); conf != "" {
		cmd.Env = append(cmd.Env, "SLURM_CONF="+conf)
	}
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
	case err != nil && stderr.Len() > 0:
		return nil, fmt.Errorf("%s: %w: %s", name, err, firstLine(stderr.String()))
	case err != nil:
		return nil, fmt.Errorf("%s: %w", name, err)
	case stdout.over:
		return nil, fmt.Errorf("%s printed more than %d bytes", name, maxOutput)
	}
	return stdout.Bytes(), nil
}

// limited keeps the first bytes that are written to it, and says when there were more.
type limited struct {
	bytes.Buffer
	left int
	over bool
}

func (l *limited) Write(p []byte) (int, error) {
	n := min(len(p), l.left)
	l.left -= n
	l.over = l.over || n < len(p)
	l.Buffer.Write(p[:n])
	return len(p), nil // the command is not to fail for it
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}
