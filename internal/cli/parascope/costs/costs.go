// Package costs has the command cost of the program parascope.
package costs

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/parascope/parascope/internal/cli"
	"github.com/parascope/parascope/internal/cost/price"
	"github.com/parascope/parascope/internal/hint"
)

// New makes the command, with those below it.
func New(p *cli.Process) *cobra.Command {
	var o reportOptions
	c := &cobra.Command{
		Use:   "cost",
		Short: "Show what the monitoring costs: this month, and estimates before deployment",
		Long: `Show what a stack's monitoring has cost this month and a forecast for the whole month,
from the usage that AWS has measured. The amount for Grafana is an upper bound, computed
from roles: AWS bills only users who sign in. Cost Explorer shows the bill a day later.

  parascope cost estimate --nodes p5.48xlarge=64      before deployment; needs no AWS access
  parascope cost prices                               the prices behind the amounts`,
		Example: `  parascope cost
  parascope cost --json | jq '.forecast.totalDollarsPerMonth'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.ReportFailure(o.json, runReport(cmd, p, o))
		},
	}
	addReportFlags(c, &o)
	c.AddCommand(newEstimate(p), newPrices(p))
	return c
}

// addRateFlag defines --rate.
func addRateFlag(f *pflag.FlagSet, rates *[]string) {
	f.StringArrayVar(rates, "rate", nil,
		"hourly price `TYPE=DOLLARS` of an instance type, for capacity blocks, savings plans or private prices; may be repeated")
}

// pricesFile is where prices are kept that AWS was asked for.
func pricesFile() (string, error) {
	dir, err := os.UserConfigDir()
	return filepath.Join(dir, "parascope", "prices.json"), err
}

// priceList is the list that the program carries, with newer prices of AWS and the rates of --rate.
func priceList(rates []string) (price.List, error) {
	l, err := price.Shipped()
	if err != nil {
		return l, err
	}
	if file, err := pricesFile(); err == nil {
		if l, err = l.WithFile(file); err != nil {
			return l, hint.New(hint.BadInput, err, "remove the file; 'parascope cost prices --refresh' creates it again")
		}
	}
	l, err = l.WithRates(rates)
	if err != nil {
		err = hint.New(hint.Usage, err, "write --rate TYPE=DOLLARS, such as --rate p5.48xlarge=31.40")
	}
	return l, err
}

// printJSON prints a value as indented JSON.

// noRegion is the error of a region that AWS does not have.
func noRegion(name string) error {
	return hint.New(hint.Usage, fmt.Errorf("%.40q is not an AWS region", name), "give a region such as us-east-2")
}
