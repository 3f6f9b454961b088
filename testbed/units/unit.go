// Package units runs services as systemd does, as far as the test bed's machines
// need it: unit files, a supervisor in the machine's first process, and a stand-in
// for systemctl and journalctl that asks it.
package units

//lint:file-ignore ST1005 these are the messages of systemd

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// unit is a service as its file describes it.
type unit struct {
	name, file  string
	description string
	kind        string // Type=
	pre, start  []command
	post, stop  []command
	reload      []command
	restart     string
	restartWait time.Duration
	stopWait    time.Duration
	remain      bool // RemainAfterExit=
	user, group string
	dir         string
	env         []string
	envFiles    []string
	runtimeDirs []string // below /run
	stateDirs   []string // below /var/lib
	killMain    bool     // KillMode=process: children go on
	wantedBy    []string
}

// command is a line of Exec…=.
type command struct {
	argv    []string
	mayFail bool // "-" before it
}

// directories are where unit files are, the first one that has it wins.
var directories = []string{"/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system",
	"/lib/systemd/system"}

// errNoUnit says that there is no file for a unit.
var errNoUnit = errors.New("not found")

// load reads a unit's file and its drop-ins.
func load(root, name string) (*unit, error) {
	u := &unit{name: name, kind: "simple", restart: "no", restartWait: 100 * time.Millisecond, stopWait: 90 * time.Second, dir: "/"}
	for _, d := range directories {
		file := filepath.Join(root, d, name)
		err := u.read(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		u.file = file
		break
	}
	if u.file == "" {
		return nil, fmt.Errorf("Unit %s could not be found: %w", name, errNoUnit)
	}
	for _, d := range directories {
		dropIns, err := filepath.Glob(filepath.Join(root, d, name+".d", "*.conf"))
		if err != nil {
			return nil, fmt.Errorf("find drop-ins of %s: %w", name, err)
		}
		for _, file := range dropIns {
			if err := u.read(file); err != nil {
				return nil, err
			}
		}
	}
	if len(u.start) == 0 {
		return nil, fmt.Errorf("%s has no ExecStart=", u.file)
	}
	return u, nil
}

// read takes the settings of one file.
func (u *unit) read(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("read unit %s: %w", u.name, err)
	}
	defer f.Close()
	section, held := "", ""
	for lines := bufio.NewScanner(f); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		if line == "" && held == "" || strings.HasPrefix(line, "#") || strings.HasPrefix(line, ";") {
			continue
		}
		if rest, more := strings.CutSuffix(line, `\`); more {
			held += rest + " "
			continue
		}
		line, held = held+line, ""
		if strings.HasPrefix(line, "[") && strings.HasSuffix(line, "]") {
			section = line[1 : len(line)-1]
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok {
			return fmt.Errorf("%s: %q is no setting", file, line)
		}
		if err := u.set(section, strings.TrimSpace(key), strings.TrimSpace(value)); err != nil {
			return fmt.Errorf("%s: %s=: %w", file, key, err)
		}
	}
	return nil
}

// set takes one setting. Settings that mean nothing to the stand-in are skipped:
// sandboxing, limits, the order of units and many more.
func (u *unit) set(section, key, value string) (err error) {
	value = u.expandSpecifiers(value)
	switch section + "." + key {
	case "Unit.Description":
		u.description = value
	case "Install.WantedBy":
		u.wantedBy = append(u.wantedBy, strings.Fields(value)...)
	case "Service.Type":
		u.kind = value
	case "Service.Restart":
		u.restart = value
	case "Service.User":
		u.user = value
	case "Service.Group":
		u.group = value
	case "Service.WorkingDirectory":
		u.dir = strings.TrimPrefix(value, "-")
	case "Service.RemainAfterExit":
		u.remain = value == "yes" || value == "true"
	case "Service.KillMode":
		u.killMain = value == "process"
	case "Service.RestartSec":
		u.restartWait, err = span(value)
	case "Service.TimeoutStopSec":
		u.stopWait, err = span(value)
	case "Service.RuntimeDirectory":
		u.runtimeDirs = append(u.runtimeDirs, strings.Fields(value)...)
	case "Service.StateDirectory":
		u.stateDirs = append(u.stateDirs, strings.Fields(value)...)
	case "Service.Environment":
		var words []string
		if words, err = split(value); err == nil {
			u.env = append(u.env, words...)
		}
	case "Service.EnvironmentFile":
		u.envFiles = append(u.envFiles, value)
	default:
		if list := u.commands(section + "." + key); list != nil {
			return addCommand(list, value)
		}
	}
	return err
}

func (u *unit) commands(key string) *[]command {
	return map[string]*[]command{"Service.ExecStartPre": &u.pre, "Service.ExecStart": &u.start, "Service.ExecStartPost": &u.post,
		"Service.ExecStop": &u.stop, "Service.ExecReload": &u.reload}[key]
}

// addCommand appends a line of Exec…=; an empty one forgets those before it.
func addCommand(list *[]command, value string) error {
	if value == "" {
		*list = nil
		return nil
	}
	c := command{}
	for strings.ContainsAny(value[:1], "-@:+!") {
		c.mayFail = c.mayFail || value[0] == '-'
		if value = value[1:]; value == "" {
			return errors.New("no command")
		}
	}
	var err error
	if c.argv, err = split(value); err != nil {
		return err
	}
	*list = append(*list, c)
	return nil
}

// expandSpecifiers replaces systemd's %n and the others that units here may have.
func (u *unit) expandSpecifiers(value string) string {
	host, _ := os.Hostname() // without one %H is empty
	plain := strings.TrimSuffix(u.name, ".service")
	_, instance, _ := strings.Cut(plain, "@")
	return strings.NewReplacer("%%", "%", "%n", u.name, "%N", plain, "%p", plain, "%i", instance, "%H", host, "%t", "/run", "%S", "/var/lib").
		Replace(value)
}

// span is a time as systemd writes it: seconds without a unit.
func span(value string) (time.Duration, error) {
	if value == "infinity" {
		return 1 << 62, nil
	}
	if d, err := time.ParseDuration(value + "s"); err == nil {
		return d, nil
	}
	short := strings.NewReplacer("msec", "ms", "seconds", "s", "sec", "s", "minutes", "m", "min", "m", " ", "").Replace(value)
	d, err := time.ParseDuration(short)
	if err != nil {
		return 0, fmt.Errorf("%q is not a time span", value)
	}
	return d, nil
}

// split cuts a line into words, which may be quoted.
func split(line string) ([]string, error) {
	var words []string
	var word strings.Builder
	quote, within := rune(0), false
	for _, r := range line {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '"' || r == '\'':
			quote, within = r, true
		case r == ' ' || r == '\t':
			if within {
				words = append(words, word.String())
			}
			word.Reset()
			within = false
		default:
			word.WriteRune(r)
			within = true
		}
	}
	if quote != 0 {
		return nil, fmt.Errorf("a quote is not closed in %q", line)
	}
	if within {
		words = append(words, word.String())
	}
	return words, nil
}
