//go:build linux

package units

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Answer is what a call of systemctl prints, and its exit status.
type Answer struct {
	Out, Err string
	Code     int
}

// flags are systemctl's options that make a difference.
type flags struct {
	noBlock, now, quiet bool
	property            []string
	value               bool
	signal              string
}

// parse separates options from words.
func parse(args []string) (flags, []string) {
	var f flags
	var words []string
	for i := 0; i < len(args); i++ {
		a := args[i]
		name, value, _ := strings.Cut(a, "=")
		if (a == "-p" || a == "-s" || a == "-n") && i+1 < len(args) { // the value is the next one
			i++
			name, value = map[string]string{"-p": "--property", "-s": "--signal", "-n": "--lines"}[a], args[i]
			a = name + "=" + value
		}
		switch {
		case a == "--no-block":
			f.noBlock = true
		case a == "--now":
			f.now = true
		case a == "-q", a == "--quiet":
			f.quiet = true
		case a == "--value":
			f.value = true
		case name == "--property", strings.HasPrefix(a, "-p") && len(a) > 2:
			f.property = append(f.property, strings.Split(strings.TrimPrefix(strings.TrimPrefix(a, "--property="), "-p"), ",")...)
		case name == "--signal":
			f.signal = value
		case strings.HasPrefix(a, "-"): // --no-pager, --system, …: nothing to do
		default:
			words = append(words, a)
		}
	}
	return f, words
}

// Systemctl does what systemctl does with these arguments.
func (s *Supervisor) Systemctl(ctx context.Context, args []string) Answer {
	f, words := parse(args)
	if len(words) == 0 {
		words = []string{"list-units"}
	}
	verb, names := words[0], words[1:]
	switch verb {
	case "daemon-reload", "daemon-reexec", "reset-failed", "preset":
		return Answer{} // unit files are read at every start
	case "list-units":
		return s.list()
	case "is-system-running":
		return Answer{Out: "running\n"}
	case "poweroff", "halt", "reboot":
		s.halt()
		return Answer{}
	}
	each, known := s.verbs()[verb]
	if !known {
		return Answer{Err: "Unknown command verb " + verb + " (of the test bed's systemctl).\n", Code: 1}
	}
	if len(names) == 0 {
		return Answer{Err: "Too few arguments.\n", Code: 1}
	}
	var all Answer
	for _, name := range names {
		if !strings.Contains(name, ".") {
			name += ".service"
		}
		a := each(ctx, f, name)
		all.Out, all.Err, all.Code = all.Out+a.Out, all.Err+a.Err, max(all.Code, a.Code)
	}
	if f.quiet {
		all.Out = ""
	}
	return all
}

// verbs are what can be done to one unit.
func (s *Supervisor) verbs() map[string]func(context.Context, flags, string) Answer {
	return map[string]func(context.Context, flags, string) Answer{
		"start": func(ctx context.Context, f flags, name string) Answer {
			return failed("start", name, s.start(ctx, name, !f.noBlock))
		},
		"stop": func(ctx context.Context, f flags, name string) Answer {
			return s.unblocked(ctx, f, "stop", name, s.stop)
		},
		"restart": func(ctx context.Context, f flags, name string) Answer {
			return s.unblocked(ctx, f, "restart", name, func(ctx context.Context, name string) error {
				if _, err := load(s.root, name); err != nil {
					return err
				}
				return errors.Join(s.stop(ctx, name), s.start(ctx, name, !f.noBlock))
			})
		},
		"try-restart": func(ctx context.Context, f flags, name string) Answer {
			if state, _ := s.state(name); state != "active" {
				return Answer{}
			}
			return s.Systemctl(ctx, []string{"restart", name})
		},
		"reload":     s.reload,
		"enable":     s.enable,
		"disable":    s.disable,
		"mask":       func(context.Context, flags, string) Answer { return Answer{} },
		"unmask":     func(context.Context, flags, string) Answer { return Answer{} },
		"is-active":  func(_ context.Context, _ flags, name string) Answer { return is(s.state(name)) },
		"is-failed":  func(_ context.Context, _ flags, name string) Answer { return s.isFailed(name) },
		"is-enabled": func(_ context.Context, _ flags, name string) Answer { return s.isEnabled(name) },
		"status":     func(_ context.Context, _ flags, name string) Answer { return s.status(name) },
		"show":       func(_ context.Context, f flags, name string) Answer { return s.show(f, name) },
		"cat":        func(_ context.Context, _ flags, name string) Answer { return s.cat(name) },
		"kill":       s.kill,
	}
}

// failed is systemctl's answer to an error: 5 where there is no such unit.
func failed(verb, name string, err error) Answer {
	switch {
	case err == nil:
		return Answer{}
	case errors.Is(err, errNoUnit):
		return Answer{Err: "Failed to " + verb + " " + name + ": Unit " + name + " not found.\n", Code: 5}
	}
	return Answer{Err: err.Error() + ".\n", Code: 1}
}

// unblocked does a thing, or begins it where --no-block is given.
func (s *Supervisor) unblocked(ctx context.Context, f flags, verb, name string, do func(context.Context, string) error) Answer {
	if !f.noBlock {
		return failed(verb, name, do(ctx, name))
	}
	if _, err := load(s.root, name); err != nil {
		return failed(verb, name, err)
	}
	go do(context.WithoutCancel(ctx), name) //nolint:errcheck // nobody waits for it: 'systemctl status' tells
	return Answer{}
}

func (s *Supervisor) reload(_ context.Context, _ flags, name string) Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	svc := s.services[name]
	if svc == nil || svc.main == 0 {
		return Answer{Err: name + " is not active, cannot reload.\n", Code: 1}
	}
	// ExecReload= is as good as always a SIGHUP.
	return failed("reload", name, syscall.Kill(svc.main, syscall.SIGHUP))
}

func (s *Supervisor) kill(_ context.Context, f flags, name string) Answer {
	number := map[string]syscall.Signal{"": syscall.SIGTERM, "TERM": syscall.SIGTERM, "KILL": syscall.SIGKILL, "HUP": syscall.SIGHUP,
		"INT": syscall.SIGINT, "USR1": syscall.SIGUSR1, "USR2": syscall.SIGUSR2}[strings.TrimPrefix(f.signal, "SIG")]
	s.mu.Lock()
	defer s.mu.Unlock()
	svc := s.services[name]
	if svc == nil || svc.main == 0 {
		return Answer{Err: "Failed to kill unit " + name + ": Unit " + name + " not loaded.\n", Code: 1}
	}
	return failed("kill", name, syscall.Kill(-svc.main, number))
}

// wants are the links that enable a unit.
func (s *Supervisor) wants(u *unit) []string {
	var links []string
	for _, target := range u.wantedBy {
		links = append(links, filepath.Join(s.root, "/etc/systemd/system", target+".wants", u.name))
	}
	return links
}

func (s *Supervisor) enable(ctx context.Context, f flags, name string) Answer {
	u, err := load(s.root, name)
	if err != nil {
		return failed("enable", name, err)
	}
	var said string
	for _, link := range s.wants(u) {
		if err := os.MkdirAll(filepath.Dir(link), 0o755); err != nil {
			return failed("enable", name, err)
		}
		switch err := os.Symlink(u.file, link); {
		case err == nil:
			said += "Created symlink " + link + " → " + u.file + ".\n"
		case !errors.Is(err, fs.ErrExist):
			return failed("enable", name, err)
		}
	}
	if f.now {
		a := failed("start", name, s.start(ctx, name, !f.noBlock))
		a.Err = said + a.Err
		return a
	}
	return Answer{Err: said}
}

func (s *Supervisor) disable(ctx context.Context, f flags, name string) Answer {
	links, err := filepath.Glob(filepath.Join(s.root, "/etc/systemd/system/*.wants", name))
	if err != nil {
		return failed("disable", name, err)
	}
	var said string
	for _, link := range links {
		if err := os.Remove(link); err != nil {
			return failed("disable", name, err)
		}
		said += "Removed \"" + link + "\".\n"
	}
	if f.now {
		a := failed("stop", name, s.stop(ctx, name))
		a.Err = said + a.Err
		return a
	}
	return Answer{Err: said}
}

// StartEnabled starts what is enabled, as a machine that comes up does.
func (s *Supervisor) StartEnabled(ctx context.Context) error {
	links, err := filepath.Glob(filepath.Join(s.root, "/etc/systemd/system/*.wants/*.service"))
	if err != nil {
		return fmt.Errorf("find enabled units: %w", err)
	}
	var errs []error
	for _, link := range links {
		errs = append(errs, s.start(ctx, filepath.Base(link), false))
	}
	return errors.Join(errs...)
}

// state is a unit's ActiveState and its service, which may be nil.
func (s *Supervisor) state(name string) (string, *service) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if svc := s.services[name]; svc != nil {
		return svc.state, svc
	}
	return "inactive", nil
}

func is(state string, _ *service) Answer {
	if state == "active" {
		return Answer{Out: "active\n"}
	}
	return Answer{Out: state + "\n", Code: 3}
}

func (s *Supervisor) isFailed(name string) Answer {
	state, _ := s.state(name)
	if state == "failed" {
		return Answer{Out: "failed\n"}
	}
	return Answer{Out: state + "\n", Code: 1}
}

func (s *Supervisor) isEnabled(name string) Answer {
	u, err := load(s.root, name)
	if err != nil {
		return Answer{Err: "Failed to get unit file state for " + name + ": No such file or directory\n", Code: 1}
	}
	if slices.ContainsFunc(s.wants(u), func(link string) bool { _, err := os.Lstat(link); return err == nil }) {
		return Answer{Out: "enabled\n"}
	}
	if len(u.wantedBy) == 0 {
		return Answer{Out: "static\n"}
	}
	return Answer{Out: "disabled\n", Code: 1}
}

// status is for people: the state and the last lines of the log.
func (s *Supervisor) status(name string) Answer {
	u, err := load(s.root, name)
	if err != nil {
		return Answer{Err: "Unit " + name + " could not be found.\n", Code: 4}
	}
	state, svc := s.state(name)
	var b strings.Builder
	dot, code := "○", 3
	switch state {
	case "active":
		dot, code = "●", 0
	case "failed":
		dot = "×"
	}
	enabled := strings.TrimSpace(s.isEnabled(name).Out)
	fmt.Fprintf(&b, "%s %s - %s\n     Loaded: loaded (%s; %s)\n", dot, name, u.description, u.file, enabled)
	s.mu.Lock()
	if svc == nil {
		fmt.Fprintf(&b, "     Active: inactive (dead)\n")
	} else {
		word := map[string]string{"active": "running", "inactive": "dead", "failed": "Result: " + svc.result, "activating": svc.result,
			"deactivating": "stop-sigterm"}[svc.state]
		fmt.Fprintf(&b, "     Active: %s (%s) since %s; %s ago\n", svc.state, word, svc.since.Format("Mon 2006-01-02 15:04:05 MST"),
			s.now().Sub(svc.since).Round(time.Second))
		if svc.main != 0 {
			fmt.Fprintf(&b, "   Main PID: %d (%s)\n", svc.main, filepath.Base(u.start[0].argv[0]))
		}
	}
	s.mu.Unlock()
	if tail := s.Journal(name, 10); tail != "" {
		b.WriteString("\n" + tail)
	}
	return Answer{Out: b.String(), Code: code}
}

// Journal is the end of a unit's log.
func (s *Supervisor) Journal(name string, lines int) string {
	b, err := os.ReadFile(LogFile(s.root, name))
	if err != nil {
		return "" // it has not run yet
	}
	all := strings.SplitAfter(strings.TrimRight(string(b), "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "") + "\n"
}

// show prints the properties that scripts ask for.
func (s *Supervisor) show(f flags, name string) Answer {
	state, svc := s.state(name)
	loaded, sub, pid, restarts, result := "loaded", "dead", 0, 0, "success"
	if _, err := load(s.root, name); err != nil {
		loaded = "not-found"
	}
	s.mu.Lock()
	if svc != nil {
		pid, restarts = svc.main, svc.count
		if svc.state == "failed" {
			sub, result = "failed", svc.result
		}
	}
	s.mu.Unlock()
	if pid != 0 {
		sub = "running"
	}
	all := [][2]string{{"Id", name}, {"LoadState", loaded}, {"ActiveState", state}, {"SubState", sub}, {"Result", result},
		{"MainPID", fmt.Sprint(pid)}, {"NRestarts", fmt.Sprint(restarts)}, {"UnitFileState", strings.TrimSpace(s.isEnabled(name).Out)}}
	var b strings.Builder
	for _, p := range all {
		switch {
		case len(f.property) > 0 && !slices.Contains(f.property, p[0]):
		case f.value:
			b.WriteString(p[1] + "\n")
		default:
			b.WriteString(p[0] + "=" + p[1] + "\n")
		}
	}
	return Answer{Out: b.String()}
}

func (s *Supervisor) cat(name string) Answer {
	u, err := load(s.root, name)
	if err != nil {
		return Answer{Err: "No files found for " + name + ".\n", Code: 1}
	}
	b, err := os.ReadFile(u.file)
	if err != nil {
		return failed("cat", name, err)
	}
	return Answer{Out: "# " + u.file + "\n" + string(b)}
}

func (s *Supervisor) list() Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	var lines []string
	for name, svc := range s.services {
		lines = append(lines, fmt.Sprintf("%-40s loaded %-12s %s\n", name, svc.state, svc.unit.description))
	}
	slices.Sort(lines)
	return Answer{Out: strings.Join(lines, "")}
}
