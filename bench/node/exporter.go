// Command node measures what the node program and node_exporter cost on an imitated
// machine. See README.md.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// exporter is a running program that serves a page.
type exporter struct {
	name  string
	cmd   *exec.Cmd
	url   string
	first time.Duration // from its start to its first page
	spent float64       // seconds of CPU until then
}

// stockFlags leave out what would measure this machine by netlink instead of the tree.
var stockFlags = []string{"--no-collector.netdev.netlink", "--no-collector.arp", "--log.level=error"}

func paths(root string) []string {
	return []string{"--path.procfs=" + filepath.Join(root, "proc"), "--path.sysfs=" + filepath.Join(root, "sys"), "--path.rootfs=" + root}
}

// start starts program with the arguments and waits for its first page.
func start(ctx context.Context, name, program, root string, args ...string) (*exporter, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := l.Addr().String()
	l.Close()
	e := &exporter{name: name, url: "http://" + address + "/metrics"}
	e.cmd = exec.CommandContext(ctx, program, append(append(paths(root), "--web.listen-address="+address), args...)...)
	var log strings.Builder
	e.cmd.Stderr, e.cmd.Stdout = &log, &log
	began := time.Now()
	if err := e.cmd.Start(); err != nil {
		return nil, err
	}
	for tick := time.NewTicker(time.Millisecond); ; <-tick.C {
		if _, err = e.page(); err == nil {
			e.first = time.Since(began)
			e.spent, err = e.cpu()
			return e, err
		}
		if time.Since(began) > 20*time.Second {
			e.stop()
			return nil, fmt.Errorf("%s serves no page: %w\n%s", name, err, log.String())
		}
	}
}

func (e *exporter) stop() error {
	if err := e.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	err := e.cmd.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && !exit.Exited() {
		return nil // node_exporter ends by the signal
	}
	return err
}

func (e *exporter) page() (string, error) {
	resp, err := http.Get(e.url)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %s: %s", resp.Status, body)
	}
	return string(body), err
}

// cpu is the time that the process has spent on CPUs, in seconds: its CPU clock, whose
// number the kernel makes of the process' (clock_getcpuclockid(3)).
func (e *exporter) cpu() (float64, error) {
	const scheduled = 2 // CPUCLOCK_SCHED
	var ts unix.Timespec
	err := unix.ClockGettime(int32(^e.cmd.Process.Pid<<3|scheduled), &ts)
	return float64(ts.Nano()) / 1e9, err
}

// memory is the most that was resident, in bytes.
func (e *exporter) memory() (int, error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", e.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), "VmHWM:"); ok {
			kb, err := strconv.Atoi(strings.Fields(rest)[0])
			return kb * 1024, err
		}
	}
	return 0, errors.New("no VmHWM")
}

// series counts a page's samples: those of the machine, and those that say how the page
// itself was made.
func series(page string) (machine, itself int) {
	for line := range strings.Lines(page) {
		switch {
		case strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "node_scrape_"), strings.HasPrefix(line, "process_"), strings.HasPrefix(line, "parascope_build_info"):
			itself++
		default:
			machine++
		}
	}
	return machine, itself
}

// systemCall is what a system call that does nothing costs on this machine, in
// microseconds of CPU: what programs that read files are bound by.
func systemCall() (float64, error) {
	const calls = 100_000
	var before, after unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &before); err != nil {
		return 0, err
	}
	for range calls {
		unix.Getppid()
	}
	err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &after)
	return float64(after.Nano()-before.Nano()) / 1000 / calls, err
}
