//go:build linux

package machine

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// WriteKernelLog appends a message of the kernel to the log of a machine with GPUs, in the form of
// /dev/kmsg: "priority,sequence,microseconds since boot,flags;text". pid is the machine's first process.
func WriteKernelLog(pid int, text string) (err error) {
	name := fmt.Sprintf("/proc/%d/root/dev/kmsg", pid)
	if info, err := os.Stat(name); err != nil {
		return fmt.Errorf("find the kernel's log: %w", err)
	} else if !info.Mode().IsRegular() {
		return errors.New("the machine has no GPUs: its kernel's log is this machine's, and is not written to")
	}
	f, err := os.OpenFile(name, os.O_RDWR|os.O_APPEND, 0)
	if err != nil {
		return fmt.Errorf("open the kernel's log: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		return fmt.Errorf("lock the kernel's log: %w", err)
	}
	before, err := os.ReadFile(name)
	if err != nil {
		return fmt.Errorf("read the kernel's log: %w", err)
	}
	var up unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &up); err != nil {
		return fmt.Errorf("read the time since boot: %w", err)
	}
	text = strings.ReplaceAll(text, "\n", " ")
	_, err = fmt.Fprintf(f, "4,%d,%d,-;%s\n", bytes.Count(before, []byte("\n")), time.Duration(up.Nano()).Microseconds(), text)
	if err != nil {
		return fmt.Errorf("write the kernel's log: %w", err)
	}
	return nil
}
