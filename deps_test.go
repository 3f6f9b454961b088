package parascope_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/parascope/parascope"

// arrow forbids imports, with the reason that a failing test prints.
type arrow struct {
	from   []string // packages of ours, below the module's path; "…/" at the end takes all under it
	except []string
	to     []string // import paths; "…/" at the end takes all under it
	deep   bool     // also through other packages
	why    string
}

var forbidden = []arrow{
	{
		from: []string{"internal/"}, except: []string{"internal/cli/"},
		to:  []string{module + "/internal/cli", module + "/internal/cli/"},
		why: "the arrows go main → cli → capability → SDK: a capability never knows its caller",
	},
	{
		from: []string{"testbed/"},
		to:   []string{module + "/internal/", module + "/localaws", module + "/localaws/"},
		deep: true,
		why:  "the test bed stands for ParallelCluster and AWS: it must be able to be wrong in its own ways",
	},
	{
		from: []string{"internal/"}, except: []string{"internal/cli", "internal/cli/", "internal/term"},
		to:  []string{module + "/internal/term"},
		why: "capabilities return values and emit events; only the command line draws",
	},
	{
		// localtest is for tests: it is a client of the cloud, with the SDK as real ones.
		from: []string{"localaws", "localaws/"}, except: []string{"localaws/localtest", "localaws/localtest/"},
		to:   []string{"github.com/aws/"},
		deep: false,
		why:  "the local cloud reads AWS's contract for itself; with AWS's own code it could not be wrong in its own ways",
	},
	{
		from:   []string{"bench/", "cmd/", "docs/", "internal/", "localaws", "localaws/"},
		except: []string{"localaws/localtest", "localaws/localtest/", "internal/artifact/deployertest"},
		to:     []string{module + "/localaws/localtest", module + "/localaws/localtest/", module + "/internal/artifact/deployertest"},
		why:    "it starts clouds for tests: only test files import it",
	},
	{
		from: []string{"internal/"}, except: []string{"internal/head", "internal/sample", "internal/scrape", "internal/scrape/", "internal/ship",
			"internal/dashboard/lint"},
		to:  []string{"github.com/prometheus/prometheus/"},
		why: "Prometheus' Go API changes with every release; head, sample, scrape, ship, the lint and the local cloud alone follow it",
	},
	{
		from: []string{"internal/dashboard/lint"},
		to: []string{"github.com/prometheus/prometheus/promql", "github.com/prometheus/prometheus/tsdb",
			"github.com/prometheus/prometheus/config", "github.com/prometheus/prometheus/discovery", "github.com/prometheus/prometheus/scrape"},
		deep: true,
		why:  "the lint reads PromQL: it carries the parser, and nothing that evaluates or stores",
	},
	{
		from: []string{"internal/head", "internal/scrape", "internal/scrape/"},
		to: []string{"github.com/prometheus/prometheus/storage", "github.com/prometheus/prometheus/storage/remote",
			"github.com/prometheus/prometheus/tsdb/agent"},
		why: "scraping must not know how sending works",
	},
	{
		from: []string{"internal/scrape", "internal/scrape/"},
		to: []string{module + "/internal/ship", module + "/internal/queue", module + "/internal/receiver", module + "/internal/delivery",
			module + "/internal/head"},
		why: "scraping must not know how sending works: it fills pages of package sample, and head says where they go",
	},
	{
		from: []string{"internal/ship"},
		to:   []string{module + "/internal/scrape", module + "/internal/head", "github.com/prometheus/prometheus/scrape"},
		why:  "sending must not know how scraping works: it is given pages",
	},
	{
		from: []string{"internal/sample"},
		to:   []string{module + "/internal/"},
		why:  "a page knows neither who fills it nor who sends it",
	},
	{
		from: []string{"internal/head"},
		to:   []string{"github.com/prometheus/prometheus/scrape"},
		why:  "there is one scrape loop, ours; Prometheus' is what its test holds it against",
	},
	{
		from: []string{"internal/cli", "internal/cli/"},
		to: []string{"github.com/prometheus/prometheus/", "github.com/prometheus/client_golang/", "github.com/prometheus/node_exporter/",
			"github.com/aws/aws-sdk-go-v2/service/"},
		why: "a command parses flags, durations as Prometheus writes them among them, and prints; the work is a capability's",
	},
	{
		from: []string{"cmd/grafana-datasource-setup"},
		to:   []string{module + "/internal/cli", "github.com/prometheus/prometheus/", "github.com/spf13/cobra", "go.etcd.io/bbolt"},
		deep: true,
		why:  "the setup function starts cold: it carries neither the command line nor a database",
	},
	{
		from: []string{"internal/term"},
		to:   []string{module + "/"},
		why:  "term draws what it is given: a command turns what happened into lines, rows and points",
	},
	{
		from: []string{"cmd/parascope-node"},
		to: []string{"github.com/aws/", "github.com/prometheus/prometheus/", "github.com/prometheus/client_golang/",
			"google.golang.org/protobuf/", module + "/internal/deploy", module + "/localaws"},
		deep: true,
		why:  "what runs on every node measures and serves: it asks AWS nothing, carries no Prometheus server, and stays below 10 MB",
	},
	{
		from: []string{"cmd/parascope-node"},
		to:   []string{"github.com/ebitengine/purego", module + "/internal/collect/gpu/nvml"},
		deep: true,
		why:  "a program that can load a shared library is linked dynamically: the node's is static, and its helper process calls the driver",
	},
	{
		from: []string{"cmd/parascope-nvml"},
		to: []string{"net", "net/http", "encoding/json", module + "/internal/cli", module + "/internal/collect",
			module + "/internal/collect/page"},
		deep: true,
		why:  "the helper process answers what it is asked, on its standard output, and stays small",
	},
	{
		from: []string{"cmd/", "internal/"},
		to:   []string{module + "/internal/collect/gpu/fakenvml"},
		why:  "it stands in for a driver in tests: only test files import it",
	},
	{
		from: []string{"cmd/", "internal/", "bench/"},
		to:   []string{"github.com/prometheus/node_exporter/", "github.com/alecthomas/kingpin/"},
		deep: true,
		why:  "the node program reads for itself; what it is compared with is another program, installed beside it",
	},
	{
		from: []string{"internal/collect/page", "internal/collect/read", "internal/collect/total"},
		to:   []string{module + "/"},
		why:  "collectors and their server build on these; they build on nothing of ours",
	},
	{
		from: []string{"internal/collect/node", "internal/collect/device", "internal/collect/gpu"},
		to: []string{module + "/internal/collect", module + "/internal/collect/node", module + "/internal/collect/device",
			module + "/internal/collect/gpu"},
		why: "a collector does not know who reads it, nor the others",
	},
	{
		from: []string{"cmd/parascope-head"},
		to: []string{module + "/internal/deploy", module + "/localaws", module + "/internal/collect",
			"github.com/aws/aws-sdk-go-v2/service/cloudformation", "github.com/aws/aws-sdk-go-v2/service/iam",
			"github.com/prometheus/prometheus/tsdb/agent"},
		deep: true,
		why:  "the head node's program discovers, scrapes and sends; people's commands and the local cloud are other programs",
	},
	{
		from: []string{"cmd/parascope"},
		to: []string{module + "/localaws", module + "/internal/head", module + "/internal/collect", "github.com/prometheus/prometheus/promql",
			"github.com/prometheus/prometheus/tsdb", "github.com/prometheus/prometheus/config",
			"github.com/prometheus/prometheus/discovery", "github.com/prometheus/prometheus/scrape"},
		deep: true,
		why:  "people's program asks AWS; nodes' programs and the local cloud are run, not linked. Of Prometheus it has PromQL's parser",
	},
	{
		from: []string{"cmd/"},
		to:   []string{"github.com/grafana/grafana-foundation-sdk/"},
		deep: true,
		why:  "dashboards are generated; what ships carries their JSON",
	},
	{
		from: []string{"internal/", "cmd/"},
		to:   []string{"text/template", "html/template"},
		why:  "a template calls methods by name: with one, the linker keeps every exported method, which is 6 MB of AWS clients in the head",
	},
	{
		from: []string{"internal/", "cmd/"},
		to:   []string{"github.com/prometheus/prometheus/discovery/install", "github.com/prometheus/prometheus/web"},
		deep: true,
		why:  "they link every service discovery, and the user interface's built assets",
	},
}

type goPackage struct {
	ImportPath string
	Imports    []string
	Deps       []string
}

func TestDependencyDirection(t *testing.T) {
	packages := list(t)
	for _, p := range packages {
		own := strings.TrimPrefix(p.ImportPath, module+"/")
		for _, a := range forbidden {
			if !matches(a.from, own) || matches(a.except, own) {
				continue
			}
			imports := p.Imports
			if a.deep {
				imports = p.Deps
			}
			for _, i := range imports {
				if matches(a.to, i) {
					t.Errorf("%s imports %s: %s", own, i, a.why)
				}
			}
		}
		if own != "localaws" && !strings.HasPrefix(own, "localaws/") {
			continue
		}
		for _, i := range p.Imports {
			if strings.HasPrefix(i, module+"/") && !strings.HasPrefix(i, module+"/localaws") {
				t.Errorf("%s imports %s: the local cloud shares nothing with the product", own, i)
			}
		}
	}
}

// TestArrowsNameRealPackages keeps the table above from rotting: a rule about a
// package that is gone would forbid nothing.
func TestArrowsNameRealPackages(t *testing.T) {
	packages := list(t)
	for _, a := range forbidden {
		for _, name := range slices.Concat(a.from, a.except) {
			found := slices.ContainsFunc(packages, func(p goPackage) bool {
				return matches([]string{name}, strings.TrimPrefix(p.ImportPath, module+"/"))
			})
			if !found {
				t.Errorf("rule %q names %s, which does not exist", a.why, name)
			}
		}
	}
}

// matches reports whether path is one of the patterns.
func matches(patterns []string, path string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		return p == path || strings.HasSuffix(p, "/") && strings.HasPrefix(path, p)
	})
}

func list(t *testing.T) []goPackage {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports,Deps", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []goPackage
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		switch err := d.Decode(&p); {
		case errors.Is(err, io.EOF):
			return all
		case err != nil:
			t.Fatalf("go list: %v", err)
		}
		all = append(all, p)
	}
}
