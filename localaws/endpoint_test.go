package localaws

import (
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestStopDoesNotWaitForTheSilent: a browser keeps connections in store on which it never says
// anything. The test's clock stands still while the server reads from one: a stop that waits for it
// to be old enough does not end before the test closes it.
func TestStopDoesNotWaitForTheSilent(t *testing.T) {
	var hangs atomic.Bool
	opened := make(chan net.Conn, 1)
	guard := time.AfterFunc(time.Minute, func() { hangs.Store(true); _ = (<-opened).Close() }) // by the machine's clock
	defer guard.Stop()
	synctest.Test(t, func(t *testing.T) {
		e := &endpoint{server: &http.Server{ReadHeaderTimeout: time.Hour, Handler: http.NotFoundHandler()}}
		if err := e.start("127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
		silent, err := net.Dial("tcp", e.listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer silent.Close()
		opened <- silent
		// A call on another connection is answered: the silent one is taken on before.
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		answer, err := client.Get(e.url(""))
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if err := e.stop(t.Context()); err != nil {
			t.Error(err)
		}
	})
	if hangs.Load() {
		t.Error("stop waits for a connection on which nothing was said")
	}
}
