package price

import (
	"bytes"
	_ "embed"
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

// prices.csv has a line for each tier; the first one has the date and the source.
//
//go:embed prices.csv
var servicesTable []byte

// instances.csv has a line for each instance type with NVIDIA GPUs and price: Linux, on
// demand, the regions that have it. A type whose price is not known has a line without.
//
//go:embed instances.csv
var instancesTable []byte

// The source of instances.csv.
const (
	instancesSource = "instances.vantage.sh, from AWS' Price List, by github.com/tsaol/aws-gpu 77fcd9f: Linux on demand"
	instancesDate   = "2026-01-21"
)

// Shipped is the list that this program carries.
func Shipped() (List, error) {
	l := List{prices: make(map[key]Price, 800), types: map[string]Type{}} // about so many
	if err := eachLine(instancesTable, 5, l.addInstance); err != nil {
		return List{}, fmt.Errorf("instances.csv: %w", err)
	}
	var open Price
	err := eachLine(servicesTable, 8, func(cells []string) error {
		next, err := readTier(cells)
		if err != nil {
			return err
		}
		if k := (key{next.Item, next.Region}); k == (key{open.Item, open.Region}) {
			open.Tiers = append(open.Tiers, next.Tiers...)
		} else {
			open = next
		}
		if open.Date == "" || open.Source == "" {
			return fmt.Errorf("the price of %s in %q has no date or no source", open.Item, open.Region)
		}
		l.prices[key{open.Item, open.Region}] = open
		return nil
	})
	if err != nil {
		return List{}, fmt.Errorf("prices.csv: %w", err)
	}
	return l, nil
}

// eachLine calls a function with the cells of each line below the heading.
func eachLine(table []byte, cells int, line func([]string) error) error {
	r := csv.NewReader(bytes.NewReader(table))
	r.FieldsPerRecord = cells
	for n := 1; ; n++ {
		record, err := r.Read()
		if err == io.EOF {
			return nil
		}
		if err == nil && n > 1 {
			err = line(record)
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
}

// readTier reads a line of prices.csv.
func readTier(cells []string) (Price, error) {
	p := Price{Item: Item(cells[0]), Region: cells[1], Unit: cells[2], Date: cells[6], Source: cells[7]}
	var tier Tier
	var err error
	if p.Per.Decimal, err = decimal.NewFromString(cells[3]); err != nil || !p.Per.IsPositive() {
		return p, fmt.Errorf("%q is not a number of units", cells[3])
	}
	if tier.From.Decimal, err = decimal.NewFromString(cells[4]); err != nil {
		return p, fmt.Errorf("the start of a price tier must be a number, not %q", cells[4])
	}
	if tier.Dollars, err = ParseDollars(cells[5]); err != nil {
		return p, err
	}
	if p.Date != "" {
		if _, err := time.Parse(time.DateOnly, p.Date); err != nil {
			return p, err
		}
	}
	p.Tiers = []Tier{tier}
	return p, nil
}

// addInstance reads a line of instances.csv.
func (l List) addInstance(cells []string) error {
	t := Type{Name: cells[0]}
	var err error
	if t.GPUs, err = strconv.Atoi(cells[1]); err == nil {
		t.VCPUs, err = strconv.Atoi(cells[2])
	}
	if err != nil {
		return err
	}
	if has, ok := l.types[t.Name]; ok && has != t {
		return fmt.Errorf("%s has %d GPUs and %d CPUs in this line, but %d and %d in an earlier line",
			t.Name, t.GPUs, t.VCPUs, has.GPUs, has.VCPUs)
	}
	l.types[t.Name] = t
	if cells[3] == "" {
		return nil
	}
	hourly, err := ParseDollars(cells[3])
	if err != nil {
		return err
	}
	p := Price{Item: Instance(t.Name), Unit: "hour", Per: Number{decimal.NewFromInt(1)}, Tiers: []Tier{{Dollars: hourly}}, Date: instancesDate,
		Source: instancesSource}
	for region := range strings.FieldsSeq(cells[4]) {
		p.Region = region
		l.prices[key{p.Item, region}] = p
	}
	return nil
}
