package head

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/config"
)

// TestKeysOfTheLibrary: each key that the library reads in agent mode is heeded, or stands
// in the document with what becomes of it.
func TestKeysOfTheLibrary(t *testing.T) {
	text, err := os.ReadFile("../../docs/delivery.md")
	if err != nil {
		t.Fatal(err)
	}
	_, document, found := strings.Cut(string(text), "\n## Configuration\n")
	if document, _, _ = strings.Cut(document, "\n## "); !found {
		t.Fatal("the document has no section on the configuration")
	}
	said := func(key string) bool { return regexp.MustCompile(`\b` + key + `\b`).MatchString(document) }
	for _, of := range []any{config.Config{}, config.RemoteWriteConfig{}, config.QueueConfig{}} {
		for _, f := range keysOf(of) {
			if !said(f.key) {
				t.Errorf("docs/delivery.md says nothing of %s in %T", f.key, of)
			}
		}
	}
	source := readSource(t, "../scrape/*.go", "../scrape/rules/*.go", "../ship/*.go", "*.go")
	// The library reads these where targets are made.
	library := map[string]bool{"params": true, "metrics_path": true, "relabel_configs": true}
	for _, of := range []any{config.GlobalConfig{}, config.ScrapeConfig{}} {
		for _, f := range keysOf(of) {
			used := regexp.MustCompile(`\.` + f.field + `(Enabled\(|OrDefault|\b)`).MatchString(source)
			if !used && !library[f.key] && !said(f.key) {
				t.Errorf("%s in %T is not heeded, and docs/delivery.md says nothing of it", f.key, of)
			}
		}
	}
}

type key struct{ key, field string }

// keysOf are the keys of a section, without those of sections that are inlined.
func keysOf(section any) (all []key) {
	of := reflect.TypeOf(section)
	for i := range of.NumField() {
		f := of.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if f.IsExported() && name != "" && name != "-" {
			all = append(all, key{name, f.Name})
		}
	}
	return all
}

// readSource joins files, without tests, comments and what only compares configurations.
func readSource(t *testing.T, patterns ...string) string {
	var all strings.Builder
	for _, pattern := range patterns {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			all.Write(regexp.MustCompile(`(?m)//.*$|^.* = nil, nil, false, ""$|^.*c\.KeepDroppedTargets = .*$`).ReplaceAll(text, nil))
		}
	}
	return all.String()
}
