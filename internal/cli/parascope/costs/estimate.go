package costs

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/spf13/cobra"

	"github.com/parascope/parascope/internal/awsconf"
	"github.com/parascope/parascope/internal/cli"
	"github.com/parascope/parascope/internal/cli/outfile"
	"github.com/parascope/parascope/internal/cli/parascope/flags"
	"github.com/parascope/parascope/internal/cost"
	"github.com/parascope/parascope/internal/cost/census"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/term"
)

type estimateOptions struct {
	config     string
	nodes      []string
	rates      []string
	region     string
	pricesOf   string
	interval   string
	parameters []string
	workload   cost.Workload
	json       bool
}

func newEstimate(p *cli.Process) *cobra.Command {
	o := estimateOptions{workload: cost.DefaultWorkload()}
	c := &cobra.Command{
		Use:   "estimate",
		Short: "Estimate a month's bill, before anything is deployed",
		Long: `Estimate what a month of monitoring costs: of the nodes in a cluster's configuration,
or of the nodes given by --nodes. The number of series of a node comes from the
collectors' tables. The command uses neither AWS nor the network.

Low, expected and high differ in the number of running nodes, the metrics of kernels
and drivers, the jobs, and the use of dashboards. For comparison, the output shows the cost
with stock exporters and with other intervals, the figures of docs/guide, and the cost of
the instances. An amount whose
price is unknown in the region is shown as unknown; --prices-of us-east-1 uses the
prices of a region that has all of them.`,
		Example: `  parascope cost estimate --config cluster-config.yaml
  parascope cost estimate --nodes p5.48xlarge=64 --interval 30s --prices-of us-east-1
  parascope cost estimate --nodes p5.48xlarge=8 --rate p5.48xlarge=31.40 --json | jq .bill.expected`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.ReportFailure(o.json, runEstimate(cmd.Context(), p, o))
		},
	}
	f := c.Flags()
	f.StringVar(&o.config, "config", "", "`FILE` with the cluster's configuration, or the CloudFormation template that contains it")
	f.StringArrayVar(&o.nodes, "nodes", nil, "`TYPE=NUMBER` of compute nodes that run all month; may be repeated")
	f.StringVar(&o.region, "region", "", "AWS `REGION` (default: the configuration's, AWS_REGION, or "+awsconf.DefaultRegion+")")
	f.StringVar(&o.pricesOf, "prices-of", "", "`REGION` whose prices are used instead of the region's own")
	f.StringVar(&o.interval, "interval", model.Duration(o.workload.Interval).String(), "`DURATION` between two scrapes of "+
		"nodes and of the head; Slurm and ParallelCluster are scraped once a minute")
	f.IntVar(&o.workload.Retention, "retention", o.workload.Retention, "`DAYS` for which the workspace keeps samples")
	f.IntVar(&o.workload.Editors, "editors", o.workload.Editors, "admins and editors who sign in to Grafana within a month")
	f.IntVar(&o.workload.Viewers, "viewers", 0, "viewers who sign in to Grafana within a month")
	f.StringSliceVar(&o.workload.Without, "without", nil,
		"`PREFIX` of metrics that are not sent, such as node_amazonefa_; may be repeated")
	f.StringArrayVar(&o.parameters, "parameter", nil,
		"`NAME=VALUE` of the stack's template, such as MonitoringType=amp-only; may be repeated")
	addRateFlag(f, &o.rates)
	f.BoolVar(&o.json, "json", false, "print JSON")
	return c
}

func runEstimate(ctx context.Context, p *cli.Process, o estimateOptions) error {
	l, err := priceList(o.rates)
	if err != nil {
		return err
	}
	interval, err := model.ParseDuration(o.interval)
	if err != nil || time.Duration(interval) < time.Second || time.Duration(interval) > time.Hour {
		return hint.New(hint.Usage, fmt.Errorf("--interval %q is not a duration from 1s to 1h", o.interval), "give a duration such as 15s or 1m")
	}
	o.workload.Interval = time.Duration(interval)
	if err := o.checkNumbers(); err != nil {
		return err
	}
	parameters, err := flags.Parameters(o.parameters)
	if err != nil {
		return err
	}
	c, err := o.census(ctx)
	if err != nil {
		return err
	}
	for _, region := range []string{o.region, o.pricesOf} {
		if region != "" && !slices.Contains(l.Regions(), region) && !cost.IsRegion(region) {
			return noRegion(region)
		}
	}
	region := cmp.Or(o.region, c.Region, p.Getenv("AWS_REGION"), p.Getenv("AWS_DEFAULT_REGION"), awsconf.DefaultRegion)
	boards, err := cost.ShippedBoards()
	if err != nil {
		return err
	}
	o.workload.Boards = boards
	if err := cost.Place(&o.workload, l, c); err != nil {
		return err
	}
	e := cost.New(l, cost.Ask{Stack: cost.Stack{Region: region, Parameters: parameters}, PricesOf: o.pricesOf, Workload: o.workload})
	if o.json {
		return p.PrintJSON(e)
	}
	printEstimate(p.Stdout, term.Style(p.Stdout, p.Getenv), term.Width(p.Stdout), e)
	return nil
}

// checkNumbers refuses numbers that make no estimate.
func (o estimateOptions) checkNumbers() error {
	for _, n := range []struct {
		flag       string
		value      int
		least, top int
	}{
		{"--retention", o.workload.Retention, 1, 1095}, {"--editors", o.workload.Editors, 0, 100_000},
		{"--viewers", o.workload.Viewers, 0, 100_000},
	} {
		if n.value < n.least || n.value > n.top {
			return hint.New(hint.Usage, fmt.Errorf("%s %d is out of range: it must be between %d and %d", n.flag, n.value, n.least, n.top),
				"give a number in the accepted range")
		}
	}
	return nil
}

// maxConfig is more than census.Read takes, in bytes.
const maxConfig = 2 << 20

// census are the nodes of the configuration and those that are named.
func (o estimateOptions) census(ctx context.Context) (census.Census, error) {
	if o.config == "" && len(o.nodes) == 0 {
		return census.Census{}, hint.New(hint.Usage, errors.New("neither --config nor --nodes is given"),
			"give --config the cluster's configuration, or --nodes TYPE=NUMBER, such as --nodes p5.48xlarge=4")
	}
	c := census.Census{Queues: 1}
	if o.config != "" {
		text, err := outfile.Read(ctx, o.config, maxConfig)
		if ctx.Err() != nil {
			return c, ctx.Err()
		}
		if err != nil {
			return c, hint.New(hint.BadInput, fmt.Errorf("could not read the configuration: %w", err),
				"give --config the FILE that pcluster create-cluster takes, or --nodes TYPE=NUMBER")
		}
		if c, err = census.Read(o.config, bytes.NewReader(text)); err != nil {
			return c, err
		}
	}
	for _, text := range o.nodes {
		g, err := census.ParseNodes(text)
		if err != nil {
			return c, err
		}
		c.Groups = append(c.Groups, g)
	}
	return c, nil
}
