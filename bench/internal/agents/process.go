package agents

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Process is an agent that runs.
type Process struct {
	kind Kind
	task Task
	cmd  *exec.Cmd
	log  *os.File
	done chan struct{} // closed when it has ended
	how  error         // read after done
}

// Start runs the agent; its output goes to agent.log in the task's directory.
func (k Kind) Start(t Task) (*Process, error) {
	if err := os.MkdirAll(t.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("prepare %s: %w", k.Name, err)
	}
	args, env, err := k.configure(t)
	if err != nil {
		return nil, err
	}
	log, err := os.OpenFile(filepath.Join(t.Dir, "agent.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("prepare %s: %w", k.Name, err)
	}
	cmd := exec.Command(k.Program, args...)
	cmd.Stdout, cmd.Stderr = log, log
	// Nothing of the caller's AWS settings may reach an agent.
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.Dir}, append(env, t.Env...)...)
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", k.Name, err), log.Close())
	}
	p := &Process{kind: k, task: t, cmd: cmd, log: log, done: make(chan struct{})}
	go func() {
		p.how = errors.Join(cmd.Wait(), log.Close())
		close(p.done)
	}()
	return p, nil
}

// PID is the process's.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Alive returns an error when the process has ended although nobody asked it to.
func (p *Process) Alive() error {
	select {
	case <-p.done:
		return fmt.Errorf("%s ended during the measurement (%v); read %s", p.kind.Name, p.how, p.log.Name())
	default:
		return nil
	}
}

// Metric is the sum of the series on the agent's own page that begin so.
func (p *Process) Metric(ctx context.Context, begins string) (sum int, err error) {
	address := ""
	for _, arg := range p.cmd.Args {
		if rest, ok := strings.CutPrefix(arg, "--web.listen-address="); ok {
			address = rest
		}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/metrics", http.NoBody)
	if err != nil {
		return 0, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, fmt.Errorf("read metrics of %s: %w", p.kind.Name, err)
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	for line := range strings.Lines(string(page)) {
		if strings.HasPrefix(line, begins) {
			v, parseErr := strconv.ParseFloat(strings.TrimSpace(line[strings.LastIndexByte(line, ' ')+1:]), 64)
			sum, err = sum+int(v), errors.Join(err, parseErr)
		}
	}
	return sum, err
}

// Kill ends the process with SIGKILL: what it has not written is gone.
func (p *Process) Kill() error {
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("kill %s: %w", p.kind.Name, err)
	}
	<-p.done
	return nil
}

// Reconfigure gives the running agent another interval, by SIGHUP.
func (p *Process) Reconfigure(interval time.Duration) error {
	p.task.Interval = interval
	config := scrapeConfig(p.task)
	if p.kind.Name != VMAgent {
		config += remoteWriteConfig(p.task.Endpoint, p.task.MetadataURL != "")
	}
	if err := os.WriteFile(filepath.Join(p.task.Dir, "prometheus.yml"), []byte(config), 0o600); err != nil {
		return fmt.Errorf("reconfigure %s: %w", p.kind.Name, err)
	}
	return p.cmd.Process.Signal(syscall.SIGHUP)
}

// Stop ends the process in order, and by SIGKILL when that takes 20 s or ctx ends.
func (p *Process) Stop(ctx context.Context) error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop %s: %w", p.kind.Name, err)
	}
	select {
	case <-p.done:
		return nil
	case <-time.After(20 * time.Second):
	case <-ctx.Done():
	}
	return p.Kill()
}

// Usage is what a process has used since it started.
type Usage struct {
	CPU     time.Duration // user and system
	PeakRSS int64         // bytes, the program's own pages included
	Anon    int64         // bytes of it that are no file's, now: heap and stacks
}

// ticksPerSecond is USER_HZ, which Linux has fixed for its /proc files.
const ticksPerSecond = 100

// Usage reads /proc.
func (p *Process) Usage() (Usage, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.PID()))
	if err != nil {
		return Usage{}, fmt.Errorf("measure %s: %w", p.kind.Name, err)
	}
	// The name in the second field may hold anything; the rest follows its ")".
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if len(fields) < 13 {
		return Usage{}, fmt.Errorf("measure %s: /proc stat has %d fields", p.kind.Name, len(fields))
	}
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	status, err3 := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.PID()))
	if err := errors.Join(err1, err2, err3); err != nil {
		return Usage{}, fmt.Errorf("measure %s: %w", p.kind.Name, err)
	}
	u := Usage{CPU: time.Duration(user+system) * time.Second / ticksPerSecond}
	u.PeakRSS, err1 = kilobytes(string(status), "VmHWM:")
	u.Anon, err2 = kilobytes(string(status), "RssAnon:")
	if err := errors.Join(err1, err2); err != nil {
		return Usage{}, fmt.Errorf("measure %s: %w", p.kind.Name, err)
	}
	return u, nil
}

// kilobytes finds a line of /proc/PID/status and returns its value in bytes.
func kilobytes(status, name string) (int64, error) {
	for line := range strings.Lines(status) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			kb, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return kb << 10, err
		}
	}
	return 0, fmt.Errorf("no line %s in /proc status", name)
}
