package costs

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/parascope/parascope/internal/awsconf"
	"github.com/parascope/parascope/internal/cli"
	"github.com/parascope/parascope/internal/cost"
	"github.com/parascope/parascope/internal/cost/price"
	"github.com/parascope/parascope/internal/cost/refresh"
	"github.com/parascope/parascope/internal/term"
)

func newPrices(p *cli.Process) *cobra.Command {
	var region string
	var rates, types []string
	var asJSON, ask bool
	var profile string
	c := &cobra.Command{
		Use:   "prices",
		Short: "List the prices of a region, with source and date",
		Long: `List the prices that estimates use: of everything the stack is billed for, and of
instance types with GPUs, each with its source and date. An item that is not listed
has no known price in the region. --refresh queries AWS' Price List API first, which
needs only pricing:GetProducts.`,
		Example: `  parascope cost prices --region us-east-1
  parascope cost prices --region eu-north-1 --json | jq '.prices[] | select(.item=="ec2.p5.48xlarge")'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			at := cmp.Or(region, p.Getenv("AWS_REGION"), p.Getenv("AWS_DEFAULT_REGION"), awsconf.DefaultRegion)
			if !cost.IsRegion(at) {
				return noRegion(at)
			}
			if ask {
				if err := refreshPrices(cmd.Context(), p, awsconf.Options{Region: region, Profile: profile}, at, types); err != nil {
					return err
				}
			}
			l, err := priceList(rates)
			if err != nil {
				return err
			}
			if asJSON {
				return p.PrintJSON(map[string]any{"region": at, "prices": l.InRegion(at)})
			}
			return printPrices(p, l.InRegion(at))
		},
	}
	f := c.Flags()
	f.StringVar(&region, "region", "", "AWS `REGION` (default: AWS_REGION, or "+awsconf.DefaultRegion+")")
	f.BoolVar(&ask, "refresh", false, "query AWS' Price List API first, and save the prices for later estimates")
	f.StringSliceVar(&types, "type", []string{"p4d.24xlarge", "p5.48xlarge", "p5en.48xlarge", "p6-b200.48xlarge"},
		"instance `TYPE` to look up with --refresh; may be repeated")
	f.StringVar(&profile, "profile", "", "AWS `PROFILE` of the shared configuration, for --refresh")
	addRateFlag(f, &rates)
	f.BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// refreshPrices asks AWS and keeps what it says.
func refreshPrices(ctx context.Context, p *cli.Process, o awsconf.Options, region string, types []string) error {
	cfg, err := awsconf.Load(ctx, o)
	if err != nil {
		return err
	}
	found, missing, err := refresh.Ask(ctx, cfg, region, types)
	if err != nil {
		return err
	}
	file, err := pricesFile()
	if err == nil && len(found) > 0 {
		err = price.Save(file, found)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(p.Stderr, "%d prices of %s from AWS' Price List API\n", len(found), region)
	for _, item := range missing {
		fmt.Fprintf(p.Stderr, "! AWS' Price List has no price, or several prices, of %s in %s\n", item, region)
	}
	return nil
}

func printPrices(p *cli.Process, prices []price.Price) error {
	rows := make([][]string, 0, len(prices))
	for _, one := range prices {
		var tiers []string
		for _, t := range one.Tiers {
			text := t.Dollars.Exact()
			if t.From.IsPositive() {
				text += " beyond " + cost.Count(t.From.Decimal)
			}
			tiers = append(tiers, text)
		}
		rows = append(rows, []string{string(one.Item), strings.Join(tiers, ", ") + " per " + cost.Per(one), one.Date, one.Source})
	}
	return term.Table(p.Stdout, term.Style(p.Stdout, p.Getenv),
		[]term.Column{{Title: "item"}, {Title: "dollars"}, {Title: "date"}, {Title: "source"}}, rows)
}
