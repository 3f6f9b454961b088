package headnode

import (
	"context"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parascope/parascope/internal/head"
	"github.com/parascope/parascope/internal/hint"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var (
	facts = Facts{Cluster: "hpc-prod", Region: "us-east-1", Host: "ip-10-0-0-10"}
	write = RemoteWrite{"https://aps-workspaces.us-east-1.amazonaws.com/workspaces/ws-1/api/v1/remote_write", "us-east-1"}
)

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Error(diff)
	}
}

// check is what the command gives Setup.
func check(ctx context.Context, file string) error {
	s, err := head.Check(ctx, file, true)
	if err != nil {
		return err
	}
	return s.Err(file)
}

func free(context.Context, string) error { return nil }

func options(t *testing.T) Options {
	t.Helper()
	return Options{Root: t.TempDir(), Facts: facts, Write: write, Check: check, Taken: free}
}

func put(t *testing.T, o Options, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(o.path(name)), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(o.path(name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, o Options, name string) string {
	t.Helper()
	b, err := os.ReadFile(o.path(name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestConfiguration: the golden file, which the head takes, and Debian's promtool but for
// the key that its version does not know yet.
func TestConfiguration(t *testing.T) {
	for name, gpus := range map[string]bool{"prometheus.yml": false, "prometheus-gpu.yml": true} {
		f := facts
		f.GPUs = gpus
		text, err := Configuration(f, write)
		if err != nil {
			t.Fatal(err)
		}
		golden(t, name, text)
		file := filepath.Join(t.TempDir(), "prometheus.yml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := head.Check(t.Context(), file, false)
		if err != nil || s.Err(file) != nil || s.Jobs != 5 || s.RemoteWrites != 1 || len(s.Problems) > 0 {
			t.Errorf("%s: a head says %+v, %v", name, s, err)
		}
		promtool, err := exec.LookPath("promtool")
		if err != nil {
			t.Log("promtool is not installed: stock Prometheus was not asked")
			continue
		}
		old := strings.Replace(text, "scrape_config_files:\n  - /opt/prometheus/scrape.d/*.yml\n", "", 1) // from 2.43 on; Debian has 2.42
		if err := os.WriteFile(file, []byte(old), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.CommandContext(t.Context(), promtool, "check", "config", "--agent", file).CombinedOutput()
		if err != nil || old == text {
			t.Errorf("%s: promtool: %v\n%s", name, err, out)
		}
	}
}

// TestTheGuidesLook: what the guide's reader types shows the URL and the region.
func TestTheGuidesLook(t *testing.T) {
	o := options(t)
	if _, err := Setup(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "grep", "-A10", "remote_write", o.path("opt/prometheus/prometheus.yml")).Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"  - url: " + write.URL + "\n", "      region: us-east-1\n"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("it shows no %q:\n%s", want, out)
		}
	}
}

func TestSetupAgainChangesNothing(t *testing.T) {
	o := options(t)
	put(t, o, "opt/prometheus/scrape.d/site.yml", "scrape_configs: [{job_name: site, static_configs: [{targets: ['localhost:1']}]}]\n")
	first, err := Setup(t.Context(), o)
	if err != nil || len(first.Written) != 2 {
		t.Fatalf("%+v, %v", first, err)
	}
	o.Taken = func(context.Context, string) error { return errors.New("our own head listens") }
	if again, err := Setup(t.Context(), o); err != nil || len(again.Written) != 0 {
		t.Errorf("again: %+v, %v", again, err)
	}
	o.Write.URL = strings.Replace(write.URL, "ws-1", "ws-2", 1)
	if moved, err := Setup(t.Context(), o); err != nil || len(moved.Written) != 1 || !strings.Contains(get(t, o, ConfigFile), "ws-2") {
		t.Errorf("with another workspace: %+v, %v", moved, err)
	}
	if got := get(t, o, "opt/prometheus/scrape.d/site.yml"); !strings.Contains(got, "site") {
		t.Errorf("the site's job is now %q", got)
	}
	entries, err := os.ReadDir(o.path("opt/prometheus"))
	if err != nil || len(entries) != 2 {
		t.Errorf("left in the directory: %v, %v", entries, err)
	}
}

// TestTheUnitIsOne has systemd read the unit.
func TestTheUnitIsOne(t *testing.T) {
	golden(t, "prometheus.service", unit)
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is not installed")
	}
	file := filepath.Join(t.TempDir(), "prometheus.service")
	if err := os.WriteFile(file, []byte(strings.Replace(unit, "/"+program, "/bin/true", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), analyze, "verify", file).CombinedOutput(); err != nil || strings.Contains(string(out),
		"prometheus.service") {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
}

const theirs = `global:
  scrape_interval: 15s
rule_files: [rules/*.yml]
scrape_configs:
  - job_name: node # all of them
    file_sd_configs:
      - files: [targets/*.json]
  - job_name: app
    scrape_interval: 5s
    tls_config: {ca_file: ca.pem}
    static_configs:
      - targets: ["app:80"]
  - job_name: pods
    kubernetes_sd_configs: [{role: pod}]
remote_write:
  - url: https://elsewhere.example/write
`

// TestAPrometheusThatIsThere stays, and is named; --replace takes its jobs over.
func TestAPrometheusThatIsThere(t *testing.T) {
	const packaged = "usr/lib/systemd/system/prometheus.service"
	for name, c := range map[string]struct {
		file, text string
		taken      error
		says       string
	}{
		"its unit":          {packaged, "[Service]\n", nil, "/" + packaged},
		"its configuration": {ConfigFile, theirs, nil, "/opt/prometheus/prometheus.yml"},
		"it listens":        {"", "", errors.New("address 127.0.0.1:9090 is held by prometheus (pid 7)"), "held by prometheus (pid 7)"},
	} {
		o := options(t)
		if c.file != "" {
			put(t, o, c.file, c.text)
		}
		o.Taken = func(context.Context, string) error { return c.taken }
		r, err := Setup(t.Context(), o)
		if hint.CodeOf(err) != hint.Busy || !strings.Contains(err.Error(), c.says) || len(r.Written) > 0 {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}

	o := options(t)
	put(t, o, UnitFile, "[Service]\nExecStart=/usr/bin/prometheus \\\n  --config.file=/etc/prometheus/prometheus.yml\n")
	put(t, o, "etc/prometheus/prometheus.yml", theirs)
	o.Replace = true
	r, err := Setup(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "existing.yml", strings.ReplaceAll(get(t, o, existingJob), o.Root, ""))
	golden(t, "replace.txt", strings.ReplaceAll(strings.Join(append(r.Written, r.Notes...), "\n")+"\n", o.Root, ""))
	if get(t, o, UnitFile) != unit || !strings.Contains(get(t, o, UnitFile+keptSuffix), "/usr/bin/prometheus") {
		t.Error("the unit was not replaced, or not kept")
	}
	if get(t, o, "etc/prometheus/prometheus.yml") != theirs {
		t.Error("what a package installed was changed")
	}
	if again, err := Setup(t.Context(), o); err != nil || len(again.Written) > 0 {
		t.Errorf("again: %+v, %v", again, err)
	}
}

// TestASitesJobThatIsWrong leaves the configuration that runs in force.
func TestASitesJobThatIsWrong(t *testing.T) {
	o := options(t)
	o.Check = func(context.Context, string) error { return errors.New("site.yml: no") }
	r, err := Setup(t.Context(), o)
	if hint.CodeOf(err) != hint.BadInput || len(r.Written) > 0 {
		t.Errorf("%+v, %v", r, err)
	}
}
