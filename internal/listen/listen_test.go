package listen_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/listen"
)

func TestTakenAddressNamesItsHolder(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "[::1]"} {
		l, err := listen.TCP(t.Context(), host+":0")
		if err != nil {
			t.Logf("%s: %v (no such address family here)", host, err)
			continue
		}
		defer l.Close()
		_, err = listen.TCP(t.Context(), l.Addr().String())
		if hint.CodeOf(err) != hint.Busy || !strings.Contains(err.Error(), fmt.Sprintf("(pid %d)", os.Getpid())) {
			t.Errorf("%s: code %d, error %v; want Busy and our own pid", host, hint.CodeOf(err), err)
		}
	}
}

func TestReachable(t *testing.T) {
	for addr, want := range map[string]string{
		"0.0.0.0:9280": "127.0.0.1:9280", "[::]:9280": "127.0.0.1:9280", ":9280": "127.0.0.1:9280", "[0:0:0:0:0:0:0:0]:1": "127.0.0.1:1",
		"127.0.0.1:9280": "127.0.0.1:9280", "[::1]:9280": "[::1]:9280", "10.0.0.1:1": "10.0.0.1:1", "localhost:1": "localhost:1",
		"nowhere": "nowhere",
	} {
		if got := listen.Reachable(addr); got != want {
			t.Errorf("%q is reached at %q, want %q", addr, got, want)
		}
	}
}

// The same port of another address is another's business, and is not blamed.
func TestHolderOfTheSamePortElsewhereIsNotBlamed(t *testing.T) {
	other := os.Getenv(otherAddress)
	if other != "" { // this is the other process
		l, err := listen.TCP(t.Context(), other)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		fmt.Println("listening")
		_, _ = io.Copy(io.Discard, os.Stdin) // until the test is over
		return
	}
	l, err := listen.TCP(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestHolderOfTheSamePortElsewhereIsNotBlamed$")
	child.Env = append(os.Environ(), otherAddress+"=127.0.0.2:"+port)
	stdin, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		stdin.Close()
		if err := child.Wait(); err != nil {
			t.Errorf("the other process: %v", err)
		}
	}()
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "listening\n" {
		t.Fatalf("the other process says %q, %v", line, err)
	}
	for _, address := range []string{"127.0.0.1:" + port, "127.0.0.2:" + port} {
		want := os.Getpid()
		if strings.HasPrefix(address, "127.0.0.2") {
			want = child.Process.Pid
		}
		if _, err := listen.TCP(t.Context(), address); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("(pid %d)", want)) {
			t.Errorf("%s: %v, want pid %d", address, err, want)
		}
	}
}

// otherAddress names, in the environment of a child, where it is to listen.
const otherAddress = "PARASCOPE_TEST_OTHER_ADDRESS"

func TestMalformedAddressIsAUsageError(t *testing.T) {
	for _, addr := range []string{"9100", "host:port:more"} {
		if _, err := listen.TCP(t.Context(), addr); hint.CodeOf(err) != hint.Usage {
			t.Errorf("%q: code %d, error %v; want Usage", addr, hint.CodeOf(err), err)
		}
	}
}
