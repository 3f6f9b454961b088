package head

import (
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parascope/parascope/internal/hint"
)

const promtool = "/usr/bin/promtool"

// configurations are files, and what stock Prometheus in agent mode says to them.
var configurations = map[string]struct {
	text string
	says string // in the error; "" where the file is valid
}{
	"empty": {"", ""},
	"everything of a cluster": {`
global:
  scrape_interval: 15s
  external_labels: {cluster: c1}
scrape_configs:
  - job_name: static
    static_configs: [{targets: ["127.0.0.1:9100"], labels: {rack: a}}]
    relabel_configs: [{source_labels: [__address__], regex: "(.+):.*", target_label: instance}]
    metric_relabel_configs: [{source_labels: [__name__], regex: "go_.*", action: drop}]
  - job_name: file
    file_sd_configs: [{files: ["targets/*.json"]}]
  - job_name: http
    http_sd_configs: [{url: "http://127.0.0.1:1/targets"}]
  - job_name: ec2
    ec2_sd_configs: [{region: us-east-2, port: 9400, filters: [{name: "tag:Name", values: [Compute]}]}]
remote_write:
  - url: http://127.0.0.1:1/api/v1/remote_write
    sigv4: {region: us-east-2}
    queue_config: {max_samples_per_send: 1000, max_shards: 200, capacity: 2500}
    write_relabel_configs: [{regex: "x", action: labeldrop}]
`, ""},
	"unknown key":          {"scrape_config: []", "field scrape_config not found"},
	"unknown key in a job": {"scrape_configs: [{job_name: a, target: []}]", "field target not found"},
	"bad regex": {`{scrape_configs: [{job_name: a, relabel_configs: [{regex: "(", action: labeldrop}]}]}`,
		"error parsing regexp"},
	"bad action":   {"{scrape_configs: [{job_name: a, relabel_configs: [{action: nothing}]}]}", "nothing"},
	"bad duration": {"global: {scrape_interval: 15}", "not a valid duration string"},
	"timeout over interval": {"scrape_configs: [{job_name: a, scrape_interval: 5s, scrape_timeout: 10s}]",
		"scrape timeout greater than scrape interval"},
	"job without a name":   {"scrape_configs: [{static_configs: []}]", "job_name is empty"},
	"two jobs of one name": {"scrape_configs: [{job_name: a}, {job_name: a}]", `multiple scrape configs with job name "a"`},
	"scheme in a target":   {`scrape_configs: [{job_name: a, static_configs: [{targets: ["http://x:1"]}]}]`, "is not a valid hostname"},
	"ec2 filter of nothing": {"scrape_configs: [{job_name: a, ec2_sd_configs: [{region: r, filters: [{name: x, values: []}]}]}]",
		"filter values cannot be empty"},
	"remote_write to no url": {"remote_write: [{sigv4: {region: r}}]", "url"},
	"two ways to sign":       {"remote_write: [{url: 'http://x/', sigv4: {region: r}, basic_auth: {username: u}}]", "at most one of"},
	"half a key":             {"remote_write: [{url: 'http://x/', sigv4: {region: r, access_key: a}}]", "Access key and Secret Key"},
	"rules":                  {"rule_files: [rules.yml]", "rule_files is not allowed in agent mode"},
	"alerting":               {"alerting: {alertmanagers: [{static_configs: []}]}", "alerting is not allowed in agent mode"},
	"remote_read":            {"remote_read: [{url: 'http://x/'}]", "remote_read is not allowed in agent mode"},
	"no YAML":                {"{", "yaml"},
}

func write(t testing.TB, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "prometheus.yml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestConfigurations(t *testing.T) {
	for name, c := range configurations {
		t.Run(name, func(t *testing.T) {
			file := write(t, c.text)
			_, err := Check(t.Context(), file, false)
			switch {
			case c.says == "" && err != nil:
				t.Errorf("refused: %v", err)
			case c.says == "":
			case err == nil:
				t.Errorf("accepted; want an error with %q", c.says)
			case !strings.Contains(err.Error(), c.says), !strings.Contains(err.Error(), file), hint.CodeOf(err) != hint.BadInput,
				hint.Next(err) == "":
				t.Errorf("code %d, next step %q: %v; want %q", hint.CodeOf(err), hint.Next(err), err, c.says)
			}
		})
	}
}

// TestStockPrometheusAgrees asks Debian's promtool about the same files: what it
// takes and refuses for an agent, a head takes and refuses.
func TestStockPrometheusAgrees(t *testing.T) {
	if _, err := exec.LookPath(promtool); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("Debian's prometheus is needed in CI: %v", err)
		}
		t.Skip("Debian's prometheus is not installed")
	}
	for name, c := range configurations {
		t.Run(name, func(t *testing.T) {
			_, ours := Check(t.Context(), write(t, c.text), false)
			out, theirs := exec.CommandContext(t.Context(), promtool, "check", "config", "--agent", write(t, c.text)).CombinedOutput()
			if (ours == nil) != (theirs == nil) {
				t.Errorf("ours: %v\npromtool: %v\n%s", ours, theirs, out)
			}
		})
	}
}

// TestOnlyAStartFindsOut: promtool finds these files valid; Prometheus does not
// start with them, and a head's check says so.
func TestOnlyAStartFindsOut(t *testing.T) {
	_, err := Check(t.Context(), write(t, "remote_write: [{url: 'http://x/'}, {url: 'http://x/'}]"), false)
	if hint.CodeOf(err) != hint.BadInput || !strings.Contains(err.Error(), "two identical remote_write sections for http://x/") {
		t.Errorf("code %d: %v", hint.CodeOf(err), err)
	}
}

func TestCheckCounts(t *testing.T) {
	got, err := Check(t.Context(), write(t, configurations["everything of a cluster"].text), false)
	if want := (Summary{Jobs: 4, RemoteWrites: 1}); err != nil || got.Jobs != want.Jobs || got.RemoteWrites != want.RemoteWrites {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
}

// A discovery that Prometheus has and a head has not must be told as that, not as
// a mistake in the file.
func TestDiscoveryThatIsNotBuiltIn(t *testing.T) {
	_, err := Check(t.Context(), write(t, "scrape_configs: [{job_name: a, consul_sd_configs: [{server: x}]}]"), false)
	if want := "consul_sd_configs is not supported; use static_configs, file_sd_configs, http_sd_configs or ec2_sd_configs"; hint.Next(err) !=
		want {
		t.Errorf("%v; next step %q, want %q", err, hint.Next(err), want)
	}
}

func TestMissingFile(t *testing.T) {
	_, err := Check(t.Context(), filepath.Join(t.TempDir(), "none.yml"), false)
	if hint.CodeOf(err) != hint.BadInput || hint.Next(err) != "give --config.file FILE" || !strings.Contains(err.Error(), "none.yml") {
		t.Errorf("code %d, next step %q: %v", hint.CodeOf(err), hint.Next(err), err)
	}
}

// FuzzConfig: whatever stands in the file, loading it ends, with a configuration
// or with an error that says it is the file's fault.
func FuzzConfig(f *testing.F) {
	for _, c := range configurations {
		f.Add([]byte(c.text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		file := filepath.Join(t.TempDir(), "prometheus.yml")
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		l, err := load(file, false, slog.New(slog.DiscardHandler))
		switch {
		case err == nil && l.config == nil:
			t.Error("neither a configuration nor an error")
		case err != nil && (hint.CodeOf(err) != hint.BadInput || !strings.Contains(err.Error(), file)):
			t.Errorf("code %d: %v", hint.CodeOf(err), err)
		}
	})
}
