package bounded

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestEveryServerIsBounded: no server of the local cloud is made or served in another way.
func TestEveryServerIsBounded(t *testing.T) {
	made := regexp.MustCompile(`[^.]http\.(Server\{|ListenAndServe|Serve\()|new\(http\.Server\)`)
	served := regexp.MustCompile(`\.Serve(TLS)?\(`)
	bound, checked := regexp.MustCompile(`\.Serve\(bounded\.Listener\(|(operation|op)\.Serve\(`), 0
	check := func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") ||
			strings.Contains(path, "/testdata/") {
			return err
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for i, line := range strings.Split(string(source), "\n") {
			switch {
			case filepath.Dir(path) != "../bounded" && made.MatchString(line), served.MatchString(line) && !bound.MatchString(line):
				t.Errorf("%s:%d: %s", path, i+1, strings.TrimSpace(line))
			case strings.Contains(line, "bounded.Listener("):
				checked++
			}
		}
		return nil
	}
	if err := filepath.WalkDir("..", check); err != nil {
		t.Fatal(err)
	}
	if checked != 3 { // the cloud with its metadata service, a Grafana, Lambda's runtime API
		t.Errorf("%d servers were seen, want 3", checked)
	}
}
