// Package command runs a program of the machine within bounds: its output, its time, and the
// programs that it starts itself.
package command

import (
	"bytes"
	"context"
	"os/exec"
	"syscall"
	"time"
)

// Program is what is run.
type Program struct {
	Path      string
	Args      []string
	Env       []string // nil: that of this process
	MaxOutput int      // how many bytes of standard output are kept
}

// maxErrors is how many bytes of standard error are kept.
const maxErrors = 4 << 10

// Output is what a program printed.
type Output struct {
	Text   []byte
	Errors string
	Cut    bool // it printed more than is kept
}

// Run runs the program until it ends, or ctx does: then its children are killed with it.
// The error is exec's; the output is there beside it.
func (p Program) Run(ctx context.Context) (Output, error) {
	cmd := exec.CommandContext(ctx, p.Path, p.Args...)
	stdout, stderr := limited{left: p.MaxOutput}, limited{left: maxErrors}
	cmd.Env, cmd.Stdout, cmd.Stderr = p.Env, &stdout, &stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	return Output{Text: stdout.kept.Bytes(), Errors: stderr.kept.String(), Cut: stdout.over}, err
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
	return len(p), nil // the program is not to fail for it
}
