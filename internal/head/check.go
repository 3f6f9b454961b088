package head

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/discovery"
	"github.com/prometheus/prometheus/discovery/targetgroup"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/relabel"
	"go.yaml.in/yaml/v2"

	"github.com/parascope/parascope/internal/hint"
	remote "github.com/parascope/parascope/internal/receiver"
	"github.com/parascope/parascope/internal/ship"
)

// Summary counts what a configuration file asks for.
type Summary struct {
	Jobs         int `json:"jobs"`
	RemoteWrites int `json:"remote_writes"`
	// Notes are about keys that mean something else here than in Prometheus.
	Notes []string `json:"notes,omitempty"`
	// Writes are where samples are sent.
	Writes []Write `json:"-"`
	// Problems keep samples from arriving.
	Problems []Problem `json:"problems,omitempty"`

	nothing *Problem // why no sample can arrive anywhere; nil if some can
}

// Write is a remote_write section.
type Write struct{ URL *url.URL }

// Problem is why samples do not arrive, or may not.
type Problem struct {
	Text string `json:"text"`
	Next string `json:"next"`
	// Fatal says that nothing can arrive where it is.
	Fatal bool `json:"fatal"`
}

// Err is nil if samples can arrive at one remote_write at least, and else an error
// with hint.BadInput.
func (s Summary) Err(file string) error {
	if s.nothing == nil {
		return nil
	}
	return s.nothing.err(file)
}

// EachErr is nil if samples can arrive at every remote_write, and else an error with
// hint.BadInput.
func (s Summary) EachErr(file string) error {
	for _, p := range s.Problems {
		if p.Fatal {
			return p.err(file)
		}
	}
	return nil
}

func (p Problem) err(file string) error {
	return hint.New(hint.BadInput, fmt.Errorf("configuration %s: %s", file, p.Text), p.Next)
}

// Check reads a configuration file as a head would, and starts nothing. Problems are
// in the summary, and no error.
func Check(ctx context.Context, file string, ignoreRules bool) (Summary, error) {
	l, err := load(file, ignoreRules, slog.New(slog.DiscardHandler))
	if err != nil {
		return Summary{}, err
	}
	notes, err := ship.Check(ctx, l.config)
	if err != nil {
		return Summary{}, fmt.Errorf("configuration %s: %w", file, err)
	}
	s := Summary{Jobs: len(l.discovery), RemoteWrites: len(l.config.RemoteWriteConfigs)}
	s.Problems, s.nothing = problems(l)
	s.Notes = append(notes, unheeded(l)...)
	for _, rw := range l.config.RemoteWriteConfigs {
		s.Writes = append(s.Writes, Write{rw.URL.URL})
	}
	if s.Jobs == 0 && s.RemoteWrites == 0 && holdsNothing(file) {
		s.Problems = []Problem{{Fatal: true, Text: "the file is empty", Next: "give the head's configuration file"}}
		s.nothing = &s.Problems[0]
	}
	return s, nil
}

// holdsNothing reports whether a file has no more than comments, or null.
func holdsNothing(file string) bool {
	text, err := os.ReadFile(file)
	var document any
	return err == nil && yaml.Unmarshal(text, &document) == nil && document == nil
}

// unheeded are the keys of scrapes that mean less here than in stock Prometheus.
func unheeded(l loaded) (notes []string) {
	scrapes, err := l.config.GetScrapeConfigs()
	if err != nil {
		return nil // load has seen to it
	}
	for _, k := range []struct {
		note string
		set  func(*config.ScrapeConfig) bool
	}{
		{"scrape_failure_log_file: no file is written; /api/v1/targets, and the log with --log.level=debug, show why a scrape fails",
			func(c *config.ScrapeConfig) bool { return c.ScrapeFailureLogFile != "" }},
		{"keep_dropped_targets: targets dropped by relabelling are only counted, not kept",
			func(c *config.ScrapeConfig) bool { return c.KeepDroppedTargets != 0 }},
	} {
		if slices.ContainsFunc(scrapes, k.set) {
			notes = append(notes, k.note)
		}
	}
	return notes
}

// problems looks at where samples come from and go to. nothing is the first one of
// those with which no sample can arrive.
func problems(l loaded) (all []Problem, nothing *Problem) {
	if len(l.config.RemoteWriteConfigs) == 0 {
		all = append(all, Problem{Fatal: true, Text: "there is no remote_write: scraped samples are not sent",
			Next: "add a remote_write section with the workspace's remote-write URL and sigv4"})
	}
	if len(l.discovery) == 0 {
		all = append(all, Problem{Fatal: true, Text: "there are no scrape_configs: nothing is scraped", Next: "add a job to scrape_configs"})
	} else if !haveTargets(l) {
		all = append(all, Problem{Fatal: true, Text: "no job of scrape_configs has targets: nothing is scraped",
			Next: "add static_configs with targets, file_sd_configs, http_sd_configs or ec2_sd_configs to a job"})
	}
	whole, deliver := len(all) == 0, false
	for _, rw := range l.config.RemoteWriteConfigs {
		name := cmp.Or(rw.Name, remote.PublicURL(rw.URL.URL))
		here := append(sentProblems(l.config.GlobalConfig.ExternalLabels, rw), receiverProblems(rw)...)
		for _, p := range here {
			p.Text = "remote_write " + name + ": " + p.Text
			all = append(all, p)
		}
		deliver = deliver || !slices.ContainsFunc(here, func(p Problem) bool { return p.Fatal })
	}
	if whole && deliver {
		return all, nil
	}
	first := slices.IndexFunc(all, func(p Problem) bool { return p.Fatal })
	return all, &all[first]
}

// sentProblems looks at what of the samples a section sends.
func sentProblems(external labels.Labels, rw *config.RemoteWriteConfig) (all []Problem) {
	if slices.ContainsFunc(rw.WriteRelabelConfigs, dropsAll) {
		all = append(all, Problem{Fatal: true, Text: "write_relabel_configs drop every sample",
			Next: "give the rule source_labels and a regex for what it is to drop or keep"})
	}
	if name := utf8External(external, rw); name != "" {
		all = append(all, Problem{Fatal: true, Text: fmt.Sprintf("AMP does not accept the UTF-8 name of the external label %q, so no samples "+
			"are sent", name), Next: "rename the label in external_labels"})
	}
	return all
}

// utf8External returns an external label whose name the receiver of a section does not take,
// so that no sample is sent to it; empty if there is none.
func utf8External(external labels.Labels, c *config.RemoteWriteConfig) (name string) {
	if !ship.TakesLegacyOnly(c) {
		return ""
	}
	external.Range(func(l labels.Label) {
		removed := slices.ContainsFunc(c.WriteRelabelConfigs, func(r *relabel.Config) bool { return mayRemove(r, l.Name) })
		if name == "" && !model.LegacyValidation.IsValidLabelName(l.Name) && !removed {
			name = l.Name
		}
	})
	return name
}

// mayRemove reports whether a rule takes a label from some series.
func mayRemove(r *relabel.Config, name string) bool {
	switch r.Action {
	case relabel.LabelDrop:
		return r.Regex.MatchString(name)
	case relabel.LabelKeep:
		return !r.Regex.MatchString(name)
	case relabel.Replace:
		return r.TargetLabel == name || strings.Contains(r.TargetLabel, "$")
	}
	return false
}

// dropsAll reports whether a rule drops every series, whatever its labels.
func dropsAll(r *relabel.Config) bool {
	pattern := strings.TrimSuffix(strings.TrimPrefix(r.Regex.String(), "("), ")")
	all := pattern == ".*" || len(r.SourceLabels) == 1 && r.SourceLabels[0] == model.MetricNameLabel && pattern == ".+"
	switch r.Action {
	case relabel.Drop:
		return all || len(r.SourceLabels) == 0 && r.Regex.MatchString("")
	case relabel.Keep:
		return len(r.SourceLabels) == 0 && !r.Regex.MatchString("")
	case relabel.LabelDrop:
		return pattern == ".*" || pattern == ".+"
	}
	return false
}

// haveTargets reports whether a job has targets, or a discovery that may find some.
func haveTargets(l loaded) bool {
	for _, configs := range l.discovery {
		for _, c := range configs {
			static, ok := c.(discovery.StaticConfig)
			if !ok || slices.ContainsFunc(static, func(g *targetgroup.Group) bool { return len(g.Targets) > 0 }) {
				return true
			}
		}
	}
	return false
}

// ampHost is the name of AMP's endpoint, as it is and behind a VPC endpoint; the
// region is in it.
var ampHost = regexp.MustCompile(`(?:^|\.)aps-workspaces(?:-fips)?\.([a-z0-9-]+)\.(?:.+\.)?(?:amazonaws\.com|amazonaws\.com\.cn|api\.aws)$`)

// ampPath is that of a workspace's remote write.
var ampPath = regexp.MustCompile(`^/workspaces/ws-[A-Za-z0-9-]+/api/v1/remote_write$`)

// receiverProblems looks at one section.
func receiverProblems(rw *config.RemoteWriteConfig) (all []Problem) {
	fatal := func(text, next string) { all = append(all, Problem{Fatal: true, Text: text, Next: next}) }
	host, cleaned := rw.URL.Hostname(), path.Clean("/"+rw.URL.Path)
	amp := ampHost.FindStringSubmatch(host)
	if amp == nil && !strings.HasPrefix(cleaned, "/workspaces/") {
		if queryPath(cleaned) {
			fatal(fmt.Sprintf("%s is a query path, not a remote-write path", cleaned),
				"write the receiver's remote-write path, such as /api/v1/write")
		} else if cleaned == "/" {
			all = append(all, Problem{Text: "the URL has no path; most receivers require a path",
				Next: "write the receiver's remote-write path, such as /api/v1/write"})
		}
		return all
	}
	if !ampPath.MatchString(cleaned) {
		fatal(fmt.Sprintf("%s is not the remote-write path of an AMP workspace", cleaned), rightURL(rw.URL.URL, amp != nil))
	}
	v := rw.SigV4Config
	switch {
	case v == nil:
		fatal("AMP accepts only signed requests, and sigv4 is missing", "add sigv4: {region: REGION} to the remote_write section")
	case amp != nil && v.Region != "" && v.Region != amp[1]:
		fatal(fmt.Sprintf("the URL is in region %s, but sigv4 signs for region %s", amp[1], v.Region), "write the URL's region in sigv4")
	case v.ServiceName != "" && v.ServiceName != "aps":
		fatal(fmt.Sprintf("sigv4 signs for the service %q, but AMP's service is aps", v.ServiceName), "delete service_name")
	}
	if amp != nil && rw.URL.Scheme != "https" {
		fatal("AMP accepts only https", "write https:// in the URL")
	}
	return all
}

// workspaceInPath is a workspace's ID in a path.
var workspaceInPath = regexp.MustCompile(`/(ws-[A-Za-z0-9-]+)(?:/|$)`)

// rightURL says how the URL of a workspace's remote write is written.
func rightURL(u *url.URL, amp bool) string {
	right := url.URL{Scheme: u.Scheme, Host: u.Host}
	if amp {
		right.Scheme = "https"
	}
	if m := workspaceInPath.FindStringSubmatch(u.Path); m != nil {
		return "write " + right.String() + "/workspaces/" + m[1] + "/api/v1/remote_write"
	}
	return "write " + right.String() + "/workspaces/WORKSPACE/api/v1/remote_write; " +
		"'aws amp describe-workspace' prints the URL up to /api as prometheusEndpoint"
}

func queryPath(p string) bool {
	for _, suffix := range []string{"/query", "/query_range", "/series", "/labels", "/read", "/remote_read", "/metrics"} {
		if strings.HasSuffix(p, suffix) {
			return true
		}
	}
	return false
}

// warn logs what keeps samples from arriving: a head starts all the same, and a
// reload may correct it.
func warn(logger *slog.Logger, l loaded) {
	for _, note := range unheeded(l) {
		logger.Warn("setting has no effect", "why", note)
	}
	all, _ := problems(l)
	for _, p := range all {
		logger.Warn("samples may not arrive", "err", errors.New(p.Text), "next", p.Next)
	}
}
