package jobs

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parascope/parascope/internal/collect/page"
)

func write(t *testing.T, root string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(root, "sys/fs/cgroup", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func samples(t *testing.T, r page.Reader) string {
	t.Helper()
	var p page.Page
	if err := errors.Join(r.Read(&p), p.Err()); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for line := range strings.Lines(string(p.Bytes())) {
		if !strings.HasPrefix(line, "#") {
			b.WriteString(strings.TrimPrefix(line, "parascope_job_"))
		}
	}
	return b.String()
}

func open(t *testing.T, root string) page.Reader {
	t.Helper()
	r, err := Collector.Open(page.Env{Root: root, Jobs: true})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func expect(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\n%swant\n%s", what, got, want)
	}
}

func TestUnifiedHierarchy(t *testing.T) {
	root := t.TempDir()
	if _, err := Collector.Open(page.Env{Root: root}); !errors.Is(err, page.ErrAbsent) {
		t.Errorf("error %v where jobs are not asked for; want ErrAbsent", err)
	}
	if _, err := Collector.Open(page.Env{Root: root, Jobs: true}); err == nil || errors.Is(err, page.ErrAbsent) {
		t.Errorf("error %v without control groups; want one", err)
	}
	const scope = "system.slice/slurmstepd.scope/"
	write(t, root, map[string]string{scope + "system/cpu.stat": "usage_usec 1\n"})
	r := open(t, root)
	expect(t, "no job", samples(t, r), "")
	write(t, root, map[string]string{
		scope + "job_12/cpu.stat":       "usage_usec 2500000\nuser_usec 2000000\nsystem_usec 500000\n",
		scope + "job_12/memory.current": "4096\n",
		scope + "job_12/memory.peak":    "8192\n",
		scope + "job_12/memory.events":  "low 0\nhigh 0\nmax 9\noom 3\noom_kill 2\noom_group_kill 1\n",
		scope + "job_9/cpu.stat":        "usage_usec 1000000\n", // a kernel without memory.peak; half a file
		scope + "job_9/memory.current":  "1\n",
		scope + "job_9/memory.events":   "low 0\nhi",
		scope + "job_x/cpu.stat":        "usage_usec 1\n",
		scope + "job_13/memory.current": "1\n", // it is ending
	})
	const want = "cpu_seconds_total{job_id=\"9\"} 1\ncpu_seconds_total{job_id=\"12\"} 2.5\nmemory_bytes{job_id=\"9\"} " +
		"1\nmemory_bytes{job_id=\"12\"} 4096\n" +
		"memory_peak_bytes{job_id=\"12\"} 8192\noom_kills_total{job_id=\"12\"} 2\n"
	expect(t, "two jobs", samples(t, r), want)
	if err := os.RemoveAll(filepath.Join(root, "sys/fs/cgroup/system.slice/slurmstepd.scope/job_12")); err != nil {
		t.Fatal(err)
	}
	expect(t, "after one ended", samples(t, r), "cpu_seconds_total{job_id=\"9\"} 1\nmemory_bytes{job_id=\"9\"} 1\n")
}

// TestControllerHierarchies: a step's kills are in its own group, and stay counted when
// the step has ended.
func TestControllerHierarchies(t *testing.T) {
	root := t.TempDir()
	write(t, root, map[string]string{
		"cpuacct/slurm/uid_1000/job_7/cpuacct.usage":                   "1500000000\n",
		"memory/slurm/uid_1000/job_7/memory.usage_in_bytes":            "100\n",
		"memory/slurm/uid_1000/job_7/memory.max_usage_in_bytes":        "200\n",
		"memory/slurm/uid_1000/job_7/memory.oom_control":               "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n",
		"memory/slurm/uid_1000/job_7/step_0/memory.oom_control":        "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
		"memory/slurm/uid_1000/job_7/step_0/task_0/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 4\n",
		"memory/slurm/uid_1000/job_7/step_batch/memory.usage_in_bytes": "1\n",
		"memory/slurm/uid_1000/job_7/step_extern/memory.oom_control":   "oom_kill_disable 0\nunder_oom 0\n",
		"memory/slurm/uid_1000/memory.usage_in_bytes":                  "5\n",
		"cpuacct/slurm/uid_1000/job_7/step_batch/task_0/cpuacct.usage": "1\n",
		"cpuacct/user.slice/job_8/cpuacct.usage":                       "1\n",
	})
	r := open(t, root)
	const rest = "cpu_seconds_total{job_id=\"7\"} 1.5\nmemory_bytes{job_id=\"7\"} 100\nmemory_peak_bytes{job_id=\"7\"} 200\n"
	expect(t, "a job", samples(t, r), rest+"oom_kills_total{job_id=\"7\"} 7\n")
	if err := os.RemoveAll(filepath.Join(root, "sys/fs/cgroup/memory/slurm/uid_1000/job_7/step_0")); err != nil {
		t.Fatal(err)
	}
	expect(t, "after a step ended", samples(t, r), rest+"oom_kills_total{job_id=\"7\"} 7\n")
	if err := os.RemoveAll(filepath.Join(root, "sys/fs/cgroup/memory/slurm")); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(root, "sys/fs/cgroup/cpuacct/slurm")); err != nil {
		t.Fatal(err)
	}
	expect(t, "no job", samples(t, r), "")
}
