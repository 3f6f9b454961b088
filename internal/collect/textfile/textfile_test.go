package textfile

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/parascope/parascope/internal/collect/page"
)

type directory struct {
	t   *testing.T
	dir string
	log bytes.Buffer
	r   page.Reader
}

func newDirectory(t *testing.T) *directory {
	d := &directory{t: t, dir: t.TempDir()}
	e := page.Env{Logger: slog.New(slog.NewTextHandler(&d.log, nil)), Textfiles: []string{d.dir},
		Reserved: map[string]bool{"node_load1": true}}
	var err error
	if d.r, err = Collector.Open(e); err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *directory) write(name, text string) {
	d.t.Helper()
	path := filepath.Join(d.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
	if err := os.Chtimes(path, time.Time{}, time.Unix(1700000000, 0)); err != nil {
		d.t.Fatal(err)
	}
}

func (d *directory) page() string {
	d.t.Helper()
	var p page.Page
	if err := errors.Join(d.r.Read(&p), p.Err()); err != nil {
		d.t.Fatal(err)
	}
	return strings.ReplaceAll(string(p.Bytes()), d.dir, "DIR")
}

func (d *directory) expect(what, want string) {
	d.t.Helper()
	if got := d.page(); got != want {
		d.t.Errorf("%s:\n%swant\n%s", what, got, want)
	}
}

const (
	mtimeA = "# HELP node_textfile_mtime_seconds Unixtime mtime of textfiles successfully read.\n# TYPE node_textfile_mtime_seconds gauge\n" +
		"node_textfile_mtime_seconds{file=\"DIR/a.prom\"} 1.7e+09\n"
	fine = "# HELP node_textfile_scrape_error 1 if there was an error opening or reading a file, 0 otherwise\n# TYPE " +
		"node_textfile_scrape_error gauge\nnode_textfile_scrape_error 0\n"
	failed = "# HELP node_textfile_scrape_error 1 if there was an error opening or reading a file, 0 otherwise\n# TYPE " +
		"node_textfile_scrape_error gauge\nnode_textfile_scrape_error 1\n"
)

func TestFiles(t *testing.T) {
	if _, err := Collector.Open(page.Env{}); !errors.Is(err, page.ErrAbsent) {
		t.Errorf("error %v without a directory; want ErrAbsent", err)
	}
	d := newDirectory(t)
	d.expect("no file", fine)
	d.write("a.prom", "# HELP job_runs Runs\\n of \\\\it.\n# TYPE job_runs counter\n\njob_runs{name=\"x\\\"\\n\",b=\"\"} 3\n  job_runs { "+
		"name = \"y\" , } +Inf \nother -0.5e1\n")
	d.write("ignored.txt", "nonsense")
	const a = "# HELP job_runs Runs\\n of \\\\it.\n# TYPE job_runs counter\njob_runs{name=\"x\\\"\\\\x0a\",b=\"\"} " +
		"3\njob_runs{name=\"y\"} +Inf\n"
	d.expect("one file", a+"# HELP other Metric read from DIR/a.prom\n# TYPE other untyped\nother -5\n"+mtimeA+fine)
	d.write("c.prom", "more 1\n")
	d.page()
	d.write("c.prom", "more 100\n") // within the clock's step, in the same place
	if got := d.page(); !strings.Contains(got, "\nmore 100\n") {
		t.Errorf("a file that grew is not read again:\n%s", got)
	}
	if err := os.Remove(filepath.Join(d.dir, "c.prom")); err != nil {
		t.Fatal(err)
	}
	d.write("b.prom", "other{x=\"1\"} 2\n# TYPE lat histogram\nlat_bucket{le=\"+Inf\"} 2\nlat_sum 1\nlat_count 2\n")
	d.expect("two files", a+"# HELP lat Metric read from DIR/b.prom\n# TYPE lat histogram\nlat_bucket{le=\"+Inf\"} 2\nlat_sum "+
		"1\nlat_count 2\n"+
		"# HELP other Metric read from DIR/a.prom, DIR/b.prom\n# TYPE other untyped\nother -5\nother{x=\"1\"} 2\n"+
		mtimeA+"node_textfile_mtime_seconds{file=\"DIR/b.prom\"} 1.7e+09\n"+fine)
	for _, name := range []string{"a.prom", "b.prom"} {
		if err := os.Remove(filepath.Join(d.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	d.expect("files gone", fine)
}

// TestBadFiles: a file that is wrong costs itself; what is wrong between files costs
// the later one's part.
// TestFileWithTheTimeOfItsContent: a program may give a file the time of what it measured, which need not change with it.
func TestFileWithTheTimeOfItsContent(t *testing.T) {
	d := newDirectory(t)
	changed := func() syscall.Timespec {
		var st syscall.Stat_t
		if err := syscall.Stat(filepath.Join(d.dir, "a.prom"), &st); err != nil {
			t.Fatal(err)
		}
		return st.Ctim
	}
	d.write("a.prom", "x 1\n")
	if got := d.page(); !strings.Contains(got, "\nx 1\n") {
		t.Errorf("page:\n%s", got)
	}
	for before := changed(); changed() == before; { // the kernel's clock has steps of some milliseconds
		d.write("a.prom", "x 2\n")
	}
	if got := d.page(); !strings.Contains(got, "\nx 2\n") {
		t.Errorf("after a change that left size and time as they were:\n%s", got)
	}
}

func TestBadFiles(t *testing.T) {
	const first = "# HELP up Is up.\n# TYPE up gauge\nup{a=\"1\"} 1\n"
	for name, c := range map[string]struct{ text, says string }{
		"half a line":        {"x 1\ny", "is incomplete"},
		"timestamp":          {"x 1 1700000000000\n", "timestamp"},
		"no value":           {"x\n", "is not a valid sample value"},
		"hexadecimal":        {"x 0x1p3\n", "is not a valid sample value"},
		"open label":         {"x{a=\"1} 2\n", "has no closing quotation mark"},
		"label twice":        {"x{a=\"1\",a=\"2\"} 2\n", "is a duplicate"},
		"not UTF-8":          {"x{a=\"\xff\"} 2\n", "is not valid UTF-8"},
		"name":               {"1x 2\n", "does not begin with a metric name"},
		"type":               {"# TYPE x enum\nx 2\n", "is not a metric type"},
		"second type":        {"x 2\n# TYPE x gauge\n", "after its samples"},
		"duplicate series":   {"up{a=\"1\"} 2\n", "type"},
		"other help":         {"# HELP up Down?\n# TYPE up gauge\nup{a=\"2\"} 2\n", "a different help text"},
		"other type":         {"# TYPE up counter\nup{a=\"2\"} 2\n", "a different type"},
		"one of ours":        {"node_load1 7\n", "a metric of parascope-node itself"},
		"duplicate, of type": {"# TYPE up gauge\nup{a=\"1\",b=\"\"} 2\n", "is a duplicate"},
	} {
		d := newDirectory(t)
		d.write("a.prom", first)
		d.write("b.prom", c.text)
		got := d.page()
		if !strings.HasPrefix(got, first+mtimeA) || !strings.HasSuffix(got, failed) {
			t.Errorf("%s: page\n%s", name, got)
		}
		d.page()
		if n := strings.Count(d.log.String(), "b.prom"); n != 1 || !strings.Contains(d.log.String(), c.says) {
			t.Errorf("%s: logged %d times; want once, with %q:\n%s", name, n, c.says, d.log.String())
		}
	}
}

func TestOddFiles(t *testing.T) {
	d := newDirectory(t)
	d.write("a.prom", "up 1\n")
	outside := filepath.Join(t.TempDir(), "secret.prom")
	if err := os.WriteFile(outside, []byte("secret 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		os.Symlink(outside, filepath.Join(d.dir, "link.prom")),
		os.Symlink("a.prom", filepath.Join(d.dir, "z.prom")), // stays inside: it is read, and its series are duplicates
		syscall.Mkfifo(filepath.Join(d.dir, "pipe.prom"), 0o600),
		os.Mkdir(filepath.Join(d.dir, "dir.prom"), 0o700),
		os.WriteFile(filepath.Join(d.dir, "large.prom"), bytes.Repeat([]byte("x 1\n"), maxFile/4+1), 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	got := d.page()
	if strings.Contains(got, "secret") || !strings.Contains(got, "\nup 1\n") || strings.Count(got, "up 1") != 1 || !strings.HasSuffix(got,
		failed) {
		t.Errorf("page:\n%s", got)
	}
	for _, name := range []string{"link", "pipe", "dir", "large", "z"} {
		if !strings.Contains(d.log.String(), name+".prom") {
			t.Errorf("the log does not name %s.prom:\n%s", name, d.log.String())
		}
	}
	if err := os.RemoveAll(d.dir); err != nil {
		t.Fatal(err)
	}
	d.expect("no directory", failed)
}

// FuzzParse: what is taken is written so that Prometheus' own parser reads it.
func FuzzParse(f *testing.F) {
	f.Add("# HELP a b\n# TYPE a gauge\na{x=\"y\"} 1\n")
	f.Add("# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_sum 2\nh_count 3\n")
	f.Add("a{} 1\n a 2\n#x\n#\n\n")
	f.Add("# TYPE s summary\ns{quantile=\"0.5\"} NaN\ns_sum 1\ns_count 1\n")
	f.Fuzz(func(t *testing.T, text string) {
		families, err := parse(text)
		if err != nil {
			return
		}
		parser := expfmt.NewTextParser(model.LegacyValidation)
		for _, fam := range families {
			var b strings.Builder
			for _, s := range fam.samples {
				b.WriteString(s.text)
			}
			if _, err := parser.TextToMetricFamilies(strings.NewReader(b.String())); err != nil {
				t.Errorf("%q becomes\n%s: %v", text, b.String(), err)
			}
		}
	})
}
