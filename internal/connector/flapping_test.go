package connector_test

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/parascope/parascope/internal/connector/result"
	"github.com/parascope/parascope/internal/grafana"
	"github.com/parascope/parascope/localaws/localtest/check"
)

// flapping refuses each kind of request a few times, in ways of its own, once the
// first one has succeeded. Of what would change something one answer is lost.
type flapping struct {
	seen  map[string]int
	first bool // has been let through
}

func (f *flapping) RoundTrip(r *http.Request) (*http.Response, error) {
	if !f.first {
		f.first = true
		return http.DefaultTransport.RoundTrip(r)
	}
	kind := r.Method + " " + r.URL.Path
	f.seen[kind]++
	switch f.seen[kind] {
	case 1:
		return refusal(r, http.StatusTooManyRequests), nil
	case 2:
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	case 3:
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err == nil {
			resp.Body.Close()
		}
		return refusal(r, http.StatusBadGateway), err
	}
	return http.DefaultTransport.RoundTrip(r)
}

func refusal(r *http.Request, status int) *http.Response {
	return &http.Response{StatusCode: status, Status: http.StatusText(status), Body: io.NopCloser(bytes.NewReader([]byte("<html>"))),
		Request: r, Header: http.Header{}, ProtoMajor: 1, ProtoMinor: 1}
}

// TestGrafanaThatFlaps: an answer now and then that is none of Grafana's fails no
// run, makes nothing twice, and is not mistaken for somebody else's work.
func TestGrafanaThatFlaps(t *testing.T) {
	s := start(t, plan{})
	run := func() (result.Connection, []string) {
		t.Helper()
		c, transport := s.connector(), &flapping{seen: map[string]int{}}
		c.HTTP = &http.Client{Transport: transport}
		connected, err := c.Connect(t.Context(), s.target)
		check.OK(t, err)
		var kinds []string
		for kind := range transport.seen {
			kinds = append(kinds, kind)
		}
		return connected, kinds
	}
	first, kinds := run()
	if all := slices.Compact(actions(first)); !slices.Equal(all, []result.Action{result.Created}) {
		t.Errorf("the first run: %v", actions(first))
	}
	for _, kind := range []string{"POST /api/datasources", "POST /api/folders", "POST /api/dashboards/db"} {
		if !slices.Contains(kinds, kind) {
			t.Errorf("%s was not asked for, only %v", kind, kinds)
		}
	}
	if second, _ := run(); !slices.Equal(slices.Compact(actions(second)), []result.Action{result.Unchanged}) {
		t.Errorf("the second run: %v", actions(second))
	}
	person := s.person(t)
	sources, err := person.DataSources(t.Context())
	check.OK(t, err)
	if len(sources) != 2 {
		t.Fatalf("Grafana has %+v", sources)
	}
	sources[0].URL = "http://127.0.0.1:9/"
	check.OK(t, person.UpdateDataSource(t.Context(), sources[0].UID, sources[0]))
	if third, _ := run(); third.DataSources[0].Action != result.Repaired {
		t.Errorf("the third run: %v", actions(third))
	}
	s.noAccounts(t)
}

// TestRefusalsThatStay are told as what they are, and nothing is tried for ever.
func TestRefusalsThatStay(t *testing.T) {
	s := start(t, plan{})
	client := s.person(t)
	client.Gap = time.Millisecond
	for status, want := range map[int]int{http.StatusBadGateway: 5, http.StatusBadRequest: 1} {
		asked := 0
		client.HTTP = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			asked++
			return refusal(r, status), nil
		})}
		_, err := client.DataSources(t.Context())
		if !grafana.IsStatus(err, status) || asked != want || !strings.Contains(err.Error(), "GET /api/datasources") {
			t.Errorf("%d: asked %d times, want %d: %v", status, asked, want, err)
		}
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
