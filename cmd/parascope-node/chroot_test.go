package main

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// TestServesInEmptyRoot runs the program in a root directory that holds nothing
// else: it is one static file, and a collector without a source says so.
func TestServesInEmptyRoot(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("chroot needs root")
	}
	root := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(root, "parascope-node"), ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	node := exec.CommandContext(t.Context(), "/parascope-node", "--web.listen-address=127.0.0.1:0")
	node.SysProcAttr, node.Dir = &syscall.SysProcAttr{Chroot: root}, "/"
	log, err := node.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := node.Process.Signal(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
		if err := node.Wait(); err != nil {
			t.Errorf("after SIGTERM: %v", err)
		}
	}()
	address := ""
	lines := bufio.NewScanner(log)
	for address == "" && lines.Scan() {
		if strings.Contains(lines.Text(), "serving node metrics") {
			_, address, _ = strings.Cut(lines.Text(), "address=")
		}
	}
	if address == "" {
		t.Fatalf("the program ended before it served: %v", lines.Err())
	}
	go io.Copy(io.Discard, log) // or a full pipe would block it
	resp, err := http.Get("http://" + address + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	// Of all sources the kernel's own calls are there in any root: the clock and uname.
	want := map[string]string{
		"cpu": "0", "meminfo": "0", "loadavg": "0", "pressure": "0", "vmstat": "0", "netdev": "0", "filesystem": "0", "diskstats": "0",
		"thermal": "0", "time": "1", "uname": "1",
	}
	got := map[string]string{}
	success := regexp.MustCompile(`(?m)^node_scrape_collector_success\{collector="(\w+)"\} (\d)$`)
	for _, m := range success.FindAllStringSubmatch(string(page), -1) {
		got[m[1]] = m[2]
	}
	for name, success := range got {
		if success != "0" && name != "time" && name != "uname" {
			t.Errorf("collector %s: success %s with nothing to read", name, success)
		}
	}
	for name, success := range want {
		if got[name] != success {
			t.Errorf("collector %s: success %q, want %s", name, got[name], success)
		}
	}
	if resp.StatusCode != http.StatusOK || !strings.Contains(string(page), "node_uname_info{") {
		t.Errorf("status %s, page:\n%s", resp.Status, page)
	}
}
