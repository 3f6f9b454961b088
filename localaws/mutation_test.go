package localaws_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var mutationsPart = flag.String("part", "1/1", "I/N: switch off those rules only that are the I-th of each N")

var runMutations = flag.Bool("mutations", false, "switch off the local cloud's rules one at a time and see that a test notices")

// mutation switches one rule off: in file, a path below this folder, the text from
// becomes to, and the test in pkg must go red. From stands in the file exactly once.
type mutation struct {
	rule     string
	file     string
	from, to string
	pkg      string
	test     string
}

// TestMutations proves that the tests of the local cloud's rules can fail.
func TestMutations(t *testing.T) {
	if !*runMutations {
		t.Skip("each rule costs a rebuild: run it with -mutations")
	}
	var part, parts int
	if n, _ := fmt.Sscanf(*mutationsPart, "%d/%d", &part, &parts); n != 2 || part < 1 || parts < part {
		t.Fatalf("-part %s is not I/N", *mutationsPart)
	}
	for i, m := range slices.Concat(mutations, alertMutations) {
		if i%parts != part-1 {
			continue
		}
		t.Run(m.rule, func(t *testing.T) {
			t.Parallel() // linking a test and running it take one core each
			source, err := os.ReadFile(m.file)
			if err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(string(source), m.from); n != 1 {
				t.Fatalf("%s holds %q %d times; it must stand there once", m.file, m.from, n)
			}
			overlay := writeOverlay(t, m.file, strings.Replace(string(source), m.from, m.to, 1))
			out, err := exec.CommandContext(t.Context(), "go", "test", "-vet=off", "-count=1", "-overlay="+overlay, "-run=^"+m.test+"$",
				"./"+m.pkg).CombinedOutput()
			switch text := string(out); {
			case err == nil:
				t.Errorf("with %q switched off %s still passes", m.rule, m.test)
			case !strings.Contains(text, "--- FAIL: "+strings.Split(m.test, "/")[0]):
				t.Errorf("the change does not build, or another thing failed:\n%s", text)
			}
		})
	}
}

// TestMutationsStandOnce holds that each mutation's place in the source is still there, once.
func TestMutationsStandOnce(t *testing.T) {
	for _, m := range slices.Concat(mutations, alertMutations) {
		source, err := os.ReadFile(m.file)
		if n := strings.Count(string(source), m.from); err != nil || n != 1 {
			t.Errorf("%s: %s holds %q %d times (%v); it must stand there once", m.rule, m.file, m.from, n, err)
		}
	}
}

// writeOverlay makes a -overlay file that replaces file by text, so that the
// working tree stays as it is.
func writeOverlay(t *testing.T, file, text string) string {
	t.Helper()
	dir := t.TempDir()
	abs, err := filepath.Abs(file)
	if err != nil {
		t.Fatal(err)
	}
	changed := filepath.Join(dir, "changed.go")
	overlay := filepath.Join(dir, "overlay.json")
	b, err := json.Marshal(map[string]map[string]string{"Replace": {abs: changed}})
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{changed: []byte(text), overlay: b} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return overlay
}
