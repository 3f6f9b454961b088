package install

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parascope/parascope/internal/hint"
)

func release(version string) Release {
	return Release{Version: version, Files: []File{{Name: "parascope-node", Architecture: "arm64",
		SHA256: strings.Repeat("0", 63) + "1", Bytes: 3, Key: "parascope/s/v1/objects/x"}}}
}

const wholeManifest = `parascope 1
default v1.0.0
pinned
canary hpc/gpu-st-p5-1 v1.1.0
replace
remote-write https://aps-workspaces.us-east-2.amazonaws.com/workspaces/ws-1/api/v1/remote_write us-east-2
file v1.0.0 parascope-node arm64 0000000000000000000000000000000000000000000000000000000000000001 3 parascope/s/v1/objects/x
file v1.1.0 parascope-node arm64 0000000000000000000000000000000000000000000000000000000000000001 3 parascope/s/v1/objects/x
end
`

func TestManifestText(t *testing.T) {
	m := Manifest{Default: "v1.0.0", Pinned: true, Canaries: []Canary{{"hpc/gpu-st-p5-1", "v1.1.0"}}, Replace: true,
		Workspace: Workspace{"https://aps-workspaces.us-east-2.amazonaws.com/workspaces/ws-1/api/v1/remote_write", "us-east-2"},
		Releases:  []Release{release("v1.0.0"), release("v1.1.0")}}
	if diff := cmp.Diff(wholeManifest, m.Text()); diff != "" {
		t.Error(diff)
	}
	read, err := ParseManifest(wholeManifest)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(m, read); diff != "" {
		t.Error(diff)
	}
	for name, text := range map[string]string{
		"empty":                   "",
		"no end":                  strings.TrimSuffix(wholeManifest, "end\n"),
		"another version":         strings.Replace(wholeManifest, "parascope 1", "parascope 2", 1),
		"an unknown line":         strings.Replace(wholeManifest, "replace", "explode", 1),
		"two defaults":            strings.Replace(wholeManifest, "pinned", "default v1.1.0", 1),
		"a version without files": strings.Replace(wholeManifest, "default v1.0.0", "default v9", 1),
		"a short digest":          strings.Replace(wholeManifest, "00000000", "0000", 1),
		"files that stand apart":  strings.Replace(wholeManifest, "end\n", "file v1.0.0 x any "+strings.Repeat("0", 64)+" 3 k\nend\n", 1),
		"a shell's word":          strings.Replace(wholeManifest, "objects/x", "objects/$x", 1),
	} {
		if _, err := ParseManifest(text); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestManifestMoves(t *testing.T) {
	m := Manifest{}
	m.Stage(release("v1"))
	m.Stage(release("v2"))
	if m.Default != "v1" {
		t.Errorf("after staging nodes have %s", m.Default)
	}
	for name, c := range map[string]struct {
		err  error
		code hint.Code
	}{
		"a canary with everybody's version": {m.Try(release("v1"), []string{"n"}), hint.BadInput},
		"a canary that is not a node":       {m.Try(release("v2"), []string{"a b"}), hint.Usage},
		"a pin to what is not staged":       {m.Pin("v3"), hint.NotFound},
	} {
		if hint.CodeOf(c.err) != c.code {
			t.Errorf("%s: %v", name, c.err)
		}
	}
	if err := m.Try(release("v2"), []string{"n1", "n2"}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Canary{{"n1", "v2"}, {"n2", "v2"}}, m.Canaries); diff != "" {
		t.Error(diff)
	}
	if err := m.Upgrade(release("v2")); err != nil || m.Default != "v2" || len(m.Canaries) != 0 {
		t.Errorf("upgraded: %+v, %v", m, err)
	}
	if err := m.Pin("v1"); err != nil || m.Default != "v1" {
		t.Errorf("pinned: %+v, %v", m, err)
	}
	if err := m.Upgrade(release("v3")); hint.CodeOf(err) != hint.BadInput {
		t.Errorf("an upgrade over a pin: %v", err)
	}
	if err := m.Pin(Unpinned); err != nil {
		t.Fatal(err)
	}
	for v := range 2 * maxReleases {
		m.Stage(release("v9." + strings.Repeat("0", v+1)))
	}
	if len(m.Releases) != maxReleases || !m.Has("v1") {
		t.Errorf("%d releases are kept; the one that nodes have: %t", len(m.Releases), m.Has("v1"))
	}
}

func TestVersion(t *testing.T) {
	for build, want := range map[string]string{
		"v1.2.3": "v1.2.3", "(devel)": "devel", "": "devel", "v0.1-3-gab12-dirty": "v0.1-3-gab12-dirty", "v0.0.0-2026+dirty": "v0.0.0-2026+dirty",
		"../x": "x", "a b/c": "abc",
	} {
		if got := Version(build); got != want || !versionForm.matches(got) {
			t.Errorf("%q gives %q", build, got)
		}
	}
}

// FuzzManifest: what is read is written again as it was.
func FuzzManifest(f *testing.F) {
	f.Add(wholeManifest)
	f.Add("parascope 1\nend\n")
	f.Add("parascope 1\ncanary a b\nend\n")
	f.Fuzz(func(t *testing.T, text string) {
		m, err := ParseManifest(text)
		if err != nil {
			return
		}
		again, err := ParseManifest(m.Text())
		if err != nil {
			t.Fatalf("%q is written as %q: %v", text, m.Text(), err)
		}
		if diff := cmp.Diff(m, again); diff != "" {
			t.Error(diff)
		}
	})
}
