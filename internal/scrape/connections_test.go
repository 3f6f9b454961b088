package scrape

import (
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/discovery/targetgroup"

	"github.com/parascope/parascope/internal/sample"
)

// counted is a server that counts its open connections and its scrapes.
func counted(t *testing.T, network, address string) (s *httptest.Server, open, scrapes *atomic.Int64) {
	t.Helper()
	open, scrapes = new(atomic.Int64), new(atomic.Int64)
	s = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		scrapes.Add(1)
		_, _ = w.Write([]byte("a 1\n"))
	}))
	listener, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	s.Listener.Close()
	s.Listener = listener
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			open.Add(1)
		case http.StateClosed, http.StateHijacked:
			open.Add(-1)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	return s, open, scrapes
}

// TestConnectionsToTargetsThatAreGoneAreClosed: at once, and not those to others.
func TestConnectionsToTargetsThatAreGoneAreClosed(t *testing.T) {
	stays, openStays, _ := counted(t, "tcp", "127.0.0.1:0")
	goes, openGoes, scrapes := counted(t, "tcp", "127.0.0.1:0")
	path := filepath.Join(t.TempDir(), "socket")
	_, openSocket, socketScrapes := counted(t, "unix", path)
	var late atomic.Int64 // scrapes that the machine had no second for: they cost their connections
	_, sets := start(t, job(""), func(p *sample.Page) {
		if len(p.Samples) == usualReports && !math.IsNaN(p.Samples[0].Value) {
			late.Add(1)
		}
	}, stays.URL)
	all := groups(stays.URL, goes.URL)
	socket := model.LabelSet{model.AddressLabel: "nowhere:1", "__unix_socket__": model.LabelValue(path)}
	all["test"] = append(all["test"], &targetgroup.Group{Source: "socket", Targets: []model.LabelSet{socket}})
	sets <- all
	await(t, "all are scraped", func() bool {
		return openStays.Load() == 1 && openGoes.Load() == 1 && openSocket.Load() == 1 && scrapes.Load() > 1 && socketScrapes.Load() > 1
	})
	sets <- groups(stays.URL)
	await(t, "the connections to those that are gone are closed", func() bool { return openGoes.Load() == 0 })
	if n := openStays.Load(); n != 1 && late.Load() == 0 {
		t.Errorf("%d connections to the one that stays", n)
	}
	sets <- groups(stays.URL) // whoever scraped through the socket has ended by now
	await(t, "the socket's connection is closed", func() bool {
		select {
		case sets <- groups(stays.URL):
		default:
		}
		return openSocket.Load() == 0
	})
}
