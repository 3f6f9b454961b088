package cli_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/parascope/parascope/internal/local"
)

// startCloud is the script command
//
//	cloud [FLAG ...]
//
// It runs "parascope local" on free ports with its data in $WORK/data, waits
// until it is ready, points the script's AWS settings at it as "parascope local
// env" says, and sets CLOUD_PID, NODE_PID, HEAD_PID, NODE, HEAD and WORKSPACE.
// At the script's end an interrupt must end it with exit code 0.
func startCloud(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("unsupported: ! cloud")
	}
	data := ts.MkAbs("data")
	ts.Setenv("DATA", data)
	cmd := exec.Command(lookPath(ts, "parascope"), append([]string{"local", "--json", "--data", data, "--scrape-interval=1s", "--no-stack",
		"--patience=10", "--listen=127.0.0.1:0", "--node-address=127.0.0.1:0", "--head-address=127.0.0.1:0"}, args...)...)
	cmd.Env = environ(ts)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	ts.Setenv("CLOUD_PID", strconv.Itoa(cmd.Process.Pid))
	ended := make(chan error, 1)
	ts.Defer(func() { stopCloud(ts, cmd, ended, &stderr, data) })

	for d := json.NewDecoder(stdout); ; {
		var e local.Event
		if err := d.Decode(&e); err != nil {
			ended <- cmd.Wait()
			ts.Fatalf("parascope local ended before it was ready (%v): %s", err, stderr.String())
		}
		switch {
		case e.Kind == local.Started && e.What == "workspace":
			ts.Setenv("WORKSPACE", strings.Fields(e.Detail)[0])
		case e.Kind == local.Started && e.PID != 0:
			ts.Setenv(strings.ToUpper(e.What)+"_PID", strconv.Itoa(e.PID))
			ts.Setenv(strings.ToUpper(e.What), e.Address)
		}
		if e.Kind == local.Ready {
			break
		}
	}
	// Waiting from now on reaps the process as soon as a script has killed it.
	go func() {
		_, err := io.Copy(io.Discard, stdout)
		ended <- errors.Join(err, cmd.Wait())
	}()
	exports := exec.Command(lookPath(ts, "parascope"), "local", "env", "--data", data)
	exports.Env = environ(ts)
	out, err := exports.Output()
	ts.Check(err)
	for line := range strings.Lines(string(out)) {
		if kv, ok := strings.CutPrefix(strings.TrimSpace(line), "export "); ok {
			k, v, _ := strings.Cut(kv, "=")
			ts.Setenv(k, strings.Trim(v, "'"))
		}
	}
}

// stopCloud interrupts what startCloud started, unless the script has ended it,
// and waits for its end.
func stopCloud(ts *testscript.TestScript, cmd *exec.Cmd, ended <-chan error, stderr *bytes.Buffer, data string) {
	start := time.Now()
	if err := cmd.Process.Signal(os.Interrupt); err != nil && !errors.Is(err, os.ErrProcessDone) {
		ts.Logf("interrupt parascope local: %v", err)
	}
	if err := <-ended; err != nil && !strings.Contains(err.Error(), "signal: killed") {
		ts.Fatalf("parascope local after an interrupt: %v\n%s", err, stderr)
	}
	if took := time.Since(start); took > 2*time.Minute { // it hangs
		ts.Fatalf("parascope local took %s to stop; at most two minutes", took)
	}
	ts.Logf("parascope local stopped in %s; its talk: %s", time.Since(start).Round(time.Millisecond), stderr)
	for _, log := range []string{"node.log", "head.log"} {
		if b, err := os.ReadFile(filepath.Join(data, log)); err == nil {
			ts.Logf("%s: %s", log, b)
		}
	}
}

// await is the script command
//
//	[!] await TEXT PROGRAM [ARG ...]
//
// It runs the program again and again until its output (both streams) holds
// TEXT; with ! until it does not. After two minutes it fails and prints the last output.
func await(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: await TEXT PROGRAM [ARG ...]")
	}
	deadline := time.After(2 * time.Minute)
	for {
		cmd := exec.Command(lookPath(ts, args[1]), args[2:]...)
		cmd.Env, cmd.Dir = environ(ts), ts.MkAbs(".")
		out, err := cmd.CombinedOutput()
		if strings.Contains(string(out), args[0]) != neg {
			return
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-deadline:
			ts.Fatalf("await %q: the last answer was (%v):\n%s", args[0], err, out)
		}
	}
}

// running is the script command
//
//	[!] running PID
//
// It fails unless the process exists; with ! it waits until it does not.
func running(ts *testscript.TestScript, neg bool, args []string) {
	pid, err := strconv.Atoi(args[0])
	ts.Check(err)
	deadline := time.After(time.Minute)
	for {
		alive := syscall.Kill(pid, 0) == nil && !zombie(pid)
		if alive != neg {
			return
		}
		if !neg {
			ts.Fatalf("process %d is gone", pid)
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-deadline:
			ts.Fatalf("process %d still runs", pid)
		}
	}
}

// zombie reports whether the process has ended and only waits to be reaped, which
// is another's to do: a daemon whose parent was killed is left to process 1.
func zombie(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	// "pid (name) state …"; the name may hold anything.
	_, state, ok := strings.Cut(string(b[bytes.LastIndexByte(b, ')')+1:]), " ")
	return ok && strings.HasPrefix(state, "Z")
}

// environ is the script's environment as a process gets it.
func environ(ts *testscript.TestScript) []string {
	var env []string
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "WORK", "DATA", "AWS_ENDPOINT_URL", "AWS_REGION", "AWS_DEFAULT_REGION",
		"AWS_PROFILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"} {
		if v := ts.Getenv(name); v != "" {
			env = append(env, name+"="+v)
		}
	}
	return env
}

// lookPath finds a program on the script's PATH.
func lookPath(ts *testscript.TestScript, name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		if p := filepath.Join(dir, name); isExecutable(p) {
			return p
		}
	}
	ts.Fatalf("%s is not on PATH", name)
	return ""
}

func isExecutable(p string) bool {
	info, err := os.Stat(p)
	return err == nil && !info.IsDir() && info.Mode()&0o111 != 0
}
