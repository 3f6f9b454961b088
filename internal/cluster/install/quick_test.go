package install

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// counted stands for every command in PATH: it notes the call in FAKE/started, and runs the command.
// Background processes (LATER) are not noted: the caller does not wait for them.
const counted = `#!/bin/sh
name=${0##*/}
[ -n "$LATER" ] || echo "$name $*" >>"$FAKE/started"
PATH=$FAKE/bin:/usr/bin:/bin
case $name in
sleep) exit ;;
timeout)
	[ -z "$LATER" ] || exit 124
	shift
	[ "$1:$(cat "$FAKE/fault")" != systemctl:systemctl-hangs ] || exit 124
	"$@"
	exit ;;
esac
exec "$(command -v "$name")" "$@"
`

// count has every command be counted, and no wait take time.
func (n *node) count() {
	n.t.Helper()
	n.write(n.fake+"/counted", counted, 0o755)
	n.path = n.t.TempDir()
	for _, dir := range []string{"/usr/bin", "/bin", n.fake + "/bin"} {
		all, err := os.ReadDir(dir)
		if err != nil {
			n.t.Fatal(err)
		}
		for _, f := range all {
			if err := os.Symlink(n.fake+"/counted", filepath.Join(n.path, f.Name())); err != nil && !errors.Is(err, os.ErrExist) {
				n.t.Fatal(err)
			}
		}
	}
}

// started are the commands that a run started, and the seconds that it asked to wait for.
func (n *node) started() (commands []string, waits float64) {
	n.t.Helper()
	for line := range strings.Lines(n.told("started")) {
		words := strings.Fields(line)
		commands = append(commands, words[0])
		if words[0] != "sleep" && words[0] != "timeout" {
			continue
		}
		seconds, err := strconv.ParseFloat(words[1], 64)
		if err != nil {
			n.t.Errorf("%q: how long is that?", line)
		}
		waits += seconds
		if words[0] == "timeout" {
			commands = append(commands, words[2])
		}
	}
	return commands, waits
}

// TestInstallIsQuick: ParallelCluster waits for the script, which is to return within a second. The test judges
// what takes time on any machine: how many commands the script starts, that they are such as return at once,
// systemctl under a bound, and how long all bounds and sleeps are together. These are 0.9 s at most, and 40
// commands take 40 to 80 ms where nothing else runs.
func TestInstallIsQuick(t *testing.T) {
	const most, wait = 40, 1.0
	atOnce := []string{"cat", "chmod", "ln", "mkdir", "mv", "rm", "sleep", "timeout"}
	for _, c := range []struct {
		name, fault, unit, last string
		bounded                 []string
	}{
		{"systemd answers", "", "", "is starting", []string{"true", "systemctl"}},
		{"systemd answers, another unit is there", "", "[Unit]\n", "is starting", []string{"true", "systemctl", "systemctl"}},
		{"systemd hangs", "systemctl-hangs", "", "gave no answer", []string{"true", "systemctl"}},
		{"systemd hangs, another unit is there", "systemctl-hangs", "[Unit]\n", "gave no answer", []string{"true", "systemctl", "systemctl"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			eachShell(t, func(t *testing.T, n *node) {
				n.env = []string{"PARASCOPE_QUICK="} // as on a node
				file := n.stage(&Manifest{}, "v1.0.0", "works", nil)
				n.background(file)
				n.fault(c.fault)
				if c.unit != "" {
					n.file("etc/systemd/system/parascope-install.service", c.unit)
				}
				n.count()
				out, status := n.run(file)
				if status != 0 || !strings.Contains(last(out), c.last) {
					t.Fatalf("status %d, want %q:\n%s", status, c.last, out)
				}
				commands, waits := n.started()
				t.Logf("it started %d commands and would have waited for %.1f s", len(commands), waits)
				if len(commands) > most || waits >= wait {
					t.Errorf("%d commands (at most %d), and waits of %.1f s (less than %.1f): %s", len(commands), most, waits, wait, commands)
				}
				var bounded []string
				for i, name := range commands {
					switch {
					case i > 0 && commands[i-1] == "timeout":
						bounded = append(bounded, name)
					case !slices.Contains(atOnce, name):
						t.Errorf("nothing bounds %s, which is not one of those that return at once: %s", name, atOnce)
					}
				}
				if !slices.Equal(bounded, c.bounded) {
					t.Errorf("with a bound it called %s, want %s", bounded, c.bounded)
				}
			})
		})
	}
}

// background marks what the script leaves behind in the background.
func (n *node) background(file string) {
	n.t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		n.t.Fatal(err)
	}
	const starts = "\n\t\tstart_later\n\t) &\n"
	if strings.Count(string(text), starts) != 1 {
		n.t.Fatalf("the script does not start in the background what it has no time for: %q is not in it", starts)
	}
	n.write(file, strings.Replace(string(text), starts, "\n\t\texport LATER=1; start_later\n\t) &\n", 1), 0o755)
}

// TestQuickCountsAll: what a shell starts is counted, whichever shell it is.
func TestQuickCountsAll(t *testing.T) {
	eachShell(t, func(t *testing.T, n *node) {
		n.fault("")
		n.count()
		file := n.fake + "/script.sh"
		n.write(file, "i=0; while [ $i -lt 50 ]; do cat /dev/null; i=$((i + 1)); done\nsleep 0.5; timeout 0.25 true\n", 0o755)
		n.run(file)
		if commands, waits := n.started(); len(commands) != 53 || waits != 0.75 {
			t.Errorf("%d commands and waits of %g s were counted, want 53 and 0.75", len(commands), waits)
		}
	})
}
