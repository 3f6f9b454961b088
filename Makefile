# make local   run everything on this machine, without AWS
# make test    all tests
GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
LDFLAGS  = -s -w -buildid= -X github.com/parascope/parascope/internal/cli.version=$(VERSION)
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2

.PHONY: carried function viewer picture build local guide test race lint gen mutants soak fuzz bench bench-loss bench-fleet bench-node clean

FUNCTION = internal/artifact/function
# The files of ours that a program is built from, embedded ones among them.
sources = $(shell $(GO) list -deps -f '{{if .Module}}{{if .Module.Main}}{{$$d := .Dir}}{{range .GoFiles}}{{$$d}}/{{.}} {{end}}{{range .EmbedFiles}}{{$$d}}/{{.}} {{end}}{{end}}{{end}}' $(1))

FUNCTION_SOURCES := go.mod $(call sources,./cmd/grafana-datasource-setup)

# The setup function, for both of Lambda's architectures; the program carries them.
$(FUNCTION)/bootstrap-%.gz: $(FUNCTION_SOURCES)
	GOOS=linux GOARCH=$(if $(filter x86_64,$*),amd64,arm64) CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false -tags lambda.norpc \
	  -ldflags='-s -w -buildid=' -o $(FUNCTION)/bootstrap-$* ./cmd/grafana-datasource-setup
	gzip -9nf $(FUNCTION)/bootstrap-$*

function: $(FUNCTION)/bootstrap-arm64.gz $(FUNCTION)/bootstrap-x86_64.gz

VIEWER = localaws/viewer

# The local Grafana's pages. Where npm is missing or cannot get the modules (offline,
# an old Node.js), the program is built without them and says so.
$(VIEWER)/pages/dist/app.js: $(shell git ls-files localaws/viewer/web)
	@cd $(VIEWER)/web && if ! command -v npm >/dev/null; then \
	  echo "npm is missing: the local Grafana will have no new pages; install Node.js 20 or later with npm, then 'make build' again"; \
	elif ! npm ci --ignore-scripts --no-audit --no-fund --silent; then \
	  echo "npm ci failed (Node.js $$(node --version 2>/dev/null || echo is missing)): the local Grafana will have no new pages; it needs Node.js 20 or later and the npm registry ('npm ci' in $(VIEWER)/web says more), then 'make build' again"; \
	else npm run --silent build; fi

viewer: $(VIEWER)/pages/dist/app.js

# The programs of a cluster's nodes, which parascope carries. CARRY is for which
# machines: a development build carries this machine's only.
CARRY ?= $(shell $(GO) env GOARCH)
CARRIED = internal/artifact/programs
NODE_SOURCES := $(call sources,./cmd/parascope-node ./cmd/parascope-nvml ./cmd/parascope-head)

$(CARRIED)/%.gz: go.mod $(NODE_SOURCES)
	GOOS=linux GOARCH=$(lastword $(subst -, ,$*)) CGO_ENABLED=0 $(GO) build -trimpath -ldflags='$(LDFLAGS)' -o $(CARRIED)/$* ./cmd/$(patsubst %-linux-$(lastword $(subst -, ,$*)),%,$*)
	gzip -9nf $(CARRIED)/$*

carried: $(foreach a,$(CARRY),$(CARRIED)/parascope-node-linux-$(a).gz $(CARRIED)/parascope-nvml-linux-$(a).gz $(CARRIED)/parascope-head-linux-$(a).gz)

PROGRAMS = parascope parascope-node parascope-nvml parascope-head parascope-local

build: function viewer carried ## all programs for this machine, in bin
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags='$(LDFLAGS)' -o bin/ $(PROGRAMS:%=./cmd/%)

local: build ## the main job: this machine's metrics, the whole way
	bin/parascope local

guide: function ## the guide, typed with the AWS CLI against a local cloud of its own
	$(GO) test ./internal/cli -run 'TestScripts/^guide$$' -count=1 -v

test: function viewer ## every test, once
	$(GO) test ./...

# Packages whose own code runs concurrently. The others have no goroutines of ours,
# or drive whole processes, which the detector cannot look into; all of Prometheus
# would have to be built again for them.
RACE ?= ./internal/collect/... ./internal/listen ./internal/queue ./internal/receiver ./internal/delivery ./internal/ship ./internal/scrape/... \
	./localaws/gateway ./localaws/principal ./localaws/state ./localaws/sts \
	./localaws/iam/... ./localaws/identity ./localaws/logs ./localaws/lambda/... \
	./localaws/cloudformation/stack ./localaws/amp/dataplane

race: ## the concurrent packages' tests under the race detector (needs a C compiler)
	CGO_ENABLED=1 $(GO) test -race $(RACEFLAGS) $(RACE)

lint:
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); exit 1; }
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...

gen: ## rewrite everything that is generated
	$(GO) test ./localaws -run TestDocs -update
	$(GO) test ./internal/cli -run TestCommandDocs -update
	$(GO) test ./internal/collect -run TestMetricsDocument -update
	$(GO) test ./internal/dashboard/source -run TestGenerated -update

mutants: function ## switch the local cloud's rules off one at a time: a test must notice each
	$(GO) test . -run TestMutations -mutations -count=1 -timeout 30m

soak: ## random faults and kill -9 against the head's delivery, and a node whose devices and GPUs come and go, each for SOAK
	SOAK=$(or $(SOAK),10m) $(GO) test ./internal/collect -run TestDevicesComeAndGo -count=1 -timeout 0
	SOAK=$(or $(SOAK),10m) $(GO) test ./internal/ship -run TestRandomFaults -count=1 -timeout 60m -v
	SOAK=$(or $(SOAK),10m) $(GO) test ./internal/collect/gpu -run TestSoak -count=1 -timeout 60m -v

fuzz: ## each fuzz target for FUZZTIME
	.ci/fuzz $(or $(FUZZTIME),20s)

bench: build ## start, help and memory of the built binary, and how long people wait
	bench/start/run
	bench/up/run
	bench/viewer/run

bench-loss: ## what agents lose: stock Prometheus, vmagent and parascope head (5 minutes)
	bench/loss/run

bench-fleet: ## what agents cost on a simulated fleet (12 minutes)
	bench/fleet/run

bench-node: ## what the node program costs beside node_exporter
	bench/node/run

GRAFANA ?=
picture: viewer ## docs/images/dashboard.png, of the running local cloud's GRAFANA=http://… or of one with made-up nodes
	@mkdir -p docs/images
	$(GO) test ./$(VIEWER) -run TestPicture -count=1 -picture $(CURDIR)/docs/images/dashboard.png -grafana '$(GRAFANA)'

clean:
	rm -rf bin dist $(FUNCTION)/bootstrap-* $(VIEWER)/pages/dist $(VIEWER)/web/node_modules $(VIEWER)/web/dist-test
