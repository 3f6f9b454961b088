package install

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// shells are those that /bin/sh is on nodes, or may be.
var shells = map[string][]string{"dash": {"dash"}, "bash": {"bash", "--posix"}, "busybox": {"busybox", "sh"}}

// node is a directory that stands for a node's root directory, with commands of its own in
// PATH: an AWS CLI that copies from a directory, a systemctl that starts what is not broken,
// a curl that asks the latter.
type node struct {
	t     *testing.T
	shell []string
	root  string
	fake  string
	env   []string
	path  string
}

// fakes are the commands. FAKE is the directory of what they are told and say.
var fakes = map[string]string{
	"aws": `
key= last= rest=
for w; do
	[ "$rest" != --key ] || key=$w
	rest=$w last=$w
done
echo "$*" >>"$FAKE/aws.log"
case $(cat "$FAKE/fault" 2>/dev/null) in
hang) exec /bin/sleep 100000 ;;
denied) printf '\nAn error occurred (AccessDenied) when calling the GetObject operation: Access Denied\n' >&2; exit 254 ;;
truncated) head -c 40 "$FAKE/s3/$key" >"$last" ;;
altered) case $key in */manifest) cp "$FAKE/s3/$key" "$last" ;; *) echo other >"$last" ;; esac ;;
full) printf '[Errno 28] No space left on device\n' >&2; exit 255 ;;
*) [ -f "$FAKE/s3/$key" ] || { echo 'An error occurred (NoSuchKey) when calling the GetObject operation: gone' >&2; exit 254; }
	cp "$FAKE/s3/$key" "$last" ;;
esac`,
	"systemctl": `
echo "$*" >>"$FAKE/systemctl.log"
[ "$(cat "$FAKE/fault" 2>/dev/null)" != systemctl-hangs ] || exec /bin/sleep 100000
for unit; do :; done
case "$*" in
is-active*) [ -f "$FAKE/active.$unit" ] ;;
*restart*) [ ! -f "$FAKE/stubborn" ] && : >"$FAKE/active.$unit" ;;
*disable*|*stop*) rm -f "$FAKE/active.$unit"; [ -z "$(cat "$FAKE/frees" 2>/dev/null)" ] || : >"$PARASCOPE_ROOT/proc/net/tcp" ;;
esac`,
	"curl": `
for url; do :; done
case $url in
*:9090/*) unit=prometheus.service ;;
*) unit=parascope-node.service ;;
esac
[ -f "$FAKE/active.$unit" ] && ! grep -q broken "$PARASCOPE_ROOT/opt/parascope/current/bin/parascope-node"`,
	"ss":    `cat "$FAKE/ss"`,
	"sleep": `:`,
}

// newNode makes a compute node.
func newNode(t *testing.T, shell []string) *node {
	t.Helper()
	if _, err := exec.LookPath(shell[0]); err != nil {
		t.Skip(shell[0] + " is not installed")
	}
	n := &node{t: t, shell: shell, root: t.TempDir(), fake: t.TempDir()}
	for name, text := range fakes {
		n.write(n.fake+"/bin/"+name, "#!/bin/sh\n"+text+"\n", 0o755)
	}
	n.file("etc/parallelcluster/cfnconfig", "stack_name=hpc\ncfn_region=us-east-2\ncfn_node_type=ComputeFleet\ncfn_proxy=NONE\n")
	n.file("etc/parallelcluster/slurm_plugin/slurm_nodename", "gpu-dy-p5-1")
	n.file("proc/net/tcp", "")
	n.path = n.fake + "/bin:/usr/bin:/bin"
	return n
}

func (n *node) write(file, text string, mode os.FileMode) {
	n.t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		n.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), mode); err != nil {
		n.t.Fatal(err)
	}
}

func (n *node) file(name, text string) {
	n.t.Helper()
	n.write(filepath.Join(n.root, name), text, 0o644)
}

func (n *node) read(name string) string {
	b, err := os.ReadFile(filepath.Join(n.root, name))
	if err != nil {
		return ""
	}
	return string(b)
}

func (n *node) told(name string) string {
	b, err := os.ReadFile(filepath.Join(n.fake, name))
	if err != nil {
		return ""
	}
	return string(b)
}

// fault has the fake commands fail in a way; "" ends it.
func (n *node) fault(what string) { n.t.Helper(); n.write(n.fake+"/fault", what, 0o644) }

// run runs a script in the node's shell and returns what it printed and its exit status.
func (n *node) run(script string, args ...string) (string, int) {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(n.t.Context(), 2*time.Minute) // far less than a hanging command takes
	defer cancel()
	//nolint:gosec // the script under test
	cmd := exec.CommandContext(ctx, n.shell[0], append(append(append([]string{}, n.shell[1:]...), script), args...)...)
	cmd.Env = append([]string{"PATH=" + n.path, "FAKE=" + n.fake, "PARASCOPE_ROOT=" + n.root, "PARASCOPE_PROOF=2", "PARASCOPE_QUICK=60",
		"PARASCOPE_BACKOFF=0", "PARASCOPE_PERIOD=0"}, n.env...)
	cmd.WaitDelay = time.Minute // background processes may still hold the output
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if cmd.Process != nil { // background processes are ended before the directories are removed
		n.t.Cleanup(func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
	}
	if ctx.Err() != nil {
		n.t.Fatalf("it waits:\n%s", out.String())
	}
	if _, ok := err.(*exec.ExitError); err != nil && !ok {
		n.t.Fatal(err)
	}
	return out.String(), cmd.ProcessState.ExitCode()
}

// packed is a program as it is staged.
func packed(t *testing.T, name, arch, text string) Program {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return Program{Name: name, Architecture: arch, Packed: b.Bytes()}
}

// programs are a release's, for the machine that the test runs on.
func programs(t *testing.T, text string) []Program {
	t.Helper()
	head := "#!/bin/sh\necho \"$*\" >>\"$FAKE/head.log\"\n" +
		"case $(cat \"$FAKE/fault\" 2>/dev/null) in existing) echo 'Error: another Prometheus is already installed on this node' >&2; " +
		"exit 6 ;; esac\n" +
		"mkdir -p \"$PARASCOPE_ROOT/opt/prometheus\" \"$PARASCOPE_ROOT/etc/systemd/system\"\n" +
		"echo '# " + text + "' >\"$PARASCOPE_ROOT/opt/prometheus/prometheus.yml\"\n" +
		"echo \"# Written by 'parascope-head setup'.\" >\"$PARASCOPE_ROOT/etc/systemd/system/prometheus.service\"\n"
	var all []Program
	for _, arch := range []string{"amd64", "arm64"} {
		all = append(all, packed(t, "parascope-node", arch, text), packed(t, "parascope-nvml", arch, text),
			packed(t, "parascope-head", arch, head))
	}
	return all
}

// stage puts a release into the directory that the fake AWS CLI reads.
func (n *node) stage(m *Manifest, version, text string, move func(*Manifest, Release) error) string {
	n.t.Helper()
	place := Place{Bucket: "bucket-1", Owner: "111122223333", Region: "us-east-2", Prefix: "parascope/pcluster-infra/v1/"}
	release, objects := place.Release(version, programs(n.t, text))
	for i, f := range release.Files {
		n.write(n.fake+"/s3/"+f.Key, string(objects[i]), 0o644)
	}
	if move == nil {
		m.Stage(release)
	} else if err := move(m, release); err != nil {
		n.t.Fatal(err)
	}
	m.Workspace = Workspace{"https://aps-workspaces.us-east-2.amazonaws.com/workspaces/ws-1/api/v1/remote_write", "us-east-2"}
	n.write(n.fake+"/s3/"+place.ManifestKey(), m.Text(), 0o644)
	file := n.fake + "/install.sh"
	n.write(file, string(place.Script()), 0o755)
	return file
}

// last is the last line of a log.
func last(out string) string {
	lines := strings.Split(strings.TrimSpace(out), "\n")
	return lines[len(lines)-1]
}

// eachShell runs a test in dash, which is /bin/sh on Ubuntu, and with SHELLS=all, or where
// the test is one that installs, in the other shells: that takes minutes.
func eachShell(t *testing.T, test func(*testing.T, *node)) {
	installs := t.Name() == "TestTheUnitInstalls" || t.Name() == "TestInstallStartsTheUnit"
	for name, shell := range shells {
		t.Run(name, func(t *testing.T) {
			if name != "dash" && !installs && os.Getenv("SHELLS") != "all" {
				t.Skip("in dash only; SHELLS=all runs it in bash and busybox as well (make install-shells)")
			}
			t.Parallel()
			test(t, newNode(t, shell))
		})
	}
}

// TestInstallNeverFails: whatever is wrong, the script that ParallelCluster runs exits with
// 0 and does not wait.
func TestInstallNeverFails(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(*node)
		last  string
	}{
		{"nothing is wrong", func(*node) {},
			"parascope: parascope-install.service is starting; 'journalctl -u parascope-install' shows what it does"},
		{"systemctl hangs", func(n *node) { n.fault("systemctl-hangs"); n.env = []string{"PARASCOPE_QUICK=1"} },
			"parascope: systemctl failed or gave no answer; parascope-install.service is started when it answers, or at the next boot"},
		{"no systemctl", func(n *node) { n.only("systemctl") },
			"parascope: systemctl was not found; parascope-install.service is started when there is one, or at the next boot"},
		{"opt cannot be written", func(n *node) { n.link("opt") },
			"parascope: parascope-install.service is starting; 'journalctl -u parascope-install' shows what it does"},
		{"opt and units cannot be written", func(n *node) { n.link("opt"); n.link("etc/systemd") },
			"parascope: parascope-install.service is starting; 'journalctl -u parascope-install' shows what it does"},
		{"no unit can be written", func(n *node) { n.link("etc/systemd"); n.link("run/systemd") },
			"parascope: nothing installed: no directory for the unit can be written to"},
		{"nothing can be written", func(n *node) { n.link("opt"); n.link("run") },
			"parascope: nothing installed: neither " + "ROOT/opt/parascope nor ROOT/run/parascope-install can be written to"},
	} {
		t.Run(c.name, func(t *testing.T) {
			eachShell(t, func(t *testing.T, n *node) {
				file := n.stage(&Manifest{}, "v1.0.0", "works", nil)
				c.spoil(n)
				out, status := n.run(file)
				if status != 0 {
					t.Errorf("status %d", status)
				}
				if diff := cmp.Diff(c.last, strings.ReplaceAll(last(out), n.root, "ROOT")); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

// only takes a command away: PATH then has links to all others.
func (n *node) only(missing string) {
	n.t.Helper()
	dir := n.fake + "/others"
	for _, from := range []string{"/usr/bin", "/bin", n.fake + "/bin"} {
		all, err := filepath.Glob(from + "/*")
		if err != nil {
			n.t.Fatal(err)
		}
		for _, f := range all {
			if filepath.Base(f) == missing {
				continue
			}
			if err := os.MkdirAll(dir, 0o755); err != nil {
				n.t.Fatal(err)
			}
			_ = os.Remove(dir + "/" + filepath.Base(f))
			if err := os.Symlink(f, dir+"/"+filepath.Base(f)); err != nil {
				n.t.Fatal(err)
			}
		}
	}
	n.path = dir
}

// link makes a directory one that nobody can write to, root neither.
func (n *node) link(name string) {
	n.t.Helper()
	dir := filepath.Join(n.root, name)
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(filepath.Dir(dir), 0o755)); err != nil {
		n.t.Fatal(err)
	}
	if err := os.Symlink("/proc/self/fdinfo", dir); err != nil {
		n.t.Fatal(err)
	}
}

// unlink ends that.
func (n *node) unlink(name string) {
	n.t.Helper()
	if err := os.Remove(filepath.Join(n.root, name)); err != nil {
		n.t.Fatal(err)
	}
}

// TestInstallStartsTheUnit: what systemd is told, and what it finds.
func TestInstallStartsTheUnit(t *testing.T) {
	eachShell(t, func(t *testing.T, n *node) {
		file := n.stage(&Manifest{}, "v1.0.0", "works", nil)
		n.run(file)
		if got := n.told("systemctl.log"); got != "--no-block restart parascope-install.service\n" {
			t.Errorf("systemctl was called with %q", got)
		}
		unit := n.read("etc/systemd/system/multi-user.target.wants/parascope-install.service")
		if !strings.Contains(unit, "\nExecStart=/bin/sh /opt/parascope/lib/parascope-install.sh --run\n") {
			t.Errorf("the unit that is enabled is %q", unit)
		}
		if n.read("opt/parascope/lib/parascope-install.sh") == "" {
			t.Error("the script was not kept")
		}
		if n.told("aws.log") != "" {
			t.Error("the script asked AWS")
		}
	})
}

// once makes a pass of the unit.
func (n *node) once() (string, int) {
	return n.run(filepath.Join(n.root, "opt/parascope/lib/parascope-install.sh"), "--once")
}

// metric is the value of a series of the node's state.
func (n *node) metric(series string) string {
	for line := range strings.Lines(n.read("run/parascope-install/parascope-install.prom")) {
		if value, ok := strings.CutPrefix(line, series+" "); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
