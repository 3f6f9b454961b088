package read

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestRegular(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	for name, size := range map[string]int64{"full": 8, "large": 9, "sparse": 1 << 40} {
		if err := errors.Join(os.WriteFile(at(name), nil, 0o600), os.Truncate(at(name), size)); err != nil {
			t.Fatal(err)
		}
	}
	err := errors.Join(syscall.Mkfifo(at("pipe"), 0o600), os.Symlink("full", at("link")),
		os.Symlink("/dev/zero", at("device")), os.Mkdir(at("folder"), 0o700))
	if err != nil {
		t.Fatal(err)
	}
	for name, because := range map[string]string{
		"full": "", "link": "", "large": "at most 8", "sparse": "at most 8",
		"pipe": "not a regular file", "device": "not a regular file", "folder": "not a regular file",
	} {
		content, err := Regular(at(name), 8)
		if because == "" && (err != nil || len(content) != 8) {
			t.Errorf("%s: %d bytes, %v", name, len(content), err)
		}
		if because != "" && (err == nil || !strings.Contains(err.Error(), because) || !strings.Contains(err.Error(), at(name))) {
			t.Errorf("%s: %v, want its name and %q", name, err, because)
		}
	}
	if _, err := Regular(at("none"), 8); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	// The kernel's files have no size before they are read.
	if content, err := Regular("/proc/self/status", 1<<20); err != nil || len(content) == 0 {
		t.Errorf("%d bytes, %v", len(content), err)
	}
	if _, err := Regular("/proc/self/status", 10); err == nil || !strings.Contains(err.Error(), "more than 10") {
		t.Error(err)
	}
}
