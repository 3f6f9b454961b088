package source

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parascope/parascope/internal/dashboard"
)

var update = flag.Bool("update", false, "rewrite the dashboards' JSON files")

// TestGenerated keeps the files that ship what this package describes.
func TestGenerated(t *testing.T) {
	files, err := Files()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		file, packed := filepath.Join("..", "json", name+".json"), filepath.Join("..", "packed", name+".json.gz")
		if *update {
			if err := errors.Join(os.WriteFile(file, want, 0o644), pack(packed, want)); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s differs from its source; run make gen (-want +got):\n%s", file, diff)
		}
		if shipped, err := unpack(packed); err != nil || !bytes.Equal(shipped, want) {
			t.Errorf("%s differs from its source; run make gen (%v)", packed, err)
		}
	}
	for _, dir := range []string{"json", "packed"} {
		if has, err := os.ReadDir(filepath.Join("..", dir)); err != nil || len(has) != len(files) {
			t.Errorf("%s holds %d files, the source describes %d (%v)", dir, len(has), len(files), err)
		}
	}
}

// pack writes a compressed file, unless it holds this content: another Go may compress differently.
func pack(file string, content []byte) error {
	if has, err := unpack(file); err == nil && bytes.Equal(has, content) {
		return nil
	}
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return err
	}
	_, err = w.Write(content)
	return errors.Join(err, w.Close(), os.WriteFile(file, b.Bytes(), 0o644))
}

func unpack(file string) ([]byte, error) {
	packed, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer packed.Close()
	r, err := gzip.NewReader(packed)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// TestEveryDashboardIsInTheList: a file that is generated and not in the list
// would never be installed.
func TestEveryDashboardIsInTheList(t *testing.T) {
	files, err := Files()
	if err != nil {
		t.Fatal(err)
	}
	shipped := map[string]bool{}
	for _, d := range dashboard.All() {
		var model struct{ UID, Title string }
		if err := json.Unmarshal(d.JSON, &model); err != nil {
			t.Fatal(err)
		}
		if model.UID != d.UID || model.Title != d.Title {
			t.Errorf("the list has %s %q, the file %s %q", d.UID, d.Title, model.UID, model.Title)
		}
		shipped[string(d.JSON)] = true
	}
	for name, b := range files {
		if !shipped[string(b)] {
			t.Errorf("%s is in no list", name)
		}
	}
}

// TestPanelsFitTheGrid: the library begins a new line only where one is full, and Grafana
// squeezes a panel that does not fit on it.
func TestPanelsFitTheGrid(t *testing.T) {
	files, err := Files()
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range files {
		var model struct {
			Panels []struct {
				Title   string
				GridPos struct{ X, Y, W, H int }
			}
		}
		if err := json.Unmarshal(b, &model); err != nil {
			t.Fatal(err)
		}
		for _, p := range model.Panels {
			if p.GridPos.X+p.GridPos.W > 24 {
				t.Errorf("%s: %q is %d wide and begins at %d of 24 columns", name, p.Title, p.GridPos.W, p.GridPos.X)
			}
		}
	}
}
