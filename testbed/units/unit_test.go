package units

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"
)

// TestUnit reads a unit with what people write into them.
func TestUnit(t *testing.T) {
	root := t.TempDir()
	write := func(file, text string) {
		t.Helper()
		file = filepath.Join(root, file)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("/etc/systemd/system/a.service", `# a comment
[Unit]
Description=An example
After=network-online.target

[Service]
Type=exec
Environment="A=one two" B=%n
ExecStartPre=-/bin/false
ExecStart=/bin/run --with "two words" \
  'and this'
Restart=always
RestartSec=1min 30s
TimeoutStopSec=5
KillMode=process
ProtectSystem=strict

[Install]
WantedBy=multi-user.target
`)
	write("/etc/systemd/system/a.service.d/more.conf", "[Service]\nExecStart=\nExecStart=/bin/other\nUser=nobody\n")
	u, err := load(root, "a.service")
	if err != nil {
		t.Fatal(err)
	}
	want := &unit{name: "a.service", file: filepath.Join(root, "/etc/systemd/system/a.service"), description: "An example", kind: "exec",
		pre: []command{{argv: []string{"/bin/false"}, mayFail: true}}, start: []command{{argv: []string{"/bin/other"}}}, restart: "always",
		restartWait: 90 * time.Second, stopWait: 5 * time.Second, user: "nobody", dir: "/", env: []string{"A=one two", "B=a.service"},
		killMain: true, wantedBy: []string{"multi-user.target"}}
	if !reflect.DeepEqual(u, want) {
		t.Errorf("read\n%+v\nwant\n%+v", u, want)
	}
	if _, err := load(root, "b.service"); err == nil {
		t.Error("a unit without a file was read")
	}
}

// FuzzUnit holds that no unit file makes the reader panic.
func FuzzUnit(f *testing.F) {
	f.Add("[Service]\nExecStart=/bin/true\nRestartSec=infinity\n")
	f.Add("[Service]\nExecStart=-@!\n")
	f.Add("[Service]\nExecStart=\"\n")
	f.Add("[Unit\nno setting\\\n")
	f.Fuzz(func(t *testing.T, text string) {
		root := t.TempDir()
		if err := os.MkdirAll(filepath.Join(root, "/etc/systemd/system"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, "/etc/systemd/system/a.service"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		u, err := load(root, "a.service")
		if err == nil && (len(u.start) == 0 || u.restartWait < 0 && u.stopWait < 0) {
			t.Errorf("read as %+v", u)
		}
	})
}
