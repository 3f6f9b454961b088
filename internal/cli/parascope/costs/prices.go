package costs

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/parascope/parascope/internal/awsconf"
	"github.com/parascope/parascope/internal/cli"
	"github.com/parascope/parascope/internal/cost"
	"github.com/parascope/parascope/internal/cost/price"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/term"
)

func newPrices(p *cli.Process) *cobra.Command {
	var region string
	var rates []string
	var asJSON bool
	c := &cobra.Command{
		Use:   "prices",
		Short: "List the prices of a region, with source and date",
		Long: `List the prices that amounts rest on: of everything the stack is billed for, and of
instance types with GPUs, each with the source and the day on which it was read.
What is not in the list has no known price in the region.`,
		Example: `  parascope cost prices --region us-east-1
  parascope cost prices --region eu-north-1 --json | jq '.prices[] | select(.item=="ec2.p5.48xlarge")'`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			l, err := priceList(rates)
			if err != nil {
				return err
			}
			at := cmp.Or(region, p.Getenv("AWS_REGION"), p.Getenv("AWS_DEFAULT_REGION"), awsconf.DefaultRegion)
			if !slices.Contains(l.Regions(), at) && !cost.IsRegion(at) {
				return hint.New(hint.Usage, fmt.Errorf("%.40q is no AWS region", at), "give one such as us-east-2")
			}
			if asJSON {
				return printJSON(p, map[string]any{"region": at, "prices": l.InRegion(at)})
			}
			return printPrices(p, l.InRegion(at))
		},
	}
	f := c.Flags()
	f.StringVar(&region, "region", "", "AWS `REGION` (default: AWS_REGION, or "+awsconf.DefaultRegion+")")
	addRateFlag(f, &rates)
	f.BoolVar(&asJSON, "json", false, "print JSON")
	return c
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
