package environment

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parascope/parascope/internal/hint"
)

func TestEnvironmentIsWhatTheGuideSources(t *testing.T) {
	e := File{ClusterName: "hpc", Region: "us-east-2", Others: []Variable{{"CAPACITY_RESERVATION_ID", "cr-0123456789abcdef0"}}}
	got, err := e.Text()
	if err != nil {
		t.Fatal(err)
	}
	const want = `# Environment of cluster hpc, written by parascope. To use it, run: . environment-variables-hpc.sh
export CLUSTER_NAME='hpc'
export AWS_REGION='us-east-2'
export CAPACITY_RESERVATION_ID='cr-0123456789abcdef0'
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	file := filepath.Join(t.TempDir(), FileName("hpc"))
	if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
		t.Fatal(err)
	}
	if back, err := Read(file); err != nil || !cmp.Equal(e, back) {
		t.Errorf("read back: %+v, %v", back, err)
	}
}

func TestEnvironmentRefusesWhatItDidNotWrite(t *testing.T) {
	for name, text := range map[string]string{
		"a command":           "export CLUSTER_NAME='a'\nexport AWS_REGION='b'\nrm -rf /\n",
		"a substitution":      "export CLUSTER_NAME=$(id)\nexport AWS_REGION='b'\n",
		"after the value":     "export CLUSTER_NAME='a'; id\nexport AWS_REGION='b'\n",
		"an open quote":       "export CLUSTER_NAME='a\n",
		"a name twice":        "export CLUSTER_NAME='a'\nexport CLUSTER_NAME='c'\nexport AWS_REGION='b'\n",
		"no region":           "export CLUSTER_NAME='a'\n",
		"a name that is none": "export 1A='a'\n",
		"nothing":             "",
	} {
		t.Run(name, func(t *testing.T) {
			if e, err := Parse(text); err == nil {
				t.Errorf("it was read: %+v", e)
			}
		})
	}
	if _, err := Read(filepath.Join(t.TempDir(), "none")); hint.CodeOf(err) != hint.BadInput {
		t.Errorf("a file that is not there: %v", err)
	}
	for _, e := range []File{{ClusterName: "a\x00"}, {Others: []Variable{{"A B", ""}}}, {Others: []Variable{{"", ""}}}} {
		if text, err := e.Text(); err == nil {
			t.Errorf("%+v was written: %q", e, text)
		}
	}
}

// FuzzEnvironment: whatever the values, a POSIX shell that sources the file has exactly
// them and runs nothing, and reading the file gives them back.
func FuzzEnvironment(f *testing.F) {
	f.Add("hpc", "us-east-2", "plain")
	f.Add("it's", "$(touch here)", "`touch here`")
	f.Add("a\nb", "a\\", "'\\''; touch here; '")
	f.Add("\xff\xfe", "\t !~#*?", "\"${HOME}\"\n")
	f.Add("", "-n", "\n\n")
	f.Fuzz(func(t *testing.T, name, region, other string) {
		e := File{ClusterName: name, Region: region, Others: []Variable{{"OTHER", other}}}
		text, err := e.Text()
		if strings.ContainsRune(name+region+other, 0) {
			if err == nil {
				t.Fatal("a NUL byte was written")
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		back, err := Parse(text)
		if err != nil || !cmp.Equal(e, back) {
			t.Fatalf("read back: %+v, %v, from %q", back, err, text)
		}
		dir := t.TempDir()
		file := filepath.Join(dir, "environment.sh")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		sh := exec.CommandContext(t.Context(), "/bin/sh", "-euc", `. ./environment.sh; printf '%s|%s|%s|' "$CLUSTER_NAME" "$AWS_REGION" "$OTHER"`)
		sh.Dir, sh.Env = dir, []string{"PATH=/usr/bin:/bin"}
		out, err := sh.CombinedOutput()
		if want := name + "|" + region + "|" + other + "|"; err != nil || string(out) != want {
			t.Fatalf("a shell has %q (%v), want %q, from %q", out, err, want, text)
		}
		if files, err := os.ReadDir(dir); err != nil || len(files) != 1 {
			t.Fatalf("something was run: %v, %v", files, err)
		}
	})
}
