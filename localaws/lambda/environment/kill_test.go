package environment

import (
	"os/exec"
	"syscall"
	"testing"
)

// TestKillSparesAnotherWithTheSameNumber: an environment whose process is gone waits
// in its pool, and meanwhile the number may be given out again.
func TestKillSparesAnotherWithTheSameNumber(t *testing.T) {
	other := exec.CommandContext(t.Context(), "sleep", "600")
	other.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- other.Wait() }()
	e := &Environment{process: other.Process, exited: make(chan struct{})}
	close(e.exited)
	e.Kill()
	// A second signal asks how the process is: it ends by that one and no other.
	if err := syscall.Kill(other.Process.Pid, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil || err.Error() != "signal: terminated" {
		t.Errorf("it ended with %v", err)
	}
}
