package headnode

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/parascope/parascope/internal/hint"
)

// ourJobs are the names of the jobs in Configuration.
var ourJobs = [...]string{"node", "dcgm", "slurm", "pcluster", "head"}

// keptSuffix ends the names under which files of somebody else are kept.
const keptSuffix = ".before-parascope"

// takeOver makes the scrape jobs of a Prometheus that is there the site's own jobs, and
// keeps its files under other names. What cannot be taken over is noted.
func (o Options) takeOver(ctx context.Context, e existing, r *Result) error {
	if e.unit == "" && e.config == "" {
		return hint.New(hint.Busy, fmt.Errorf("%s, but neither prometheus.service nor its configuration exists", e.what),
			"stop the running Prometheus process with the tool that started it")
	}
	if e.config != "" {
		text, err := ReadFile(e.config)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			r.Notes = append(r.Notes, e.config+" does not exist: no scrape jobs were copied")
		case err != nil:
			return place(err)
		default:
			jobs, err := o.jobsOf(ctx, e.config, text, r)
			if err != nil {
				return err
			}
			if err := o.write(ctx, existingJob, jobs, nil, r); err != nil {
				return err
			}
		}
	}
	for _, file := range []string{e.unit, e.config} {
		// Only what is in the way is moved: what a package installed is the package's.
		if file != o.path(UnitFile) && file != o.path(ConfigFile) {
			continue
		}
		if err := os.Link(file, file+keptSuffix); err != nil && !errors.Is(err, fs.ErrExist) && !errors.Is(err, fs.ErrNotExist) {
			return place(err)
		}
		r.Notes = append(r.Notes, file+" is kept as "+filepath.Base(file)+keptSuffix)
	}
	return nil
}

// jobsOf is a file for scrape_config_files with the jobs of a configuration that the head
// can run.
func (o Options) jobsOf(ctx context.Context, file string, text []byte, r *Result) (string, error) {
	var c struct {
		Global struct {
			Interval string `yaml:"scrape_interval"`
			Timeout  string `yaml:"scrape_timeout"`
		} `yaml:"global"`
		Jobs      []yaml.Node `yaml:"scrape_configs"`
		JobFiles  []string    `yaml:"scrape_config_files"`
		Writes    []yaml.Node `yaml:"remote_write"`
		Reads     []yaml.Node `yaml:"remote_read"`
		RuleFiles []string    `yaml:"rule_files"`
		Alerting  yaml.Node   `yaml:"alerting"`
	}
	if err := yaml.Unmarshal(text, &c); err != nil {
		return "", hint.New(hint.BadInput, fmt.Errorf("could not read the configuration of the existing Prometheus, %s: %w", file, err),
			"correct the file, or move it away")
	}
	for what, n := range map[string]int{"remote_write": len(c.Writes), "remote_read": len(c.Reads), "rule_files": len(c.RuleFiles),
		"scrape_config_files": len(c.JobFiles), "alerting": len(c.Alerting.Content)} {
		if n > 0 {
			r.Notes = append(r.Notes, fmt.Sprintf("section %s of %s was not copied", what, file))
		}
	}
	slices.Sort(r.Notes)
	kept := []*yaml.Node{}
	for i := range c.Jobs {
		job := &c.Jobs[i]
		name := adapt(job, filepath.Dir(file), c.Global.Interval, c.Global.Timeout)
		if err := o.tryJob(ctx, job); err != nil {
			r.Notes = append(r.Notes, fmt.Sprintf("scrape job %q was not copied: %v", name, err))
			continue
		}
		kept = append(kept, job)
	}
	return o.jobs(kept, "# The scrape jobs of the previous Prometheus on this node, from "+file+". You can change these jobs.\n")
}

func (o Options) jobs(jobs []*yaml.Node, head string) (string, error) {
	var b bytes.Buffer
	b.WriteString(head)
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(map[string]any{"scrape_configs": jobs}); err != nil {
		return "", fmt.Errorf("could not write the scrape jobs: %w", err)
	}
	return b.String(), e.Close()
}

// tryJob asks whether the head takes a job.
func (o Options) tryJob(ctx context.Context, job *yaml.Node) error {
	if o.Check == nil {
		return nil
	}
	text, err := o.jobs([]*yaml.Node{job}, "remote_write: [{url: 'http://localhost/'}]\n")
	if err != nil {
		return err
	}
	f, err := os.CreateTemp("", "parascope-job-*.yml")
	if err != nil {
		return place(err)
	}
	defer os.Remove(f.Name()) //nolint:errcheck // a file of a moment
	_, err = f.WriteString(text)
	if err := errors.Join(err, f.Close()); err != nil {
		return place(err)
	}
	err = o.Check(ctx, f.Name())
	if err != nil {
		return errors.New(strings.Join(strings.Fields(strings.ReplaceAll(err.Error(), f.Name(), "it")), " "))
	}
	return nil
}

// adapt makes a job independent of the file that it was in: its intervals are its own, its
// paths absolute, and its name none of ours. It returns the old name.
func adapt(job *yaml.Node, dir, interval, timeout string) (name string) {
	if job.Kind != yaml.MappingNode {
		return ""
	}
	has := map[string]bool{}
	for i := 0; i+1 < len(job.Content); i += 2 {
		key, value := job.Content[i].Value, job.Content[i+1]
		has[key] = true
		if key == "job_name" {
			name = value.Value
			if slices.Contains(ourJobs[:], name) {
				value.Value = "existing-" + name
			}
		}
	}
	set := func(key, value string) {
		if value != "" && !has[key] {
			job.Content = append(job.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: key}, &yaml.Node{Kind: yaml.ScalarNode, Value: value})
		}
	}
	if interval == "" {
		interval = "1m" // Prometheus' default
	}
	set("scrape_interval", interval)
	set("scrape_timeout", timeout)
	absolute(job, dir)
	return name
}

// absolute makes the paths of files absolute, as Prometheus does with those of its own file.
func absolute(n *yaml.Node, dir string) {
	fix := func(v *yaml.Node) {
		if v.Kind == yaml.ScalarNode && v.Value != "" && !filepath.IsAbs(v.Value) {
			v.Value = filepath.Join(dir, v.Value)
		}
	}
	if n.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(n.Content); i += 2 {
			key, value := n.Content[i].Value, n.Content[i+1]
			if strings.HasSuffix(key, "_file") {
				fix(value)
			}
			if key == "files" && value.Kind == yaml.SequenceNode {
				for _, v := range value.Content {
					fix(v)
				}
			}
		}
	}
	for _, c := range n.Content {
		absolute(c, dir)
	}
}
