package headnode

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/listen"
)

// Options say what to set up.
type Options struct {
	Root    string // "/" on a node
	Facts   Facts
	Write   RemoteWrite
	Replace bool // take over a Prometheus that is there
	// Check says whether a head takes a configuration file.
	Check func(ctx context.Context, file string) error
	// Taken says who listens on an address of this machine; nil: listen.TCP finds out.
	Taken func(ctx context.Context, address string) error
}

// Result is what Setup did.
type Result struct {
	Written []string // files; none: everything was as it should be
	Notes   []string // what a person should know
}

// IsOurs reports whether the text of a configuration or unit is one that Setup wrote.
func IsOurs(text []byte) bool { return bytes.HasPrefix(text, []byte(marker)) }

// unitDirs are where systemd looks for units.
var unitDirs = [...]string{"etc/systemd/system", "run/systemd/system", "usr/local/lib/systemd/system", "usr/lib/systemd/system",
	"lib/systemd/system"}

// Setup writes the configuration and the unit, each whole or not at all, and nothing where
// nothing changed. A Prometheus that somebody else set up is an error with exit code Busy,
// and stays as it is, unless it is to be replaced.
func Setup(ctx context.Context, o Options) (Result, error) {
	var r Result
	text, err := Configuration(o.Facts, o.Write)
	if err != nil {
		return r, err
	}
	existing, err := o.findExisting(ctx)
	if err != nil {
		return r, err
	}
	if existing.is && !o.Replace {
		return r, hint.New(hint.Busy, fmt.Errorf("another Prometheus is already installed on this node (%s); it is kept, and does not "+
			"send samples to the workspace",
			existing.what),
			"'parascope-head setup --replace' replaces the installed Prometheus and keeps its scrape jobs; 'parascope cluster upgrade "+
				"--replace' does so on every head node of the stack")
	}
	if err := os.MkdirAll(o.path(jobsDir), 0o755); err != nil {
		return r, place(err)
	}
	if existing.is {
		if err := o.takeOver(ctx, existing, &r); err != nil {
			return r, err
		}
	}
	for _, f := range []struct{ name, text string }{{ConfigFile, text}, {UnitFile, unit}} {
		check := o.Check
		if f.name != ConfigFile {
			check = nil
		}
		if err := o.write(ctx, f.name, f.text, check, &r); err != nil {
			return r, err
		}
	}
	return r, nil
}

func (o Options) path(name string) string { return filepath.Join(o.Root, name) }

// write writes a file unless it is the same; check sees it first.
func (o Options) write(ctx context.Context, name, text string, check func(context.Context, string) error, r *Result) error {
	file := o.path(name)
	if has, err := os.ReadFile(file); err == nil && bytes.Equal(has, []byte(text)) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return place(err)
	}
	temporary, err := os.CreateTemp(filepath.Dir(file), ".parascope-*")
	if err != nil {
		return place(err)
	}
	defer os.Remove(temporary.Name()) //nolint:errcheck // it is gone when it was renamed
	_, err = temporary.WriteString(text)
	if err := errors.Join(err, temporary.Chmod(0o644), temporary.Sync(), temporary.Close()); err != nil {
		return place(err)
	}
	if check != nil {
		if err := check(ctx, temporary.Name()); err != nil {
			return hint.New(hint.BadInput, fmt.Errorf("%s is unchanged, because the new one is not valid: %w", file, err),
				"correct the files in "+o.path(jobsDir)+", which the configuration includes")
		}
	}
	if err := os.Rename(temporary.Name(), file); err != nil {
		return place(err)
	}
	r.Written = append(r.Written, file)
	return nil
}

// place explains why a file could not be written.
func place(err error) error {
	return hint.New(hint.Failure, fmt.Errorf("could not set up the head node: %w", err),
		"run the command as root, on a writable disk with free space")
}

// existing is a Prometheus that this package did not set up.
type existing struct {
	is     bool
	what   string // where it shows
	config string // its configuration file; "" where it is not known
	unit   string // its unit's file; "" where it has none
}

// findExisting looks for one: its unit, its configuration, and whoever listens in its place.
func (o Options) findExisting(ctx context.Context) (e existing, err error) {
	ours := false
	for _, dir := range unitDirs {
		name := filepath.Join(dir, "prometheus.service")
		text, err := os.ReadFile(o.path(name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return e, place(err)
		}
		if ours = bytes.HasPrefix(text, []byte(marker)); !ours {
			e = existing{is: true, what: "/" + name, unit: o.path(name), config: o.configOf(string(text))}
		}
		break // the first is the one that systemd takes
	}
	text, err := os.ReadFile(o.path(ConfigFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return e, place(err)
	case !bytes.HasPrefix(text, []byte(marker)):
		e.is, e.config = true, o.path(ConfigFile)
		if e.what == "" {
			e.what = "/" + ConfigFile
		}
	}
	if e.is || ours {
		return e, nil
	}
	if err := o.taken(ctx); err != nil {
		e = existing{is: true, what: err.Error()}
	}
	return e, nil
}

// taken is an error where somebody listens on the head's address.
func (o Options) taken(ctx context.Context) error {
	if o.Taken != nil {
		return o.Taken(ctx, Address)
	}
	l, err := listen.TCP(ctx, Address)
	if err != nil {
		return err
	}
	return l.Close()
}

// configOf is the file that a unit's command line names.
func (o Options) configOf(unit string) string {
	_, rest, ok := strings.Cut(unit, "--config.file")
	if !ok {
		return o.path("etc/prometheus/prometheus.yml") // Debian's unit leaves it to the default file
	}
	words := strings.FieldsFunc(rest, func(r rune) bool { return strings.ContainsRune("= \t\n\"'\\", r) })
	if len(words) == 0 || !strings.HasPrefix(words[0], "/") {
		return ""
	}
	return o.path(words[0])
}
