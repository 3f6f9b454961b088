package textfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/parascope/parascope/internal/collect/page"
)

const (
	// maxFile and maxFiles bound what is read.
	maxFile  = 1 << 20
	maxFiles = 256
)

var (
	mtimeSeconds = &page.Family{
		Name: "node_textfile_mtime_seconds", Help: "Unixtime mtime of textfiles successfully read.",
		Type: page.Gauge, Unit: "seconds", Labels: []string{"file"}, Source: "the directory", Where: "with --collector.textfile.directory",
		Needs: page.NeedsFlag,
	}
	scrapeError = &page.Family{
		Name: "node_textfile_scrape_error", Help: "1 if there was an error opening or reading a file, 0 otherwise",
		Type: page.Gauge, Unit: "1", Source: "the directory", Where: "with --collector.textfile.directory",
		Needs: page.NeedsFlag,
	}
)

// Collector serves the files *.prom of the directories that are given. Files are read
// again when they change.
var Collector = page.Collector{
	Name:      "textfile",
	Families:  []*page.Family{mtimeSeconds, scrapeError},
	Sources:   []string{"DIRECTORY/*.prom"},
	Privilege: "read permission for the directory and its files",
	Open: func(e page.Env) (page.Reader, error) {
		if len(e.Textfiles) == 0 {
			return nil, fmt.Errorf("no directory for text files is given: %w", page.ErrAbsent)
		}
		return &reader{patterns: e.Textfiles, reserved: e.Reserved, logger: e.Logger, files: map[string]*file{}, said: map[string]string{}}, nil
	},
}

type reader struct {
	patterns []string
	reserved map[string]bool
	logger   *slog.Logger
	files    map[string]*file  // by path
	said     map[string]string // the complaint about each path that was logged last
}

// file is what was last read of a file.
type file struct {
	size     int64
	modified time.Time
	changed  syscall.Timespec // which no program sets: modified may be the time of what is in the file
	inode    uint64
	families []*family
	err      error
	seen     bool // by this reading
}

func (*reader) Close() error { return nil }

func (r *reader) Read(p *page.Page) error {
	for _, f := range r.files {
		f.seen = false
	}
	failed := false
	var paths []string
	for _, dir := range r.directories() {
		names, err := r.readDirectory(dir)
		failed = r.complain(dir, err) || failed
		paths = append(paths, names...)
	}
	for path, f := range r.files {
		if !f.seen {
			delete(r.files, path)
			delete(r.said, path)
		}
	}
	failed = r.write(p, paths) || failed
	for _, path := range paths {
		if f := r.files[path]; f.err == nil {
			p.Sample(mtimeSeconds, float64(f.modified.Unix()), path)
		}
	}
	value := 0.0
	if failed {
		value = 1
	}
	p.Sample(scrapeError, value)
	return nil
}

// directories are those that the patterns name, as in node_exporter: a pattern that
// matches nothing is a directory's name.
func (r *reader) directories() (dirs []string) {
	for _, pattern := range r.patterns {
		matches, err := filepath.Glob(pattern)
		if err != nil || len(matches) == 0 {
			matches = []string{pattern}
		}
		for _, m := range matches {
			if !slices.Contains(dirs, m) {
				dirs = append(dirs, m)
			}
		}
	}
	return dirs
}

// readDirectory reads the directory's files that have changed and returns the paths of
// all. What a link leads to outside of it is not read.
func (r *reader) readDirectory(dir string) (paths []string, err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	d, err := root.Open(".")
	if err != nil {
		return nil, err
	}
	defer d.Close()
	entries, err := d.ReadDir(64 * maxFiles)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	err = nil
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), ".prom") {
			continue
		}
		if len(paths) == maxFiles {
			err = fmt.Errorf("the directory has more than %d files; the other files are ignored", maxFiles)
			break
		}
		path := filepath.Join(dir, entry.Name())
		paths = append(paths, path)
		r.readFile(root, entry.Name(), path)
	}
	return paths, err
}

func (r *reader) readFile(root *os.Root, name, path string) {
	f := r.files[path]
	if f == nil {
		f = &file{}
		r.files[path] = f
	}
	f.seen = true
	opened, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe must not block
	if err != nil {
		*f = file{seen: true, err: err}
		return
	}
	defer opened.Close()
	info, err := opened.Stat()
	switch {
	case err != nil:
	case !info.Mode().IsRegular():
		err = errors.New("is not a regular file")
	case info.Size() > maxFile:
		err = fmt.Errorf("has %d bytes, more than %d", info.Size(), maxFile)
	}
	if err != nil {
		*f = file{seen: true, err: err}
		return
	}
	now := file{size: info.Size(), modified: info.ModTime(), seen: true}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		now.inode, now.changed = stat.Ino, stat.Ctim
	}
	if f.size == now.size && f.modified.Equal(now.modified) && f.changed == now.changed && f.inode == now.inode && !f.modified.IsZero() {
		return
	}
	*f = now
	text, err := io.ReadAll(io.LimitReader(opened, maxFile+1))
	switch {
	case err != nil:
	case len(text) > maxFile:
		err = fmt.Errorf("has more than %d bytes", maxFile)
	default:
		f.families, err = parse(string(text))
	}
	f.err = err
}

// write puts the files' families together. A series that is a duplicate, a family with
// another help or type than in a file before, and one of the program's own names are
// left out and said.
func (r *reader) write(p *page.Page, paths []string) (failed bool) {
	merged := map[string]*family{}
	from := map[string][]string{}
	taken := map[string]bool{}
	for _, path := range paths {
		f := r.files[path]
		err := f.err
		for _, add := range f.families {
			if clash := r.merge(merged, taken, add); clash != nil && err == nil {
				err = clash
			}
			from[add.name] = append(from[add.name], path)
		}
		failed = r.complain(path, err) || failed
	}
	names := make([]string, 0, len(merged))
	for name := range merged {
		names = append(names, name)
	}
	slices.Sort(names)
	var text []byte
	for _, name := range names {
		m := merged[name]
		text = append(text[:0], "# HELP "...)
		text = append(append(text, name...), ' ')
		if m.help == "" {
			m.help = "Metric read from " + strings.Join(from[name], ", ")
		}
		text = page.AppendHelp(text, m.help)
		text = append(append(text, "\n# TYPE "...), name...)
		text = append(append(append(text, ' '), kindOf(m)...), '\n')
		for _, s := range m.samples {
			text = append(text, s.text...)
		}
		p.Raw(name, text, len(m.samples))
	}
	return failed
}

func kindOf(f *family) string {
	if f.kind == "" {
		return "untyped"
	}
	return f.kind
}

// merge adds what a file has of a family to what those before it have.
func (r *reader) merge(merged map[string]*family, taken map[string]bool, add *family) (clash error) {
	if r.reserved[add.name] {
		return fmt.Errorf("%s is a metric of parascope-node itself and is ignored", add.name)
	}
	m := merged[add.name]
	switch {
	case m == nil:
		m = &family{name: add.name, help: add.help, kind: add.kind}
	case add.help != "" && m.help != "" && add.help != m.help:
		return fmt.Errorf("%s has a different help text in an earlier file and is ignored", add.name)
	case kindOf(m) != kindOf(add):
		return fmt.Errorf("%s has a different type in an earlier file and is ignored", add.name)
	}
	for _, s := range add.samples {
		if taken[s.key] {
			clash = fmt.Errorf("%s is a duplicate; the first is kept", strings.TrimSpace(s.text))
			continue
		}
		taken[s.key] = true
		m.samples = append(m.samples, s)
	}
	if len(m.samples) > 0 {
		merged[add.name] = m
	}
	return clash
}

// complain logs an error about a path, once until it changes, and reports whether there is one.
func (r *reader) complain(path string, err error) bool {
	if err == nil {
		delete(r.said, path)
		return false
	}
	if text := err.Error(); r.said[path] != text {
		r.said[path] = text
		r.logger.Error("some metrics of the text files cannot be served", "path", path, "err", err)
	}
	return true
}
