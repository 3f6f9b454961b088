package local

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/parascope/parascope/internal/collect"
	"github.com/parascope/parascope/internal/collect/gpu"
	"github.com/parascope/parascope/internal/head"
	"github.com/parascope/parascope/internal/madeup"
	"github.com/parascope/parascope/localaws/localtest/browser"
	"github.com/parascope/parascope/localaws/localtest/check"
)

// TestABrowserThatIsRebound: a page of another site, whose name points at this machine,
// reads nothing of the head, the node's page, that of its GPUs, or the made-up cluster.
// The local cloud's listeners are in localaws/hostcheck.
func TestABrowserThatIsRebound(t *testing.T) {
	nodeOptions := collect.DefaultOptions()
	nodeOptions.Address = "127.0.0.1:0"
	node := check.Must[*collect.Server](t)(collect.New(nodeOptions))
	gpus := check.Must[*collect.Server](t)(collect.NewGPU(nodeOptions, "127.0.0.1:0", gpu.DefaultOptions()))
	for _, s := range []*collect.Server{node, gpus} {
		check.OK(t, s.Start(t.Context()))
		t.Cleanup(func() { check.OK(t, s.Stop(context.WithoutCancel(t.Context()))) })
	}
	d := &demo{live: madeup.NewLive(time.Now(), 0), now: time.Now}
	machines := httptest.NewServer(d)
	t.Cleanup(machines.Close)
	d.address = machines.Listener.Addr().String()
	const onlyLocal, onlyLoopback = "use localhost or an IP address", "use localhost, 127.0.0.1 or [::1]"
	listeners := map[string]browser.Listener{
		"the head": {URL: "http://" + runHead(t) + "/api/v1/targets", Refusal: onlyLocal},
		"the node": {URL: "http://" + node.Addr() + "/metrics", Refusal: onlyLoopback},
		"the GPUs": {URL: "http://" + gpus.Addr() + "/metrics", Refusal: onlyLoopback},
		"the demo": {URL: machines.URL + "/targets/slurm", Refusal: "this server accepts no other host names"},
	}
	for name, l := range listeners {
		resp := check.Must[*http.Response](t)(http.Get(l.URL))
		check.OK(t, resp.Body.Close())
		if resp.StatusCode != http.StatusOK {
			t.Errorf("%s answers %s by its address", name, resp.Status)
		}
	}
	browser.ExpectRefusals(t, listeners)
}

// runHead runs a head that scrapes nothing, and returns its address.
func runHead(t *testing.T) (address string) {
	t.Helper()
	l := check.Must[net.Listener](t)(net.Listen("tcp", "127.0.0.1:0"))
	o := head.DefaultOptions()
	o.StoragePath, o.ListenAddress = t.TempDir(), l.Addr().String()
	o.ConfigFile = filepath.Join(t.TempDir(), "prometheus.yml")
	check.OK(t, os.WriteFile(o.ConfigFile, []byte("remote_write: [{url: 'http://127.0.0.1:1/api/v1/write'}]\n"), 0o600))
	check.OK(t, l.Close())
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- head.Run(ctx, o) }()
	t.Cleanup(func() {
		cancel()
		check.OK(t, <-ended)
	})
	check.Await(t, "the head is ready", func() error {
		resp, err := http.Get("http://" + o.ListenAddress + "/-/ready")
		if err == nil && resp.StatusCode != http.StatusOK {
			err = errors.New(resp.Status)
		}
		return err
	})
	return o.ListenAddress
}
