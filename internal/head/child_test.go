package head

import (
	"cmp"
	"context"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"
	"testing"
)

// What a child of the tests is told in its environment: the configuration of its head,
// and the address of its listener.
const (
	headConfig  = "PARASCOPE_TEST_HEAD_CONFIG"
	headAddress = "PARASCOPE_TEST_HEAD_ADDRESS"
)

// runChild runs a head with a limit on its memory until its standard input ends.
func runChild(t *testing.T, file string) {
	most := uint64(1 << 30)
	if raceDetector {
		most *= 4
	}
	limit := syscall.Rlimit{Cur: most, Max: most}
	if err := syscall.Setrlimit(syscall.RLIMIT_DATA, &limit); err != nil {
		t.Fatal(err)
	}
	o := DefaultOptions()
	o.ConfigFile, o.StoragePath, o.ListenAddress = file, t.TempDir(), cmp.Or(os.Getenv(headAddress), "127.0.0.1:0")
	o.EnablePprof, o.TuneGC, o.TuneMemory = true, true, true
	o.Logger = slog.New(slog.DiscardHandler)
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	o.Reload = hup
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	if err := Run(ctx, o); err != nil {
		t.Fatal(err)
	}
}

// freeAddress returns an address of this machine that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
