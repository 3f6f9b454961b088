package install

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestTheUnitInstalls: the programs, their unit, the state; and nothing changes after that.
func TestTheUnitInstalls(t *testing.T) {
	eachShell(t, func(t *testing.T, n *node) {
		n.run(n.stage(&Manifest{}, "v1.0.0", "works", nil))
		out, status := n.once()
		if status != 0 || last(out) != "parascope: version v1.0.0 runs" {
			t.Fatalf("status %d:\n%s", status, out)
		}
		if got := n.read("opt/parascope/current/bin/parascope-node"); got != "works" {
			t.Errorf("the program is %q", got)
		}
		if got := n.read("opt/parascope/current/bin/parascope-nvml"); got != "" {
			t.Error("a node without GPUs fetched the GPUs' helper")
		}
		unit := n.read("etc/systemd/system/parascope-node.service")
		if !strings.Contains(unit, "\nExecStart=/opt/parascope/current/bin/parascope-node --collector.jobs "+
			"--collector.textfile.directory=/run/parascope-install\n") {
			t.Errorf("the unit:\n%s", unit)
		}
		for series, want := range map[string]string{
			`parascope_install_info{version="v1.0.0",wanted="v1.0.0"}`: "1", "parascope_install_ok": "1",
			"parascope_install_failed_attempts": "0",
		} {
			if got := n.metric(series); got != want {
				t.Errorf("%s is %q", series, got)
			}
		}
		if log := n.told("aws.log"); !strings.Contains(log,
			"s3api get-object --region us-east-2 --bucket bucket-1 --expected-bucket-owner 111122223333 "+
				"--key parascope/pcluster-infra/v1/manifest ") {
			t.Errorf("the AWS CLI was called with %s", log)
		}
		before := n.told("systemctl.log")
		n.once()
		if after := strings.TrimPrefix(n.told("systemctl.log"), before); strings.Contains(after, "start") || strings.Contains(after, "reload") {
			t.Errorf("with nothing new systemctl was called: %s", after)
		}
	})
}

// TestFaults: each fault has its last line and its reason; when its cause is gone, the next
// attempt installs.
func TestFaults(t *testing.T) {
	const key = "s3://bucket-1/parascope/pcluster-infra/v1/manifest"
	for _, c := range []struct {
		name        string
		spoil, mend func(*node)
		last        string
		reason      string
	}{
		{"S3 hangs", func(n *node) { n.fault("hang"); n.env = []string{"PARASCOPE_TIMEOUT=1"} },
			func(n *node) { n.fault(""); n.env = nil }, key + ": no answer within 1 s", "timeout"},
		{"403", faulty("denied"), faulty(""),
			key + ": An error occurred (AccessDenied) when calling the GetObject operation: Access Denied", "denied"},
		{"truncated", faulty("truncated"), faulty(""),
			"the manifest is not whole, or of a later parascope: its first line is not 'parascope 1', or its last is not 'end'", "manifest"},
		{"altered", faulty("altered"), faulty(""),
			"s3://bucket-1/KEY is not what the manifest says: 6 bytes with SHA-256 SUM, not SIZE with SUM", "digest"},
		{"disk full", faulty("full"), faulty(""), key + ": [Errno 28] No space left on device", "disk-full"},
		{"opt cannot be written", func(n *node) { n.keep("opt"); n.link("opt") }, func(n *node) { n.unlink("opt"); n.back("opt") },
			"ROOT/opt/parascope cannot be written to: mkdir: cannot create directory 'ROOT/opt/parascope': No such file or directory", "disk"},
		{"no systemctl", func(n *node) { n.only("systemctl") }, func(n *node) { n.path = n.fake + "/bin:/usr/bin:/bin" },
			"systemctl was not found: nothing can be started", "no-systemctl"},
		{"no AWS CLI", func(n *node) { n.only("aws") }, func(n *node) { n.path = n.fake + "/bin:/usr/bin:/bin" },
			"the AWS CLI was found neither in PATH nor where ParallelCluster installs it", "no-aws-cli"},
		{"no page", func(n *node) { n.write(n.fake+"/stubborn", "", 0o644) }, func(n *node) { _ = os.Remove(n.fake + "/stubborn") },
			"parascope-node serves no page on port 9100 within 2 s", "no-page"},
	} {
		t.Run(c.name, func(t *testing.T) {
			eachShell(t, func(t *testing.T, n *node) {
				if c.name == "no AWS CLI" && n.shell[0] == "busybox" && os.Getenv("CI") == "" {
					t.Log("busybox finds commands by PATH as well")
				}
				file := n.stage(&Manifest{}, "v1.0.0", "works", nil)
				n.run(file)
				c.spoil(n)
				out, status := n.run(file, "--once")
				if status == 0 {
					t.Error("the pass succeeded")
				}
				if diff := cmp.Diff("parascope: "+c.last, n.stable(last(out))); diff != "" {
					t.Error(diff)
				}
				if got := n.metric(`parascope_install_failure{reason="` + c.reason + `"}`); got != "1" {
					t.Errorf("the state is\n%s", n.read("run/parascope-install/parascope-install.prom"))
				}
				c.mend(n)
				if out, status := n.run(file, "--once"); status != 0 || n.metric("parascope_install_ok") != "1" {
					t.Errorf("after it was mended, status %d:\n%s", status, out)
				}
			})
		})
	}
}

func faulty(what string) func(*node) { return func(n *node) { n.fault(what) } }

func (n *node) keep(name string) { n.move(name, name+".kept") }
func (n *node) back(name string) { n.move(name+".kept", name) }

func (n *node) move(from, to string) {
	n.t.Helper()
	if err := os.Rename(filepath.Join(n.root, from), filepath.Join(n.root, to)); err != nil {
		n.t.Fatal(err)
	}
}

// stable takes out of a line what differs between runs and shells.
func (n *node) stable(line string) string {
	words := strings.Fields(strings.ReplaceAll(line, n.root, "ROOT"))
	for i, w := range words {
		switch {
		case len(w) == 64 || len(w) == 65 && strings.HasSuffix(w, ","):
			words[i] = "SUM" + w[64:]
		case strings.Contains(w, "/objects/"):
			words[i] = "s3://bucket-1/KEY"
		case i > 0 && words[i-1] == "not" && strings.Trim(w, "0123456789") == "":
			words[i] = "SIZE"
		}
	}
	return strings.NewReplacer("‘", "'", "’", "'", "mkdir: can't create directory", "mkdir: cannot create directory").
		Replace(strings.Join(words, " "))
}

// TestUpgrade: a node follows the manifest, a canary before the others, and keeps the
// version before for a way back.
func TestUpgrade(t *testing.T) {
	eachShell(t, func(t *testing.T, n *node) {
		m := &Manifest{}
		n.run(n.stage(m, "v1.0.0", "one", nil))
		n.once()
		runs := func(want string) {
			t.Helper()
			out, _ := n.once()
			if got := n.read("opt/parascope/current/bin/parascope-node"); got != want {
				t.Fatalf("%q runs, not %q:\n%s", got, want, out)
			}
		}
		n.stage(m, "v1.1.0", "two", nil) // staged, and for nobody yet
		runs("one")
		n.stage(m, "v1.1.0", "two", func(m *Manifest, r Release) error { return m.Try(r, []string{"hpc/gpu-dy-p5-2"}) })
		runs("one")
		n.stage(m, "v1.1.0", "two", func(m *Manifest, r Release) error { return m.Try(r, []string{"gpu-dy-p5-1"}) })
		runs("two")
		if got := n.metric(`parascope_install_info{version="v1.1.0",wanted="v1.1.0"}`); got != "1" {
			t.Error(n.read("run/parascope-install/parascope-install.prom"))
		}
		n.stage(m, "v1.1.0", "two", func(m *Manifest, _ Release) error { return m.Pin("v1.0.0") })
		runs("one")
		n.stage(m, "v1.2.0", "three", func(m *Manifest, r Release) error {
			if err := m.Upgrade(r); err == nil {
				t.Error("an upgrade over a pin")
			}
			return m.Pin(Unpinned)
		})
		n.stage(m, "v1.2.0", "three", (*Manifest).Upgrade)
		runs("three")
		left, err := filepath.Glob(filepath.Join(n.root, "opt/parascope/releases/*"))
		if err != nil || len(left) != 2 {
			t.Errorf("releases that are kept: %v, %v", left, err)
		}
	})
}

// TestRollback: a version that serves no page gives way to the one before, and is not tried
// again; a later one is.
func TestRollback(t *testing.T) {
	eachShell(t, func(t *testing.T, n *node) {
		m := &Manifest{}
		n.run(n.stage(m, "v1.0.0", "one", nil))
		n.once()
		n.stage(m, "v2.0.0", "broken", (*Manifest).Upgrade)
		out, status := n.once()
		if status == 0 || n.read("opt/parascope/current/bin/parascope-node") != "one" {
			t.Fatalf("status %d:\n%s", status, out)
		}
		if n.metric(`parascope_install_failure{reason="rolled-back"}`) != "1" ||
			n.metric(`parascope_install_info{version="v1.0.0",wanted="v2.0.0"}`) != "1" {
			t.Error(n.read("run/parascope-install/parascope-install.prom"))
		}
		before := n.told("systemctl.log")
		out, _ = n.once()
		if got := last(out); got != "parascope: version v2.0.0 was rolled back here: it served no page; another version is awaited" {
			t.Error(got)
		}
		if after := strings.TrimPrefix(n.told("systemctl.log"), before); strings.Contains(after, "restart") {
			t.Errorf("it was tried again: %s", after)
		}
		n.stage(m, "v2.0.1", "three", (*Manifest).Upgrade)
		if out, status := n.once(); status != 0 || n.read("opt/parascope/current/bin/parascope-node") != "three" {
			t.Errorf("status %d:\n%s", status, out)
		}
	})
}

// TestTheScriptUpgradesItself: with the programs, and only to one that says it works.
func TestTheScriptUpgradesItself(t *testing.T) {
	eachShell(t, func(t *testing.T, n *node) {
		m := &Manifest{}
		n.run(n.stage(m, "v1.0.0", "one", nil))
		kept := filepath.Join(n.root, "opt/parascope/lib/parascope-install.sh")
		old, err := os.ReadFile(kept)
		if err != nil {
			t.Fatal(err)
		}
		n.write(kept, string(old)+"# older\n", 0o755)
		n.once()
		if now := n.read("opt/parascope/lib/parascope-install.sh"); now != string(old) {
			t.Error("the script did not upgrade itself")
		}
	})
}

// TestHead: the head's program writes its files, and prometheus.service is started.
func TestHead(t *testing.T) {
	eachShell(t, func(t *testing.T, n *node) {
		n.file("etc/parallelcluster/cfnconfig", "stack_name=hpc\ncfn_region=us-east-2\ncfn_node_type=HeadNode\ncfn_proxy=NONE\n")
		n.run(n.stage(&Manifest{}, "v1.0.0", "works", nil))
		n.fault("existing")
		out, status := n.once()
		if status == 0 || last(out) != "parascope: parascope-head setup: another Prometheus is already installed on this node" ||
			n.metric(`parascope_install_failure{reason="head-setup"}`) != "1" {
			t.Errorf("with a Prometheus that is there, status %d:\n%s", status, out)
		}
		n.fault("")
		if out, status := n.once(); status != 0 || !strings.Contains(n.told("systemctl.log"), "restart prometheus.service") {
			t.Errorf("status %d:\n%s", status, out)
		}
		if got, want := last(n.told("head.log")), "setup --remote-write.url "+
			"https://aps-workspaces.us-east-2.amazonaws.com/workspaces/ws-1/api/v1/remote_write "+
			"--remote-write.region us-east-2 --root "+n.root; got != want {
			t.Errorf("the head's program was called with %s", got)
		}
		before := n.told("systemctl.log")
		n.once()
		if after := strings.TrimPrefix(n.told("systemctl.log"), before); strings.Contains(after, "restart") {
			t.Errorf("with nothing new: %s", after)
		}
	})
}

// TestOtherExporters: what others have on our ports stays, unless it is to be replaced.
func TestOtherExporters(t *testing.T) {
	eachShell(t, func(t *testing.T, n *node) {
		m := &Manifest{}
		file := n.stage(m, "v1.0.0", "works", nil)
		n.run(file)
		n.file("proc/net/tcp", "  sl  local_address rem_address   st\n   0: 00000000:238C 00000000:0000 0A 00000000:00000000\n")
		n.write(n.fake+"/ss", `LISTEN 0 4096 *:9100 *:* users:(("node_exporter",pid=4711,fd=3))`+"\n", 0o644)
		out, status := n.once()
		if status != 0 || !strings.Contains(out, "parascope: port 9100 belongs to node_exporter, which is left as it is\n") {
			t.Errorf("status %d:\n%s", status, out)
		}
		if unit := n.read("etc/systemd/system/parascope-node.service"); !strings.Contains(unit,
			" --web.listen-address=127.0.0.1:9101 --gpu.listen-address=:9400\n") {
			t.Error(unit)
		}
		if n.metric(`parascope_install_other_exporter{port="9100",process="node_exporter"}`) != "1" {
			t.Error(n.read("run/parascope-install/parascope-install.prom"))
		}
		n.file("proc/4711/cgroup", "0::/system.slice/node_exporter.service\n")
		n.write(n.fake+"/frees", "yes", 0o644)
		m.Replace = true
		n.stage(m, "v1.0.0", "works", nil)
		out, status = n.once()
		if status != 0 || !strings.Contains(out, "parascope: node_exporter on port 9100 was stopped: node_exporter.service\n") ||
			!strings.Contains(n.told("systemctl.log"), "disable --now node_exporter.service\n") {
			t.Errorf("status %d:\n%s", status, out)
		}
		if unit := n.read("etc/systemd/system/parascope-node.service"); strings.Contains(unit, "9101") {
			t.Error(unit)
		}
	})
}

// TestRemove: nothing of ours is left, and what is the site's is.
func TestRemove(t *testing.T) {
	eachShell(t, func(t *testing.T, n *node) {
		n.file("etc/parallelcluster/cfnconfig", "stack_name=hpc\ncfn_region=us-east-2\ncfn_node_type=HeadNode\n")
		file := n.stage(&Manifest{}, "v1.0.0", "works", nil)
		n.run(file)
		n.once()
		n.file("opt/prometheus/scrape.d/site.yml", "scrape_configs: []\n")
		n.run(file, "--remove")
		if out, status := n.once(); status != 0 || last(out) != "parascope: removed" {
			t.Errorf("status %d:\n%s", status, out)
		}
		var left []string
		err := filepath.WalkDir(n.root, func(path string, d os.DirEntry, err error) error {
			if err == nil && !d.IsDir() && !strings.HasPrefix(path, n.root+"/proc") && !strings.HasPrefix(path, n.root+"/etc/parallelcluster") {
				left = append(left, strings.TrimPrefix(path, n.root))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"/opt/prometheus/scrape.d/site.yml"}, left); diff != "" {
			t.Error(diff)
		}
		if log := n.told("systemctl.log"); !strings.HasSuffix(log, "stop parascope-node.service\nstop prometheus.service\n"+
			"daemon-reload\n--no-block stop parascope-install.service\n") {
			t.Error(log)
		}
	})
}

// TestTheUnitIsOne has systemd read both units, as they are on a node.
func TestTheUnitIsOne(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is not installed")
	}
	n := newNode(t, shells["dash"])
	n.run(n.stage(&Manifest{}, "v1.0.0", "works", nil))
	n.once()
	for _, unit := range []string{"parascope-install.service", "parascope-node.service"} {
		text := strings.Replace(n.read("etc/systemd/system/"+unit), "/opt/parascope/current/bin/parascope-node", "/bin/true", 1)
		file := filepath.Join(t.TempDir(), unit)
		n.write(file, text, 0o644)
		out, err := exec.CommandContext(t.Context(), analyze, "verify", file).CombinedOutput()
		if err != nil || strings.Contains(string(out), unit) {
			t.Errorf("systemd-analyze verify: %v\n%s", err, out)
		}
	}
}

// TestShellcheck has the script looked at by shellcheck.
func TestShellcheck(t *testing.T) {
	check, err := exec.LookPath("shellcheck")
	if err != nil {
		t.Skip("shellcheck is not installed")
	}
	if out, err := exec.CommandContext(t.Context(), check, "--shell=sh", "install.sh").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
