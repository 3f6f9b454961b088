package parascopehead

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"

	"github.com/parascope/parascope/internal/collect/pcluster"
	"github.com/parascope/parascope/internal/collect/slurmstat"
	"github.com/parascope/parascope/internal/cost/expectation"
	"github.com/parascope/parascope/internal/cost/price"
	"github.com/parascope/parascope/internal/cost/priceseries"
	"github.com/parascope/parascope/internal/head"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/slurm"
)

// Pages about the cluster on the head's listener.
const (
	slurmMetricsPath    = "/slurm/metrics"
	slurmTargetsPath    = "/slurm/targets"
	pclusterMetricsPath = "/parallelcluster/metrics"
)

// clusterOptions are the flags about the cluster whose head node this is.
type clusterOptions struct {
	binDir       string
	jobSeriesMax int
	fairShare    bool
	region       string // whose prices are served
	rates        []string
	expected     float64 // samples a month; 0: by the nodes that run
}

func defaultClusterOptions() clusterOptions {
	o := slurmstat.DefaultOptions()
	return clusterOptions{binDir: o.Tools.Dir, jobSeriesMax: o.JobSeriesMax, fairShare: o.Shares}
}

// serve adds the pages about Slurm and ParallelCluster to a head's, where the machine has
// Slurm. What they count is kept below the head's storage.
func (c clusterOptions) serve(o *head.Options, logger *slog.Logger) error {
	if _, err := os.Stat(filepath.Join(c.binDir, "scontrol")); err != nil {
		logger.Info("Slurm's commands were not found: Slurm metrics and targets are not served", "directory", c.binDir)
		return nil
	}
	dir := filepath.Join(o.StoragePath, "cluster")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("could not create the directory of Slurm's job counts: %w", err)
	}
	so := slurmstat.DefaultOptions()
	so.Tools.Dir, so.JobSeriesMax, so.Shares = c.binDir, c.jobSeriesMax, c.fairShare
	so.StateFile, so.Logger = filepath.Join(dir, "slurm-jobs.json"), logger.With("component", "slurm")
	service, err := slurmstat.NewService(so)
	if err != nil {
		return err
	}
	po := pcluster.DefaultOptions()
	po.StateFile, po.Logger = filepath.Join(dir, "parallelcluster-events.json"), logger.With("component", "parallelcluster")
	events, err := pcluster.New(po)
	if err != nil {
		return err
	}
	o.Pages = map[string]http.Handler{
		slurmMetricsPath:    http.HandlerFunc(service.ServeMetrics),
		slurmTargetsPath:    http.HandlerFunc(service.ServeTargets),
		pclusterMetricsPath: events,
	}
	o.Beside, o.Gone = []func(context.Context){service.Run}, service.Gone
	return c.servePrices(o, service)
}

// servePrices adds the prices of the cluster's instance types, and how many samples it is
// expected to send, to the head's own page.
func (c clusterOptions) servePrices(o *head.Options, service *slurmstat.Service) error {
	if c.expected < 0 {
		return hint.New(hint.Usage, errors.New("--cost.expected-samples-per-month must not be negative"), "give 0 to derive the "+
			"number from the running nodes")
	}
	prices, err := price.Shipped()
	if err != nil {
		return err
	}
	if prices, err = prices.WithRates(c.rates); err != nil {
		return hint.New(hint.Usage, fmt.Errorf("--cost.rate: %w", err), "write TYPE=DOLLARS, such as p5.48xlarge=31.40")
	}
	o.Collectors = append(o.Collectors, priceseries.New(prices, cmp.Or(c.region, price.RegionOfMachine("/")), func() []string {
		return priceseries.TypesOf(service.Snapshot().Nodes)
	}), expectation.New(prices, func() ([]slurm.Node, bool) {
		s := service.Snapshot()
		return s.Nodes, s.NodesRead()
	}, c.expected))
	return nil
}
