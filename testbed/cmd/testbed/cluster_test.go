//go:build linux

package main

import (
	"os"
	"strings"
	"testing"
	"time"
)

// TestNodesComeAndGo is the life of a dynamic node: sbatch brings it up, the job runs
// there, and it powers down when it is idle.
func TestNodesComeAndGo(t *testing.T) {
	b := startBed(t, "--cluster", "demo")
	b.awaitStatus("demo", "CREATE_COMPLETE")
	const name = "queue1-dy-cr1-1"
	if s := b.node(name); s != "idle~" {
		t.Fatalf("%s is %s before there is work", name, s)
	}
	b.on(
		"head",
		"sbatch",
		"--chdir",
		"/home",
		"-o",
		"/home/out",
		"--wrap",
		"hostname; cat /etc/parallelcluster/slurm_plugin/slurm_nodename; echo; "+
			"grep cfn_node_type /etc/parallelcluster/cfnconfig; ls /sys/class/net",
	)
	b.eventually(30*time.Second, "running", func() string { return b.machines()[name].State })
	if m := b.machines()[name]; m.Queue != "queue1" || m.Role != "Compute" || m.Address == "" {
		t.Errorf("machine %+v", m)
	}
	b.eventually(time.Minute, "COMPLETED", func() string {
		_, state, _ := strings.Cut(b.on("head", "scontrol", "show", "job", "1"), "JobState=")
		state, _, _ = strings.Cut(state, " ")
		return state
	})
	if got, want := b.on("head", "cat", "/home/out"), name+"\n"+name+"\ncfn_node_type=ComputeFleet\neth0\nlo"; got != want {
		t.Errorf("the job said\n%s\nwant\n%s", got, want)
	}
	b.eventually(30*time.Second, "", func() string { return b.machines()[name].State })
	b.eventually(30*time.Second, "idle~", func() string { return b.node(name) })
	for _, log := range []string{"slurm_resume.log", "slurm_suspend.log"} {
		if text := b.on("head", "cat", "/var/log/parallelcluster/"+log); !strings.Contains(text, name) {
			t.Errorf("%s does not name the node:\n%s", log, text)
		}
	}
	if text := b.on("head", "cat", "/var/log/parallelcluster/clustermgtd"); strings.Contains(text, "unhealthy") {
		t.Errorf("clustermgtd found a node unhealthy that came and went as it should:\n%s", text)
	}
	b.stop()
	left(t, b.dir)
}

// left fails where something of a bed is still there after it ended.
func left(t *testing.T, dir string) {
	t.Helper()
	if what := found(dir); what != "nothing" {
		t.Error("left: " + what)
	}
}

// found says what of a bed in a directory is there: mounts, and processes.
func found(dir string) string {
	var what []string
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil || strings.Contains(string(mounts), dir) {
		what = append(what, "mounts")
	}
	processes, err := os.ReadDir("/proc")
	if err != nil {
		what = append(what, err.Error())
	}
	for _, p := range processes {
		// The directory is in the command line of the bed, and in the mounts of all machines.
		line, _ := os.ReadFile("/proc/" + p.Name() + "/cmdline")
		seen, _ := os.ReadFile("/proc/" + p.Name() + "/mountinfo")
		if strings.Contains(string(line)+string(seen), dir) {
			what = append(what, "process "+p.Name()+" "+strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	if len(what) == 0 {
		return "nothing"
	}
	return strings.Join(what, ", ")
}

// TestKilledBed kills the bed: nothing of it stays, and the next one starts there.
func TestKilledBed(t *testing.T) {
	b := startBed(t, "--cluster", "demo")
	b.awaitStatus("demo", "CREATE_COMPLETE")
	if err := b.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = b.cmd.Wait() // killed
	b.eventually(5*time.Second, "nothing", func() string { return found(b.dir) })
	b.start("--cluster", "demo")
	b.awaitStatus("demo", "CREATE_COMPLETE")

	unit := "[Service]\nExecStartPre=/bin/echo before\nExecStart=/bin/sh -c 'echo \"$${WORD} of $WORD\"; exec sleep 1000'\n" +
		"Environment=WORD=hello\nRestart=always\nRestartSec=1\n[Install]\nWantedBy=multi-user.target\n"
	b.on("head", "sh", "-c", "printf '%s' '"+strings.ReplaceAll(unit, "'", `'\''`)+"' >/etc/systemd/system/demo.service")
	for _, step := range []struct{ command, want string }{
		{"systemctl is-active demo || true", "inactive"},
		{"systemctl enable --now demo 2>&1; systemctl is-active demo; systemctl is-enabled demo",
			"Created symlink /etc/systemd/system/multi-user.target.wants/demo.service → /etc/systemd/system/demo.service.\nactive\nenabled"},
		{"journalctl -u demo", "before\nhello of hello"},
		{"systemctl kill -s KILL demo; until systemctl is-active -q demo && " +
			"[ $(systemctl show -p NRestarts --value demo) = 1 ]; do sleep .1; done; echo again", "again"},
		{"systemctl disable --now demo >/dev/null 2>&1; systemctl is-active demo; systemctl start missing",
			"inactive\nFailed to start missing.service: Unit missing.service not found."},
	} {
		out, _ := b.program("testbed", "enter", "head", "sh", "-c", step.command).CombinedOutput()
		if got := strings.TrimSpace(string(out)); got != step.want {
			t.Errorf("%s printed\n%s\nwant\n%s", step.command, got, step.want)
		}
	}
	b.stop()
	left(t, b.dir)
}
