package local

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/parascope/parascope/internal/head"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/localaws"
	"github.com/parascope/parascope/localaws/amp/dataplane"
)

func TestPort0BecomesThreeFreePorts(t *testing.T) {
	o := Options{CloudAddress: "127.0.0.1:0", NodeAddress: "127.0.0.1:0", HeadAddress: "127.0.0.1:0"}
	if err := o.reserveAddresses(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := []string{o.CloudAddress, o.NodeAddress, o.HeadAddress}
	slices.Sort(got)
	if len(slices.Compact(got)) != 3 || slices.ContainsFunc(got, func(a string) bool { return strings.HasSuffix(a, ":0") }) {
		t.Errorf("addresses %v", got)
	}
}

func TestStopsInReverseAndTellsWhatFailed(t *testing.T) {
	var order []string
	var stops stopList
	stop := func(name string, err error) {
		stops.add(name, func(context.Context) error { order = append(order, name); return err })
	}
	stop("cloud", nil)
	stop("node", errors.New("stuck"))
	stop("head", errors.New("gone"))
	err := stops.run(t.Context())
	if diff := cmp.Diff([]string{"head", "node", "cloud"}, order); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
	if err == nil || err.Error() != "could not stop head: gone\ncould not stop node: stuck" {
		t.Errorf("%v", err)
	}
}

// A cloud that was killed leaves its marker behind, and its port may be another's.
func TestFindRunningBelievesNoMarkerUnasked(t *testing.T) {
	answer, id := http.StatusOK, "a"
	asked := ""
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.Path
		w.WriteHeader(answer)
		fmt.Fprintf(w, `{"status":"ok","id":%q}`, id)
	}))
	defer srv.Close()
	dir := t.TempDir()
	o := Options{DataDir: dir, Region: "us-west-2", Cloud: localaws.Options{ID: "a"}}
	notRunning := func(when string) {
		t.Helper()
		if _, err := FindRunning(t.Context(), dir); hint.CodeOf(err) != hint.NotFound ||
			!strings.Contains(err.Error(), "no running local cloud uses directory "+dir) {
			t.Errorf("%s: code %d, %v", when, hint.CodeOf(err), err)
		}
	}
	notRunning("no marker")
	if err := writeMarker(o, srv.URL); err != nil {
		t.Fatal(err)
	}
	if got, err := FindRunning(t.Context(), dir); err != nil ||
		got != (Running{ID: "a", PID: os.Getpid(), Endpoint: srv.URL, Region: "us-west-2"}) {
		t.Errorf("%+v, %v", got, err)
	}
	if asked != "/_localaws/health" {
		t.Errorf("asked for %q", asked)
	}
	id = "b"
	notRunning("another local cloud on the port")
	id = ""
	notRunning("a server that has no id on the port")
	answer = http.StatusNotFound
	notRunning("another server on the port")
	srv.Close()
	notRunning("nobody on the port")
	if err := os.WriteFile(markerFile(dir), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	notRunning("half a marker")
	if err := errors.Join(removeMarker(dir), removeMarker(dir)); err != nil {
		t.Errorf("removing the marker, twice: %v", err)
	}
	notRunning("marker removed")
}

func TestExportsHoldNoSecretAndWinOverTheShell(t *testing.T) {
	exports, unset := Running{Endpoint: "http://127.0.0.1:9280", Region: "us-east-2", Head: "127.0.0.1:9091"}.Exports("/data", "operator")
	got := map[string]string{}
	for _, kv := range exports {
		got[kv[0]] = kv[1]
	}
	want := map[string]string{
		"AWS_ENDPOINT_URL": "http://127.0.0.1:9280", "AWS_REGION": "us-east-2", "AWS_DEFAULT_REGION": "us-east-2", "AWS_PROFILE": "operator",
		"AWS_SHARED_CREDENTIALS_FILE": "/data/aws/credentials", "AWS_CONFIG_FILE": "/data/aws/config", "PARASCOPE_LOCAL_DATA": "/data",
		"PARASCOPE_HEAD_ADDRESS": "127.0.0.1:9091",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("exports (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}, unset); diff != "" {
		t.Errorf("unset (-want +got):\n%s", diff)
	}
}

// The head must take the file that is written for it, whatever the flags were.
func TestHeadConfigurationIsValid(t *testing.T) {
	for _, interval := range []time.Duration{time.Second, 15 * time.Second, 90 * time.Second, 1500 * time.Millisecond, 2 * time.Hour} {
		t.Run(interval.String(), func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "prometheus.yml")
			o := Options{NodeAddress: "127.0.0.1:9100", HeadAddress: "[::1]:9090", Region: "us-east-2", Interval: interval}
			if err := writeHeadConfig(file, o, "http://127.0.0.1:9280/workspaces/ws-1/"); err != nil {
				t.Fatal(err)
			}
			got, err := head.Check(t.Context(), file, false)
			got.Notes = nil // the file is one for a stock Prometheus, too
			want := head.Summary{Jobs: 2, RemoteWrites: 1, Writes: got.Writes}
			if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(want)); diff != "" || err != nil {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}

// With a made-up cluster there are its five jobs beside the two.
func TestHeadConfigurationOfADemoIsValid(t *testing.T) {
	file := filepath.Join(t.TempDir(), "prometheus.yml")
	o := Options{NodeAddress: "127.0.0.1:9100", HeadAddress: "127.0.0.1:9090", Region: "us-east-2", Interval: 2 * time.Second,
		demo: &demo{address: "127.0.0.1:4711"}}
	if err := writeHeadConfig(file, o, "http://127.0.0.1:9280/workspaces/ws-1/"); err != nil {
		t.Fatal(err)
	}
	if got, err := head.Check(t.Context(), file, false); err != nil || got.Jobs != 7 {
		t.Errorf("%+v, %v", got, err)
	}
}

// The daemons must not see the caller's AWS settings: they would send to AWS.
func TestDaemonsDoNotInheritAWSSettings(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIAREAL")
	t.Setenv("AWS_ENDPOINT_URL", "https://real.example")
	t.Setenv("TZ", "Asia/Seoul")
	env := inheritedEnv()
	if slices.ContainsFunc(env, func(kv string) bool { return strings.HasPrefix(kv, "AWS_") }) {
		t.Errorf("environment %v", env)
	}
	if !slices.Contains(env, "TZ=Asia/Seoul") {
		t.Errorf("the time zone is lost: %v", env)
	}
}

func TestNonsenseOptions(t *testing.T) {
	limits := func(l dataplane.Limits) localaws.Options { return localaws.Options{AMP: localaws.AMP{Limits: l}} }
	good := Options{DataDir: "x", Region: "us-gov-west-1", Interval: time.Second}
	if err := good.Validate(); err != nil {
		t.Errorf("%+v: %v", good, err)
	}
	good.Demo, good.DemoNodes = true, 12
	if err := good.Validate(); err != nil {
		t.Errorf("%+v: %v", good, err)
	}
	for name, o := range map[string]Options{
		"no data":             {Region: "us-east-2", Interval: time.Second},
		"too fast":            {DataDir: "x", Region: "us-east-2", Interval: time.Second - 1},
		"no region":           {DataDir: "x", Interval: time.Second},
		"a zone":              {DataDir: "x", Region: "us-east-2a", Interval: time.Second},
		"a small demo":        {DataDir: "x", Region: "us-east-2", Interval: time.Second, Demo: true, DemoNodes: 11},
		"less than no rate":   {DataDir: "x", Region: "us-east-2", Interval: time.Second, Cloud: limits(dataplane.Limits{IngestionRate: -1})},
		"less than no series": {DataDir: "x", Region: "us-east-2", Interval: time.Second, Cloud: limits(dataplane.Limits{ActiveSeries: -1})},
	} {
		if err := o.Validate(); hint.CodeOf(err) != hint.Usage || hint.Next(err) == "" {
			t.Errorf("%s: code %d, %v", name, hint.CodeOf(err), fmt.Sprint(err))
		}
	}
}
