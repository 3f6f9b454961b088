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
		"hostname; cat /etc/parallelcluster/slurm_plugin/slurm_nodename; echo; grep cfn_node_type /etc/parallelcluster/cfnconfig; ls "+
			"/sys/class/net",
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
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(mounts), dir) {
		t.Errorf("mounts are left in %s", dir)
	}
	processes, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range processes {
		environment, err := os.ReadFile("/proc/" + p.Name() + "/cmdline")
		if err == nil && strings.Contains(string(environment), dir) {
			t.Errorf("process %s is left: %s", p.Name(), strings.ReplaceAll(string(environment), "\x00", " "))
		}
	}
}
