package head

import (
	"strings"
	"testing"

	"github.com/parascope/parascope/internal/hint"
)

// TestCheckKnowsItsReceiver: what no sample could get through is reported.
func TestCheckKnowsItsReceiver(t *testing.T) {
	const scrape = "scrape_configs: [{job_name: a, static_configs: [{targets: ['a:1']}]}]\n"
	section := func(url, more string) string { return scrape + "remote_write: [{url: '" + url + "'" + more + "}]\n" }
	const amp = "https://aps-workspaces.us-east-2.amazonaws.com/workspaces/ws-0a1b/"
	const signed = ", sigv4: {region: us-east-2}"
	const dotted = "global: {external_labels: {a.b: x}}\n"
	relabelled := func(rule string) string {
		return section("http://mimir:9009/api/v1/push", ", write_relabel_configs: ["+rule+"]")
	}
	for name, c := range map[string]struct {
		text, says string
		fatal      bool
	}{
		"good":           {section(amp+"api/v1/remote_write", signed), "", false},
		"two slashes":    {section(amp+"/api/v1/remote_write", signed), "", false},
		"local":          {section("http://127.0.0.1:9280/workspaces/ws-1/api/v1/remote_write", signed), "", false},
		"other receiver": {section("http://mimir:9009/api/v1/push", ""), "", false},
		"china": {section("https://aps-workspaces.cn-north-1.amazonaws.com.cn/workspaces/ws-1/api/v1/remote_write",
			", sigv4: {region: cn-north-1}"), "", false},
		"VPC endpoint": {section("https://vpce-1.aps-workspaces.us-east-2.vpce.amazonaws.com/workspaces/ws-1/api/v1/remote_write", signed),
			"", false},
		"empty":           {"", "file is empty", true},
		"blank":           {" \n\n", "file is empty", true},
		"comments":        {"# later\n\n  # more\n", "file is empty", true},
		"null":            {"null\n", "file is empty", true},
		"tilde":           {"--- # x\n~\n", "file is empty", true},
		"a mark":          {"---\n", "file is empty", true},
		"global alone":    {"global: {scrape_interval: 15s}\n", "no remote_write", true},
		"no remote_write": {scrape, "no remote_write", true},
		"nothing scraped": {strings.TrimPrefix(section(amp+"api/v1/remote_write", signed), scrape), "nothing is scraped", true},
		"no targets": {"scrape_configs: [{job_name: a}, {job_name: b, static_configs: [{targets: []}]}]\nremote_write: [{url: 'http://a/b'}]",
			"nothing is scraped", true},
		"a file of targets": {"scrape_configs: [{job_name: a, file_sd_configs: [{files: [a.json]}]}]\nremote_write: [{url: 'http://a/b'}]", "",
			false},
		"one of two": {section(amp+"api/v1/remote_write", signed+"}, {url: 'http://mimir/api/v1/query'"),
			"mimir/api/v1/query: /api/v1/query is a query",
			false},
		"both of two":      {section("http://thanos/api/v1/read", "}, {url: 'http://mimir/api/v1/query'"), "/api/v1/read is a query", true},
		"endpoint alone":   {section(amp, signed), "not the remote-write path of an AMP workspace", true},
		"query path":       {section(amp+"api/v1/query", signed), "not the remote-write path of an AMP workspace", true},
		"other query path": {section("http://mimir/prometheus/api/v1/query", ""), "query path", true},
		"no path":          {section("http://mimir:9009", ""), "no path", false},
		"no sigv4":         {section(amp+"api/v1/remote_write", ""), "sigv4 is missing", true},
		"basic auth":       {section(amp+"api/v1/remote_write", ", basic_auth: {username: u, password: p}"), "sigv4 is missing", true},
		"local no sigv4":   {section("http://127.0.0.1:9280/workspaces/ws-1/api/v1/remote_write", ""), "sigv4 is missing", true},
		"other region": {section(amp+"api/v1/remote_write", ", sigv4: {region: eu-west-1}"),
			"URL is in region us-east-2, but sigv4 signs for region eu-west-1", true},
		"other service":        {section(amp+"api/v1/remote_write", ", sigv4: {region: us-east-2, service_name: es}"), `service \"es\"`, true},
		"UTF-8 external label": {dotted + section(amp+"api/v1/remote_write", signed), `external label \"a.b\"`, true},
		"it is for others":     {dotted + section("http://mimir:9009/api/v1/push", ""), "", false},
		"it is removed": {dotted + section(amp+"api/v1/remote_write", signed+", write_relabel_configs: [{action: labeldrop, regex: 'a\\..'}]"),
			"", false},
		"it is kept": {dotted + section(amp+"api/v1/remote_write", signed+", write_relabel_configs: [{action: labeldrop, regex: 'b'}]"),
			`external label \"a.b\"`, true},
		"for one of two":    {dotted + section(amp+"api/v1/remote_write", signed+"}, {url: 'http://mimir/api/v1/push'"), "label", false},
		"drop":              {relabelled("{action: drop}"), "drop every sample", true},
		"drop all names":    {relabelled("{action: drop, source_labels: [__name__], regex: '.+'}"), "drop every sample", true},
		"drop any job":      {relabelled("{action: drop, source_labels: [job]}"), "drop every sample", true},
		"keep none":         {relabelled("{action: keep, regex: a}"), "drop every sample", true},
		"drop all labels":   {relabelled("{action: labeldrop}"), "drop every sample", true},
		"drop after others": {relabelled("{action: labeldrop, regex: x}, {action: drop, regex: ''}"), "drop every sample", true},
		"drop nothing":      {relabelled("{action: drop, regex: a}"), "", false},
		"drop some":         {relabelled("{action: drop, source_labels: [job], regex: '.+'}"), "", false},
		"keep all":          {relabelled("{action: keep}"), "", false},
		"keep some":         {relabelled("{action: keep, source_labels: [job], regex: a}"), "", false},
		"drop for one of two": {relabelled("{action: drop}]}, {url: 'http://mimir/api/v1/push', headers: {}, write_relabel_configs: ["),
			"drop", false},
		"http": {section(strings.Replace(amp, "https", "http", 1)+"api/v1/remote_write", signed), "accepts only https", true},
	} {
		s, err := Check(t.Context(), write(t, c.text), false)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		err = s.Err("f.yml")
		if (hint.CodeOf(err) == hint.BadInput) != c.fatal {
			t.Errorf("%s: code %d, %v", name, hint.CodeOf(err), err)
		}
		text := ""
		for _, p := range s.Problems {
			text += p.Text + "; "
			if p.Next == "" {
				t.Errorf("%s: %q has no next step", name, p.Text)
			}
		}
		if c.says == "" && text != "" || !strings.Contains(text, strings.ReplaceAll(c.says, `\"`, `"`)) {
			t.Errorf("%s: %q, want %q", name, text, c.says)
		}
	}
}

// TestWrongPathOfWorkspace: what the URL should be is said, with the host and the workspace that it has.
func TestWrongPathOfWorkspace(t *testing.T) {
	const host = "aps-workspaces.us-east-2.amazonaws.com"
	const right = "write https://" + host + "/workspaces/ws-0a1b/api/v1/remote_write"
	const unknown = "write https://" + host + "/workspaces/WORKSPACE/api/v1/remote_write; 'aws amp describe-workspace'"
	for url, want := range map[string]string{
		"https://" + host + "/workspaces/ws-0a1b/api/v1/wirte":         right,
		"https://" + host + "/workspaces/ws-0a1b/api/v1/query?token=x": right,
		"https://u:p@" + host + "/workspaces/ws-0a1b":                  right,
		"http://" + host + "/workspaces/ws-0a1b/":                      right,
		"https://" + host + "/workspaces/ws-0a1b/api/v1/remote_writ":   right,
		"https://" + host + "/Workspaces/ws-0a1b/api/v1/remote_write":  right,
		"https://" + host:                          unknown,
		"https://" + host + "/api/v1/remote_write": unknown,
		"https://" + host + "/workspaces/0a1b/x":   unknown,
		"http://127.0.0.1:9280/workspaces/ws-1/x":  "write http://127.0.0.1:9280/workspaces/ws-1/api/v1/remote_write",
	} {
		s, err := Check(t.Context(), write(t, "remote_write: [{url: '"+url+"', sigv4: {region: us-east-2}}]"), false)
		if err != nil {
			t.Errorf("%s: %v", url, err)
			continue
		}
		next := ""
		for _, p := range s.Problems {
			if strings.Contains(p.Text, "remote-write path") && p.Fatal {
				next = p.Next
			}
		}
		if !strings.HasPrefix(next, want) || want == right && next != want || strings.Contains(next, "token") {
			t.Errorf("%s: %q, want %q", url, next, want)
		}
	}
}

// TestRulesAreAMPs: a file of a Prometheus that evaluates rules is refused with what
// to do, and is taken without them.
func TestRulesAreAMPs(t *testing.T) {
	for _, section := range []string{"rule_files: [rules.yml]\n", "alerting: {alertmanagers: [{static_configs: [{targets: [a]}]}]}\n"} {
		file := write(t, section+"scrape_configs: [{job_name: a}]\n")
		_, err := Check(t.Context(), file, false)
		if hint.CodeOf(err) != hint.BadInput || !strings.Contains(hint.Next(err), "create-rule-groups-namespace") ||
			!strings.Contains(hint.Next(err), "--ignore-rules") {
			t.Errorf("%v: %s", err, hint.Next(err))
		}
		if s, err := Check(t.Context(), file, true); err != nil || s.Jobs != 1 {
			t.Errorf("without rules: %+v, %v", s, err)
		}
	}
	if _, err := Check(t.Context(), write(t, "remote_read: [{url: 'http://x/'}]"), true); err == nil {
		t.Error("remote_read is taken with --ignore-rules")
	}
}

// TestUnheededKeys: a scrape setting without effect is reported, also in the section global.
func TestUnheededKeys(t *testing.T) {
	file := write(t, "global: {scrape_failure_log_file: /var/log/x}\nscrape_configs: [{job_name: a, keep_dropped_targets: 5}]\n")
	s, err := Check(t.Context(), file, false)
	if notes := strings.Join(s.Notes, "\n"); err != nil || len(s.Notes) != 2 || !strings.Contains(notes, "scrape_failure_log_file") ||
		!strings.Contains(notes, "keep_dropped_targets") {
		t.Errorf("%q, %v", s.Notes, err)
	}
}
