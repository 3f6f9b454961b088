package dataplane

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"
)

// crashDir names, in the environment of a child, where it is to write until killed.
const crashDir = "LOCALAWS_TEST_CRASH_DIR"

// TestSamplesSurviveKill starts this test again as a process that writes and says
// after each 200 how many it has written, kills it with SIGKILL, and counts.
func TestSamplesSurviveKill(t *testing.T) {
	if dir := os.Getenv(crashDir); dir != "" {
		p := open(t, dir, Limits{})
		for i := 1; ; i++ {
			p.mustWrite(series("m", nil, time.Duration(i)*time.Millisecond))
			fmt.Println("acknowledged")
		}
	}
	dir := t.TempDir()
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestSamplesSurviveKill$")
	child.Env = append(os.Environ(), crashDir+"="+dir)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	acknowledged := 0
	for acknowledged < 500 && lines.Scan() {
		acknowledged++
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() { // what it said before it died counts as well
		if lines.Text() == "acknowledged" {
			acknowledged++
		}
	}
	child.Wait() // "signal: killed", as wanted

	p := open(t, dir, Limits{})
	if n := p.count("m"); n < acknowledged || acknowledged < 500 {
		t.Errorf("%d of %d acknowledged samples are left", n, acknowledged)
	}
}
