//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// folderOfPages has the alerts' pages.
var folderOfPages = filepath.Join("..", "..", "..", "docs", "alerts")

// readPages returns the first three commands of each alert's page.
func readPages(t *testing.T) map[string][]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folderOfPages, "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	pages := map[string][]string{}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".md")
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, section, found := strings.Cut(string(text), "## First commands\n")
		if !found {
			continue // the README
		}
		section, _, _ = strings.Cut(section, "\n## ")
		for line := range strings.Lines(section) {
			if command, is := strings.CutPrefix(line, "    "); is && len(pages[name]) < 3 {
				pages[name] = append(pages[name], strings.TrimSpace(command))
			}
		}
		if len(pages[name]) != 3 {
			t.Errorf("%s has %d commands, want 3", file, len(pages[name]))
		}
	}
	return pages
}

// reader is somebody who has an alert, and types what its page says.
type reader struct {
	*flow
	pages map[string][]string
	words map[string]string // what stands for the words in capitals
	typed map[string][]int  // commands by alert
}

// newReader makes the programs that a reader has: ssh to the cluster's machines, and AWS' command line.
func newReader(t *testing.T, f *flow) *reader {
	t.Helper()
	for name, script := range map[string]string{
		"ssh": "#!/bin/sh\nhost=$1\nshift\nexec " + f.exe + " enter \"$host\" bash -c \"$*\"\n",
		"aws": "#!/bin/sh\nexec /usr/bin/aws --endpoint-url \"$AWS_ENDPOINT_URL\" \"$@\"\n",
	} {
		if err := os.WriteFile(filepath.Join(f.work, name), []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return &reader{flow: f, pages: readPages(t), words: map[string]string{"HEAD": "head", "CLUSTER": "hpc"}, typed: map[string][]int{}}
}

// in is the reader for a part of a test.
func (r *reader) in(t *testing.T) *reader {
	return &reader{r.flow.in(t), r.pages, r.words, r.typed}
}

var capitals = regexp.MustCompile(`\b[A-Z][A-Z-]+\b`)

// wherever are the programs that a reader runs on a machine of their own; Slurm's are run on the head node.
var wherever = []string{"ssh", "parascope", "aws", "pcluster"}

// longest bounds a command: one that asks a slurmctld which is away takes its time.
const longest = 3 * time.Minute

// types runs a command of an alert's page, which has to end with a code and to print what shows the fault.
func (r *reader) types(alert string, number, code int, shows string) {
	r.t.Helper()
	if len(r.pages[alert]) < number {
		r.t.Errorf("%s has no command %d", alert, number)
		return
	}
	r.typed[alert] = append(r.typed[alert], number)
	command := capitals.ReplaceAllStringFunc(r.pages[alert][number-1], func(word string) string {
		if value, ok := r.words[word]; ok {
			return value
		}
		return word
	})
	ctx, cancel := context.WithTimeout(r.t.Context(), longest)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-c", command)
	if program, _, _ := strings.Cut(command, " "); !slices.Contains(wherever, program) {
		cmd = exec.CommandContext(ctx, r.exe, "enter", "head", "bash", "-c", command)
	}
	cmd.Dir, cmd.Env, cmd.WaitDelay = r.work, r.env, time.Second
	out, err := cmd.CombinedOutput()
	got := 0
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		r.t.Errorf("%s: %s: %v", alert, command, err)
		return
	}
	text := strings.TrimSpace(string(out))
	if len(text) > 1500 {
		text = text[:500] + "\n[…]\n" + text[len(text)-1000:]
	}
	if got != code || !regexp.MustCompile(shows).Match(out) {
		r.t.Errorf("%s, command %d: %s\nexit code %d, want %d, and a match of %s in\n%s", alert, number, command, got, code, shows, text)
		return
	}
	r.t.Logf("%s, command %d: %s\n%s", alert, number, command, text)
}

// listed reads the README's table of the commands that no test types, by alert.
func listed(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folderOfPages, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, line := range regexp.MustCompile(`(?m)^\| ([A-Za-z]+) \| ([1-3, ]+) \| .+ \|$`).FindAllStringSubmatch(string(text), -1) {
		all[line[1]] = line[2]
	}
	return all
}

// complete holds that the README lists the commands that were not typed, and no others.
func (r *reader) complete() {
	r.t.Helper()
	list := listed(r.t)
	for alert := range r.pages {
		var left []string
		for number := 1; number <= 3; number++ {
			if !slices.Contains(r.typed[alert], number) {
				left = append(left, fmt.Sprint(number))
			}
		}
		if want := strings.Join(left, ", "); list[alert] != want {
			r.t.Errorf("docs/alerts/README.md lists commands %q of %s as not tried; they are %q", list[alert], alert, want)
		}
		delete(list, alert)
	}
	for alert := range list {
		r.t.Errorf("docs/alerts/README.md lists %s, which is no alert", alert)
	}
}

// TestAlertPages makes the faults that a bed can make, and types the first commands of the alerts' pages.
func TestAlertPages(t *testing.T) {
	f := startFlow(t, "--resume-timeout", "30m")
	r := newReader(t, f)
	failed, skipped := false, false
	for _, part := range []struct {
		name string
		run  func(*reader)
	}{{"create", pagesCluster}, {"jobs begin", pagesJobs}, {"GPUs", pagesGPUs}, {"a node", pagesNode}, {"a node of Slurm's", pagesSlurmNode},
		{"instances", pagesInstances}, {"pages of the head", pagesMissing}, {"delivery", pagesDelivery}, {"Slurm's daemons", pagesDaemons},
		{"bootstrap", pagesBootstrap}, {"silence", pagesSilence}} {
		began := time.Now()
		ran := false
		ok := t.Run(part.name, func(t *testing.T) { ran = true; part.run(r.in(t)) })
		skipped = skipped || !ran // by -run
		t.Logf("%s took %s", part.name, time.Since(began).Round(time.Second))
		if failed = failed || !ok; !ok && part.name == "create" {
			return
		}
	}
	if !failed && !skipped {
		r.in(t).complete()
	}
}
