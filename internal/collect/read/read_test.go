package read

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFileShowsWhatItHasNow(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stat")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("one")
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var buf []byte
	for _, want := range []string{"one", strings.Repeat("long ", 5000), "", "two"} {
		write(want)
		if got, err := f.Read(&buf); err != nil || string(got) != want {
			t.Errorf("%d bytes, error %v; want %d bytes", len(got), err, len(want))
		}
	}
	if n := testing.AllocsPerRun(100, func() { f.Read(&buf) }); n != 0 {
		t.Errorf("%v allocations for a reading; want none", n)
	}
	write(strings.Repeat("x", Limit+1))
	if _, err := f.Read(&buf); !errors.Is(err, ErrTooLong) || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v; want ErrTooLong and the path", err)
	}
	write(strings.Repeat("x", Limit))
	if got, err := All(path, &buf); err != nil || len(got) != Limit {
		t.Errorf("%d bytes, error %v; want all", len(got), err)
	}
	if _, err := All(path+"no", &buf); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v; want one of a file that is not there", err)
	}
}

func TestParse(t *testing.T) {
	text := []byte("cpu0  1 22\t333\n\nhalf")
	line, _ := Line(&text)
	word, _ := Field(&line)
	a, okA := UintField(&line)
	b, okB := UintField(&line)
	c, okC := UintField(&line)
	_, okD := UintField(&line)
	if string(word) != "cpu0" || a != 1 || b != 22 || c != 333 || !okA || !okB || !okC || okD {
		t.Errorf("%s %d %d %d", word, a, b, c)
	}
	empty, ok := Line(&text)
	if !ok || len(empty) != 0 {
		t.Errorf("second line %q", empty)
	}
	if last, ok := Line(&text); !ok || string(last) != "half" {
		t.Errorf("last line %q", last)
	}
	if _, ok := Line(&text); ok {
		t.Error("a line after the last")
	}
	for word, want := range map[string]bool{"": false, "-1": false, "1.5": false, "18446744073709551615": true, "18446744073709551616": false,
		"99999999999999999999": false} {
		if _, ok := Uint([]byte(word)); ok != want {
			t.Errorf("Uint(%q): %v", word, ok)
		}
	}
}
