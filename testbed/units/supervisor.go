//go:build linux

package units

//lint:file-ignore ST1005 these are the messages of systemd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Supervisor runs a machine's services.
type Supervisor struct {
	root string // in front of all paths: "/" in a machine
	env  []string
	now  func() time.Time
	all  *processes
	halt func()
	null *os.File // standard input of everything

	mu       sync.Mutex
	services map[string]*service
}

// service is a unit that was started once at least.
type service struct {
	unit    *unit
	state   string // ActiveState
	result  string // why it failed: exit-code, signal, resources
	main    int    // pid
	since   time.Time
	cancel  context.CancelFunc // asks run to stop it
	done    chan struct{}      // closed when run has returned
	settled chan struct{}      // closed when the start is over, well or not
	count   int                // restarts
}

// NewSupervisor prepares one, which takes the ends of all processes from then on;
// halt is called where the machine is to be switched off.
func NewSupervisor(root string, env []string, now func() time.Time, halt func()) (*Supervisor, error) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, fmt.Errorf("start the supervisor: %w", err)
	}
	return &Supervisor{root: root, env: env, now: now, all: newProcesses(), halt: halt, null: null, services: map[string]*service{}}, nil
}

// Run runs a command that is no service, and returns its exit status.
func (s *Supervisor) Run(ctx context.Context, argv []string, output *os.File) (int, error) {
	pid, done, err := s.all.start(argv, &syscall.ProcAttr{Dir: "/", Env: s.env, Files: []uintptr{s.null.Fd(), output.Fd(), output.Fd()},
		Sys: &syscall.SysProcAttr{Setsid: true}})
	if err != nil {
		return 0, err
	}
	select {
	case status := <-done:
		return status.ExitStatus(), nil
	case <-ctx.Done():
		return 0, errors.Join(ctx.Err(), syscall.Kill(-pid, syscall.SIGKILL))
	}
}

// start starts a unit unless it runs, and waits until the start is over where wait
// is set: for a oneshot until its command has ended.
func (s *Supervisor) start(ctx context.Context, name string, wait bool) error {
	s.mu.Lock()
	svc := s.services[name]
	if svc == nil || svc.state == "inactive" || svc.state == "failed" {
		u, err := load(s.root, name)
		if err != nil {
			s.mu.Unlock()
			return err
		}
		running, cancel := context.WithCancel(context.WithoutCancel(ctx))
		svc = &service{unit: u, state: "activating", since: s.now(), cancel: cancel, done: make(chan struct{}), settled: make(chan struct{})}
		s.services[name] = svc
		go s.run(running, svc)
	}
	s.mu.Unlock()
	if !wait {
		return nil
	}
	select {
	case <-svc.settled:
	case <-ctx.Done():
		return ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if svc.state == "failed" {
		return fmt.Errorf(
			"Job for %s failed because the control process exited with error code.\n"+
				"See \"systemctl status %s\" and \"journalctl -xeu %s\" for details",
			name,
			name,
			name,
		)
	}
	return nil
}

// stop ends a unit and waits for it.
func (s *Supervisor) stop(ctx context.Context, name string) error {
	s.mu.Lock()
	svc := s.services[name]
	s.mu.Unlock()
	if svc == nil {
		_, err := load(s.root, name)
		return err
	}
	svc.cancel()
	select {
	case <-svc.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// run takes a unit from its start to its end, through all restarts.
func (s *Supervisor) run(ctx context.Context, svc *service) {
	defer close(svc.done)
	defer svc.cancel()
	settle := sync.OnceFunc(func() { close(svc.settled) })
	defer settle()
	u := svc.unit
	for {
		ok, result := s.once(ctx, svc, settle)
		if ctx.Err() != nil {
			s.note(svc, "inactive", "")
			return
		}
		again := u.restart == "always" || !ok && (u.restart == "on-failure" || result == "signal" && u.restart == "on-abnormal")
		if u.kind == "oneshot" && ok {
			again = false
		}
		if !again {
			switch {
			case !ok:
				s.note(svc, "failed", result)
			case u.remain:
				s.note(svc, "active", "")
				settle()
				<-ctx.Done()
				s.note(svc, "inactive", "")
			default:
				s.note(svc, "inactive", "")
			}
			return
		}
		s.note(svc, "activating", "auto-restart")
		settle()
		wait := time.NewTimer(u.restartWait)
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
		}
		if ctx.Err() != nil {
			s.note(svc, "inactive", "")
			return
		}
		s.mu.Lock()
		svc.count++
		s.mu.Unlock()
	}
}

// once runs a unit's commands once. Its result is systemd's word for the failure.
func (s *Supervisor) once(ctx context.Context, svc *service, settle func()) (ok bool, result string) {
	u := svc.unit
	log, err := s.log(u.name)
	if err != nil {
		return false, "resources"
	}
	defer log.Close()
	attr, err := s.attributes(u, log)
	if err != nil {
		fmt.Fprintf(log, "%s: %v\n", u.name, err)
		return false, "resources"
	}
	for _, c := range u.pre {
		if ok, result := s.command(ctx, svc, c, attr, log, nil); !ok {
			return false, result
		}
	}
	for _, c := range u.start {
		up := func() {
			if u.kind == "oneshot" {
				return
			}
			s.note(svc, "active", "")
			for _, c := range u.post {
				s.command(ctx, &service{unit: u}, c, attr, log, nil)
			}
			settle()
		}
		if ok, result := s.command(ctx, svc, c, attr, log, up); !ok {
			return false, result
		}
	}
	return true, ""
}

// command runs one and waits for its end. When ctx ends it is stopped; up is called
// as soon as it runs.
func (s *Supervisor) command(
	ctx context.Context,
	svc *service,
	c command,
	attr *syscall.ProcAttr,
	log *os.File,
	up func(),
) (ok bool, result string) {
	argv := expand(c.argv, attr.Env)
	pid, done, err := s.all.start(argv, attr)
	if err != nil {
		fmt.Fprintf(log, "%s: %v\n", svc.unit.name, err)
		return c.mayFail, "exit-code"
	}
	s.mu.Lock()
	svc.main = pid
	s.mu.Unlock()
	if up != nil {
		up()
	}
	var status syscall.WaitStatus
	select {
	case status = <-done:
	case <-ctx.Done():
		status = s.end(svc, pid, done, attr, log)
	}
	s.mu.Lock()
	svc.main = 0
	s.mu.Unlock()
	if !svc.unit.killMain {
		_ = syscall.Kill(-pid, syscall.SIGKILL) // what it left behind; mostly there is nothing
	}
	switch {
	case c.mayFail || status.ExitStatus() == 0:
		return true, ""
	case status.Signaled():
		fmt.Fprintf(log, "%s: main process killed by %s\n", svc.unit.name, status.Signal())
		return false, "signal"
	}
	fmt.Fprintf(log, "%s: main process exited, status %d\n", svc.unit.name, status.ExitStatus())
	return false, "exit-code"
}

// end stops a command: ExecStop=, SIGTERM, and SIGKILL when it takes too long.
func (s *Supervisor) end(svc *service, pid int, done <-chan syscall.WaitStatus, attr *syscall.ProcAttr, log *os.File) syscall.WaitStatus {
	s.note(svc, "deactivating", "")
	for _, c := range svc.unit.stop {
		if _, ended, err := s.all.start(expand(c.argv, append(attr.Env, "MAINPID="+strconv.Itoa(pid))), attr); err == nil {
			<-ended
		}
	}
	target := -pid
	if svc.unit.killMain {
		target = pid
	}
	_ = syscall.Kill(target, syscall.SIGTERM) // it may have ended by ExecStop=
	patience := time.NewTimer(svc.unit.stopWait)
	defer patience.Stop()
	select {
	case status := <-done:
		return status
	case <-patience.C:
		fmt.Fprintf(log, "%s: stopping took too long, killing\n", svc.unit.name)
		_ = syscall.Kill(target, syscall.SIGKILL)
		return <-done
	}
}

// note changes a service's state.
func (s *Supervisor) note(svc *service, state, result string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	svc.state, svc.result, svc.since = state, result, s.now()
}

// LogFile takes what a unit's commands print.
func LogFile(root, name string) string {
	return filepath.Join(root, "/var/log/journal-testbed", name+".log")
}

func (s *Supervisor) log(name string) (*os.File, error) {
	file := LogFile(s.root, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return nil, fmt.Errorf("open the log of %s: %w", name, err)
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open the log of %s: %w", name, err)
	}
	return f, nil
}

// attributes are what all of a unit's commands run with.
func (s *Supervisor) attributes(u *unit, log *os.File) (*syscall.ProcAttr, error) {
	sys := &syscall.SysProcAttr{Setsid: true}
	env := append([]string{}, s.env...)
	if u.user != "" {
		who, err := user.Lookup(u.user)
		if err != nil {
			return nil, fmt.Errorf("find user %s: %w", u.user, err)
		}
		uid, uidErr := strconv.Atoi(who.Uid)
		gid, gidErr := strconv.Atoi(who.Gid)
		if err := errors.Join(uidErr, gidErr); err != nil {
			return nil, fmt.Errorf("find user %s: %w", u.user, err)
		}
		sys.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		env = append(env, "USER="+who.Username, "HOME="+who.HomeDir)
	}
	for base, names := range map[string][]string{"/run": u.runtimeDirs, "/var/lib": u.stateDirs} {
		for _, name := range names {
			dir := filepath.Join(s.root, base, name)
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return nil, fmt.Errorf("make directory %s: %w", dir, err)
			}
			if sys.Credential != nil {
				if err := os.Chown(dir, int(sys.Credential.Uid), int(sys.Credential.Gid)); err != nil {
					return nil, fmt.Errorf("make directory %s: %w", dir, err)
				}
			}
		}
	}
	env = append(env, u.env...)
	for _, file := range u.envFiles {
		name, mayMiss := strings.CutPrefix(file, "-")
		more, err := readEnv(filepath.Join(s.root, name))
		if err != nil && !(mayMiss && errors.Is(err, os.ErrNotExist)) {
			return nil, err
		}
		env = append(env, more...)
	}
	return &syscall.ProcAttr{Dir: u.dir, Env: lastOf(env), Sys: sys, Files: []uintptr{s.null.Fd(), log.Fd(), log.Fd()}}, nil
}

// lastOf keeps the last value of each variable: C programs take the first.
func lastOf(env []string) []string {
	var out []string
	seen := map[string]bool{}
	for _, v := range slices.Backward(env) {
		name, _, _ := strings.Cut(v, "=")
		if !seen[name] {
			out = append(out, v)
		}
		seen[name] = true
	}
	slices.Reverse(out)
	return out
}

// readEnv reads an EnvironmentFile.
func readEnv(file string) ([]string, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the environment file: %w", err)
	}
	var env []string
	for line := range strings.Lines(string(b)) {
		key, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		if !ok || strings.HasPrefix(key, "#") {
			continue
		}
		env = append(env, key+"="+strings.Trim(value, `"'`))
	}
	return env, nil
}

// braced are what expand replaces within words.
var braced = regexp.MustCompile(`\$\$|\$\{[A-Za-z_][A-Za-z0-9_]*\}`)

// expand puts variables into a command: ${NAME} within words, $NAME as a word,
// which may become several.
func expand(argv, env []string) []string {
	lookup := func(name string) string {
		for i := len(env) - 1; i >= 0; i-- {
			if value, ok := strings.CutPrefix(env[i], name+"="); ok {
				return value
			}
		}
		return ""
	}
	var out []string
	for _, word := range argv {
		if name, ok := strings.CutPrefix(word, "$"); ok && !strings.HasPrefix(name, "{") && !strings.HasPrefix(name, "$") {
			out = append(out, strings.Fields(lookup(name))...)
			continue
		}
		out = append(out, braced.ReplaceAllStringFunc(word, func(found string) string {
			if found == "$$" {
				return "$"
			}
			return lookup(found[2 : len(found)-1])
		}))
	}
	return out
}

// StopAll ends all services at once, as a machine that goes down does.
func (s *Supervisor) StopAll(ctx context.Context) {
	s.mu.Lock()
	var all []*service
	for _, svc := range s.services {
		all = append(all, svc)
	}
	s.mu.Unlock()
	for _, svc := range all {
		svc.cancel()
	}
	for _, svc := range all {
		select {
		case <-svc.done:
		case <-ctx.Done():
			return
		}
	}
}
