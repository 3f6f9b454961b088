package install

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/parascope/parascope/internal/hint"
)

// Manifest lies beside the install script and says which version a node is to have, and
// what belongs to it. Its key is fixed; an upgrade replaces it, and leaves every
// configuration as it is. It is text that a shell reads, a line for each fact, so that a
// node needs no program to read it:
//
//	parascope 1
//	default VERSION
//	pinned
//	canary NODE VERSION
//	replace
//	remote-write URL REGION
//	file VERSION NAME ARCHITECTURE SHA256 BYTES KEY
//	end
type Manifest struct {
	Default   string    `json:"default"` // version of all nodes but the canaries; "": none yet
	Pinned    bool      `json:"pinned,omitempty"`
	Canaries  []Canary  `json:"canaries,omitempty"`
	Replace   bool      `json:"replace,omitempty"` // other exporters and another Prometheus are stopped
	Workspace Workspace `json:"workspace"`
	Releases  []Release `json:"releases"` // the newest last
}

// Canary is a node that has another version than the others.
type Canary struct {
	Node    string `json:"node"` // NODE or CLUSTER/NODE: Slurm's name, or the host name of a head or login node
	Version string `json:"version"`
}

// Workspace is where head nodes send samples.
type Workspace struct {
	RemoteWrite string `json:"remoteWrite,omitempty"` // URL; "": there is none yet
	Region      string `json:"region,omitempty"`
}

// Release is what belongs to a version.
type Release struct {
	Version string `json:"version"`
	Files   []File `json:"files"`
}

// File is an object of a release.
type File struct {
	Name         string `json:"name"`
	Architecture string `json:"architecture"` // Go's: amd64 or arm64; "any" is no program, and not compressed
	SHA256       string `json:"sha256"`       // of the object, in hexadecimal
	Bytes        int    `json:"bytes"`        // of the object
	Key          string `json:"key"`          // named by its content, so that it never changes; of a gzip where it is a program
}

// anyArchitecture is that of files that every node takes as they are.
const anyArchitecture = "any"

// maxReleases bounds the manifest; older releases leave it, and their objects stay.
const maxReleases = 50

const manifestHead, manifestEnd = "parascope 1", "end"

var (
	versionForm = form{regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]*$`), 100}
	nodeForm    = form{regexp.MustCompile(`^([A-Za-z][A-Za-z0-9-]*/)?[A-Za-z0-9][A-Za-z0-9_-]*$`), 160}
	keyForm     = form{regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+/-]*$`), 500}
	sumForm     = form{regexp.MustCompile(`^[0-9a-f]{64}$`), 64}
	urlForm     = form{regexp.MustCompile(`^https?://[A-Za-z0-9._:/-]+$`), 500}
	archForm    = form{regexp.MustCompile(`^[a-z0-9]+$`), 20}
	regionForm  = form{regexp.MustCompile(`^[a-z0-9-]+$`), 40}
)

// form is what a word of the manifest must look like. The length is apart from the pattern:
// a repetition that counts to hundreds takes milliseconds to compile, at each start.
type form struct {
	pattern *regexp.Regexp
	longest int
}

func (f form) matches(word string) bool { return len(word) <= f.longest && f.pattern.MatchString(word) }

// Version is a build's version as a manifest has it: of one word.
func Version(build string) string {
	v := strings.Map(func(r rune) rune {
		if r < 0x80 && (r == '.' || r == '_' || r == '+' || r == '-' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z') {
			return r
		}
		return -1
	}, build)
	if v = strings.TrimLeft(v, "._+-"); v == "" || strings.Contains(v, "..") {
		return "devel"
	}
	return v[:min(len(v), 100)]
}

// Text is the manifest as it lies in the bucket.
func (m Manifest) Text() string {
	var b strings.Builder
	line := func(words ...string) { b.WriteString(strings.Join(words, " ") + "\n") }
	line(manifestHead)
	if m.Default != "" {
		line("default", m.Default)
	}
	if m.Pinned {
		line("pinned")
	}
	for _, c := range m.Canaries {
		line("canary", c.Node, c.Version)
	}
	if m.Replace {
		line("replace")
	}
	if m.Workspace.RemoteWrite != "" {
		line("remote-write", m.Workspace.RemoteWrite, m.Workspace.Region)
	}
	for _, r := range m.Releases {
		for _, f := range r.Files {
			line("file", r.Version, f.Name, f.Architecture, f.SHA256, strconv.Itoa(f.Bytes), f.Key)
		}
	}
	line(manifestEnd)
	return b.String()
}

// ParseManifest reads a manifest. What it does not know is an error: a manifest that a
// later parascope wrote is not rewritten without it.
func ParseManifest(text string) (m Manifest, err error) {
	m.Releases = []Release{}
	lines := strings.Split(text, "\n")
	if len(lines) < 3 || lines[0] != manifestHead || lines[len(lines)-2] != manifestEnd || lines[len(lines)-1] != "" {
		return m, fmt.Errorf("the manifest does not begin with %q or does not end with %q", manifestHead, manifestEnd)
	}
	for i, text := range lines[1 : len(lines)-2] {
		if err := m.line(strings.Split(text, " ")); err != nil {
			return m, fmt.Errorf("line %d: %w", i+2, err)
		}
	}
	return m, m.check()
}

var errLine = errors.New("is not a valid line of a manifest")

func (m *Manifest) line(words []string) error {
	switch {
	case words[0] == "default" && len(words) == 2 && m.Default == "" && versionForm.matches(words[1]):
		m.Default = words[1]
	case words[0] == "pinned" && len(words) == 1 && !m.Pinned:
		m.Pinned = true
	case words[0] == "replace" && len(words) == 1 && !m.Replace:
		m.Replace = true
	case words[0] == "canary" && len(words) == 3 && nodeForm.matches(words[1]) && versionForm.matches(words[2]):
		m.Canaries = append(m.Canaries, Canary{words[1], words[2]})
	case words[0] == "remote-write" && len(words) == 3 && m.Workspace.RemoteWrite == "":
		m.Workspace = Workspace{words[1], words[2]}
		return m.Workspace.Check()
	case words[0] == "file" && len(words) == 7:
		return m.file(words[1], words[2:])
	default:
		return errLine
	}
	return nil
}

func (m *Manifest) file(version string, words []string) error {
	f := File{Name: words[0], Architecture: words[1], SHA256: words[2], Key: words[4]}
	var err error
	f.Bytes, err = strconv.Atoi(words[3])
	if err != nil || f.Bytes < 0 || strconv.Itoa(f.Bytes) != words[3] || !versionForm.matches(version) ||
		!versionForm.matches(f.Name) || !archForm.matches(f.Architecture) || !sumForm.matches(f.SHA256) ||
		!keyForm.matches(f.Key) {
		return errLine
	}
	if n := len(m.Releases); n == 0 || m.Releases[n-1].Version != version {
		if m.Has(version) {
			return fmt.Errorf("the lines of version %s are not consecutive", version)
		}
		m.Releases = append(m.Releases, Release{Version: version})
	}
	r := &m.Releases[len(m.Releases)-1]
	r.Files = append(r.Files, f)
	return nil
}

// Check says whether the workspace can stand in a manifest.
func (w Workspace) Check() error {
	if !urlForm.matches(w.RemoteWrite) || !regionForm.matches(w.Region) {
		return fmt.Errorf("%q in %q is not the remote-write URL of a workspace", w.RemoteWrite, w.Region)
	}
	return nil
}

// check says whether every version that is named has files.
func (m *Manifest) check() error {
	named := []string{}
	if m.Default != "" {
		named = append(named, m.Default)
	}
	for _, c := range m.Canaries {
		named = append(named, c.Version)
	}
	for _, v := range named {
		if !m.Has(v) {
			return fmt.Errorf("version %s is selected, but has no files", v)
		}
	}
	return nil
}

// Has reports whether a version is staged.
func (m *Manifest) Has(version string) bool {
	return slices.ContainsFunc(m.Releases, func(r Release) bool { return r.Version == version })
}

// add takes in a release, in the place of one of the same version, and lets the oldest go
// that no node is to have.
func (m *Manifest) add(r Release) {
	m.Releases = slices.DeleteFunc(m.Releases, func(old Release) bool { return old.Version == r.Version })
	m.Releases = append(m.Releases, r)
	for i := 0; len(m.Releases) > maxReleases && i < len(m.Releases)-1; {
		if v := m.Releases[i].Version; v == m.Default || slices.ContainsFunc(m.Canaries, func(c Canary) bool { return c.Version == v }) {
			i++
			continue
		}
		m.Releases = slices.Delete(m.Releases, i, i+1)
	}
}

// Stage adds a release. Nodes go on with what they have; the first release is for all.
func (m *Manifest) Stage(r Release) {
	m.add(r)
	if m.Default == "" {
		m.Default = r.Version
	}
}

// Upgrade gives a release to all nodes, the canaries too.
func (m *Manifest) Upgrade(r Release) error {
	if m.Pinned && m.Default != r.Version {
		return hint.New(hint.BadInput, fmt.Errorf("the nodes are pinned to version %s, but this program has version %s", m.Default, r.Version),
			"'parascope cluster upgrade --pin none' removes the pin; --pin "+r.Version+" pins the nodes to this version once the version is staged")
	}
	m.add(r)
	m.Default, m.Canaries = r.Version, nil
	return nil
}

// Try gives a release to some nodes only.
func (m *Manifest) Try(r Release, nodes []string) error {
	if m.Default == "" || m.Default == r.Version {
		return hint.New(hint.BadInput, fmt.Errorf("all nodes have version %s; a canary needs another version", r.Version),
			"use another version of parascope for --canary")
	}
	for _, n := range nodes {
		if !nodeForm.matches(n) {
			return hint.New(hint.Usage, fmt.Errorf("--canary %q is not a valid node name", n),
				"give the Slurm name of a compute node, or the host name of a head or login node; use CLUSTER/NODE if clusters share node names")
		}
	}
	m.add(r)
	for _, n := range nodes {
		m.Canaries = slices.DeleteFunc(m.Canaries, func(c Canary) bool { return c.Node == n })
		m.Canaries = append(m.Canaries, Canary{n, r.Version})
	}
	return nil
}

// Unpinned is the version that Pin takes to lift a pin.
const Unpinned = "none"

// Pin gives a version that was staged to all nodes, until it is lifted.
func (m *Manifest) Pin(version string) error {
	if version == Unpinned {
		m.Pinned = false
		return nil
	}
	if !m.Has(version) {
		var staged []string
		for _, r := range m.Releases {
			staged = append(staged, r.Version)
		}
		return hint.New(hint.NotFound, fmt.Errorf("version %q is not staged", version), "staged versions: "+strings.Join(staged, ", "))
	}
	m.Default, m.Pinned, m.Canaries = version, true, nil
	return nil
}
