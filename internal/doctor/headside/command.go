package headside

import (
	"bytes"
	"context"
	"os/exec"
	"syscall"
	"time"
)

// maxOutput bounds what is read of a program.
const maxOutput = 4 << 20

// limited keeps the beginning of what is written to it.
type limited struct{ bytes.Buffer }

func (l *limited) Write(b []byte) (int, error) {
	l.Buffer.Write(b[:min(len(b), maxOutput-l.Len())])
	return len(b), nil
}

// command runs a program, which ends with ctx, and returns what it printed.
func command(ctx context.Context, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	var out limited
	cmd.Stdout = &out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // its children end with it
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	return out.Bytes(), err
}
