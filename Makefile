# make local   run everything on this machine, without AWS
# make test    all tests
GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
LDFLAGS  = -s -w -buildid= -X github.com/parascope/parascope/internal/cli.version=$(VERSION)
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
# Programs and tests are compiled alike, so that each package is compiled once.
export CGO_ENABLED ?= 0
export GOFLAGS := $(GOFLAGS) -trimpath

.PHONY: carried cost-check fleet dashboards-of-others install-shells proof proof-mutants rules-mutants soak-alerts function functions viewer picture build local cluster cluster-stop cluster-test cluster-test-away cluster-test-estimate cluster-test-pages guide test race race-packages stress lint gen mutants soak fuzz \
	bench bench-loss bench-fleet bench-node bench-slurm release clean

FUNCTION = internal/artifact/function
# The files of ours that a program is built from, embedded ones among them.
sources = $(shell $(GO) list -deps -f '{{if .Module}}{{if .Module.Main}}{{$$d := .Dir}}{{range .GoFiles}}{{$$d}}/{{.}} {{end}}{{range .EmbedFiles}}{{$$d}}/{{.}} {{end}}{{end}}{{end}}' $(1))

FUNCTION_SOURCES := go.mod $(call sources,./cmd/grafana-datasource-setup)

# The setup function, which the program carries: a development build for this
# machine's architecture, a release for both of Lambda's.
$(FUNCTION)/bootstrap-%.gz: $(FUNCTION_SOURCES)
	GOOS=linux GOARCH=$(if $(filter x86_64,$*),amd64,arm64) $(GO) build -buildvcs=false -tags lambda.norpc \
	  -ldflags='-s -w -buildid=' -o $(FUNCTION)/bootstrap-$* ./cmd/grafana-datasource-setup
	gzip -9nf $(FUNCTION)/bootstrap-$*

HOSTARCH := $(shell $(GO) env GOHOSTARCH)
function: $(FUNCTION)/bootstrap-$(if $(filter amd64,$(HOSTARCH)),x86_64,arm64).gz
functions: $(FUNCTION)/bootstrap-arm64.gz $(FUNCTION)/bootstrap-x86_64.gz

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
CARRY ?= $(HOSTARCH)
CARRIED = internal/artifact/programs
NODE_SOURCES := $(call sources,./cmd/parascope-node ./cmd/parascope-nvml ./cmd/parascope-head)

NODE_PROGRAMS = parascope-node parascope-nvml parascope-head
# Without grpc's debug page, an html/template, for which the linker keeps every exported
# method of every type: the head is 6 MB smaller (bench/size/README.md).
TAGS = grpcnotrace

$(NODE_PROGRAMS:%=bin/linux-\%/%) &: go.mod $(NODE_SOURCES)
	GOOS=linux GOARCH=$* $(GO) build -tags $(TAGS) -ldflags='$(LDFLAGS)' -o bin/linux-$*/ $(NODE_PROGRAMS:%=./cmd/%)

.SECONDARY:
.SECONDEXPANSION:
$(CARRIED)/%.gz: bin/linux-$$(lastword $$(subst -, ,$$*))/$$(firstword $$(subst -linux-, ,$$*))
	gzip -9nc $< >$@

carried: $(foreach a,$(CARRY),$(NODE_PROGRAMS:%=$(CARRIED)/%-linux-$(a).gz))

build: function viewer carried ## all programs for this machine, in bin
	$(GO) build -ldflags='$(LDFLAGS)' -o bin/ ./cmd/parascope $(if $(filter linux,$(shell $(GO) env GOOS)),./cmd/parascope-local)
	@for p in $(NODE_PROGRAMS); do ln -f bin/linux-$(HOSTARCH)/$$p bin/ 2>/dev/null || cp bin/linux-$(HOSTARCH)/$$p bin/; done
	@echo "bin/parascope carries the node and head programs for linux/$(CARRY), as a development build does; a release carries both architectures"

local: build ## the main job: this machine's metrics, the whole way
	bin/parascope local

# The test bed: root and the packages of testbed/packages.txt; exit status 77 says what is missing.
bin/testbed: $(call sources,./testbed/cmd/testbed)
	$(GO) build -o $@ ./testbed/cmd/testbed

CLUSTER ?= demo
cluster: build bin/testbed ## a whole cluster on this machine, with a local cloud; CONFIG=FILE is its configuration
	bin/testbed up --start-cloud bin/parascope-local --cluster '$(CLUSTER)' $(if $(CONFIG),--config $(CONFIG))

cluster-stop: bin/testbed ## end it, with all of its machines
	bin/testbed stop

CLUSTERTEST = TESTBED_PROGRAM=$(CURDIR)/bin/testbed TESTBED_PRODUCT=$(CURDIR)/bin
cluster-test: build bin/testbed ## the test bed's tests, and the product's on it: CLUSTERTESTFLAGS='-run TestFlow -v' for one
ifdef CLUSTERTESTFLAGS
	$(CLUSTERTEST) $(GO) test ./testbed/... -count=1 -timeout 40m $(CLUSTERTESTFLAGS)
else
	$(CLUSTERTEST) testbed/run-tests
endif

cluster-test-away: build bin/testbed ## slurmctld stopped for three minutes, as the day's numbers tell it
	$(CLUSTERTEST) TESTBED_AWAY=3m $(GO) test ./testbed/cmd/testbed -run 'TestNumbers$$/slurmctld' -count=1 -timeout 40m -v

cluster-test-estimate: build bin/testbed ## the estimate against what AMP takes of the bed in four minutes; an hour is TESTBED_ESTIMATE=1h
	$(CLUSTERTEST) TESTBED_ESTIMATE=$(or $(TESTBED_ESTIMATE),4m) $(GO) test ./testbed/cmd/testbed -run 'TestEstimate$$' -count=1 -timeout 90m -v

cluster-test-pages: build bin/testbed ## the first commands of the alerts' pages, typed while there is the fault
	$(CLUSTERTEST) $(GO) test ./testbed/cmd/testbed -run 'TestAlertPages$$' -count=1 -timeout 40m -v

guide: functions ## the guide, typed with the AWS CLI against a local cloud of its own
	$(GO) test ./internal/cli -run 'TestScripts/^guide$$' -count=1 -v

test: functions carried viewer ## every test, once
	$(GO) test -timeout 20m ./...

dashboards-of-others: viewer ## every panel of the dashboards below …_SAMPLES, drawn in Chromium
	DASHBOARDS=1 $(GO) test ./localaws/viewer -run TestDashboardsOfOthers -count=1 -timeout 30m -v

install-shells: ## the install script's tests in bash --posix and busybox sh as well as in dash
	SHELLS=all $(GO) test ./internal/cluster/install -count=1 -timeout 30m -v

# Packages whose own code runs concurrently. The others have no goroutines of ours,
# or drive whole processes, which the detector cannot look into; all of Prometheus
# would have to be built again for them.
RACE ?= ./internal/collect/... ./internal/slurm ./internal/listen ./internal/queue ./internal/receiver ./internal/delivery ./internal/head ./internal/refused ./internal/ship ./internal/scrape/... \
	./localaws/bounded ./localaws/gateway ./localaws/principal ./localaws/state ./localaws/sts \
	./localaws/iam/... ./localaws/identity ./localaws/logs ./localaws/lambda/... \
	./localaws/cloudformation/deployment ./localaws/amp/dataplane ./localaws/sns ./internal/doctor ./internal/cli/outfile

race: ## the concurrent packages' tests under the race detector (needs a C compiler)
	CGO_ENABLED=1 $(GO) test -race $(RACEFLAGS) $(RACE)

race-packages:
	@echo $(RACE)

stress: ## the tests of STRESS (default ./...) three times in random order with every core busy
	.ci/stress $(or $(STRESS),./...)

lint:
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); exit 1; }
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...

gen: ## rewrite everything that is generated
	$(GO) test ./localaws -run TestDocs -update
	$(GO) test ./internal/cli -run TestCommandDocs -update
	$(GO) test ./internal/collect -run TestMetricsDocument -update
	$(GO) test ./internal/dashboard/source -run TestGenerated -update
	$(GO) test ./internal/collect/slurmstat -run TestDocument -update

cost-check: ## hold the estimate against what the local AMP takes in COST_WATCH (4m; an hour is 1h)
	COST_WATCH=$(or $(COST_WATCH),4m) $(GO) test ./internal/cost/report -run TestEstimateAgainstAMP -count=1 -timeout 0 -v

mutants: functions ## switch the local cloud's rules off one at a time: a test must notice each
	$(GO) test ./localaws -run TestMutations -mutations -part $(or $(PART),1/1) -count=1 -timeout 30m

proof: function ## every query of every dashboard over the made-up day: the table panel × recording
	$(GO) test ./internal/proof -run 'TestProof/panels' -count=1 -v $(PROOFFLAGS)
	$(GO) test ./internal/dashboard -run 'TestCloudWatchPanels' -count=1 -v

proof-mutants: ## change each metric name and each constant of the dashboards' queries in turn: the proof must notice each
	$(GO) test ./internal/proof -run TestProof -count=1 -v -part 1/1 $(PROOFFLAGS)

fleet: ## what dashboards and rules read of 256 nodes, and the rules' processor time (6 minutes, 4 GB)
	$(GO) test ./internal/proof -run TestFleet -fleet -count=1 -timeout 60m -v

rules-mutants: ## change each threshold and time of each alert in turn: the alerts' tests must notice each
	$(GO) test ./internal/rules -run TestThresholds -part 1/1 -count=1 -v -timeout 60m

soak-alerts: functions ## alerts in real time: a test alert, a head that is killed, and its return
	SOAK=1 $(GO) test ./internal/cli -run TestSoakScripts -count=1 -v -timeout 90m

soak: ## random faults and kill -9 against the head's delivery; a head whose targets change; devices and GPUs that come and go: each for SOAK
	SOAK=$(or $(SOAK),10m) $(GO) test ./internal/collect -run TestDevicesComeAndGo -count=1 -timeout 0
	SOAK=$(or $(SOAK),10m) $(GO) test ./internal/ship -run TestRandomFaults -count=1 -timeout 60m -v
	SOAK=$(or $(SOAK),10m) $(GO) test ./internal/head -run '^TestSoak$$' -count=1 -timeout 0 -v
	SOAK=$(or $(SOAK),10m) $(GO) test ./internal/collect/gpu -run TestSoak -count=1 -timeout 60m -v

fuzz: ## each fuzz target for FUZZTIME
	.ci/fuzz $(or $(FUZZTIME),20s)

bench: build ## size, start and memory of the built programs, and how long people wait
	bench/size/run
	bench/start/run
	bench/up/run
	bench/viewer/run

bench-loss: ## what agents lose: stock Prometheus, vmagent and parascope head (5 minutes)
	bench/loss/run

bench-fleet: ## what agents cost on a simulated fleet (12 minutes)
	bench/fleet/run

bench-node: ## what the node program costs beside node_exporter
	bench/node/run

bench-slurm: ## what a snapshot of 1,000 nodes costs the head
	bench/slurm/run

release: viewer ## dist/: an archive for each platform, SHA256SUMS, a bill of materials; signed with RELEASE_KEY
	rm -rf dist bin/linux-* $(CARRIED)/*.gz
	$(MAKE) functions carried CARRY='amd64 arm64'
	GO='$(GO)' VERSION='$(VERSION)' LDFLAGS='$(LDFLAGS)' .ci/release
	rm -rf bin/linux-* $(CARRIED)/*.gz

GRAFANA ?=
picture: build ## docs/images/dashboard.png, of a made-up cluster or of the running local cloud's GRAFANA=http://…; PAGE=/d/…, PICTURE=FILE
	@mkdir -p docs/images
	$(GO) test ./$(VIEWER) -run TestPicture -count=1 -picture '$(or $(PICTURE),$(CURDIR)/docs/images/dashboard.png)' \
	  -program $(CURDIR)/bin/parascope-local $(if $(GRAFANA),-grafana '$(GRAFANA)') -page '$(or $(PAGE),/d/parascope-cluster-overview?var-cluster=demo-made-up&from=now-1h&to=now)'

clean:
	rm -rf bin dist $(FUNCTION)/bootstrap-* $(CARRIED)/*.gz $(VIEWER)/pages/dist $(VIEWER)/web/node_modules $(VIEWER)/web/dist-test
