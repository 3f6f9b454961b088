// Package refresh asks AWS' Price List API for the prices of a region.
package refresh

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/pricing"
	"github.com/aws/aws-sdk-go-v2/service/pricing/types"
	"github.com/shopspring/decimal"

	"github.com/parascope/parascope/internal/awserr"
	"github.com/parascope/parascope/internal/cost/price"
)

// question is one item and how the Price List names it: a service, attributes that must match, and
// how the usage type ends behind the region's prefix.
type question struct {
	item     price.Item
	unit     string
	service  string
	filters  map[string]string
	usage    string
	notUsage string
}

// questions are the items that the list is asked for.
func questions(instanceTypes []string) []question {
	nat := map[string]string{"productFamily": "NAT Gateway"}
	all := []question{
		{item: price.Samples, unit: "samples", service: "AmazonPrometheus", usage: "AMP:MetricSampleCount"},
		{item: price.Storage, unit: "GB-month", service: "AmazonPrometheus", usage: "AMP:MetricStorageByteHrs"},
		{item: price.Queries, unit: "query samples", service: "AmazonPrometheus", usage: "AMP:QuerySamplesProcessed"},
		{item: price.NATHours, unit: "hour", service: "AmazonEC2", filters: nat, usage: "NatGateway-Hours", notUsage: "RegionalNatGateway"},
		{item: price.NATTraffic, unit: "GB", service: "AmazonEC2", filters: nat, usage: "NatGateway-Bytes", notUsage: "RegionalNatGateway"},
		{item: price.AddressHours, unit: "hour", service: "AmazonVPC", usage: "PublicIPv4:InUseAddress"},
	}
	for _, t := range instanceTypes {
		all = append(all, question{item: price.Instance(t), unit: "hour", service: "AmazonEC2", usage: "BoxUsage:" + t,
			filters: map[string]string{"instanceType": t, "operatingSystem": "Linux", "tenancy": "Shared", "preInstalledSw": "NA",
				"capacitystatus": "Used", "marketoption": "OnDemand"}})
	}
	return all
}

// apiRegion is where the Price List API is.
const apiRegion = "us-east-1"

// Bounds of an answer.
const (
	maxPages   = 20
	maxProduct = 1 << 20 // bytes
)

// Ask asks for a region's prices. missing are the items of which AWS lists no price there, or more
// than one.
func Ask(ctx context.Context, cfg aws.Config, region string, instanceTypes []string) (found []price.Price, missing []price.Item,
	err error) {
	client := pricing.NewFromConfig(cfg, func(o *pricing.Options) { o.Region = apiRegion })
	for _, q := range questions(instanceTypes) {
		products, err := q.products(ctx, client, region)
		if err != nil {
			return nil, nil, awserr.Explain("query the Price List API for "+string(q.item)+" in "+region, err,
				awserr.Next{Denied: awserr.WhoAsks})
		}
		p, err := q.priceOf(products, region)
		if err != nil {
			missing = append(missing, q.item)
			continue
		}
		found = append(found, p)
	}
	return found, missing, nil
}

// product is what is read of an element of PriceList.
type product struct {
	PublicationDate string
	Version         string
	Product         struct {
		Attributes map[string]string
	}
	Terms struct {
		OnDemand map[string]struct {
			PriceDimensions map[string]struct {
				BeginRange   string
				PricePerUnit map[string]string
			}
		}
	}
}

// products are those whose usage type is the question's.
func (q question) products(ctx context.Context, client *pricing.Client, region string) ([]product, error) {
	in := &pricing.GetProductsInput{ServiceCode: &q.service, FormatVersion: aws.String("aws_v1")}
	filters := map[string]string{"regionCode": region}
	for field, value := range q.filters {
		filters[field] = value
	}
	for field, value := range filters {
		in.Filters = append(in.Filters, types.Filter{Type: types.FilterTypeTermMatch, Field: aws.String(field), Value: aws.String(value)})
	}
	var all []product
	pages := pricing.NewGetProductsPaginator(client, in)
	for n := 0; pages.HasMorePages() && n < maxPages; n++ {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, text := range page.PriceList {
			var p product
			if len(text) > maxProduct || json.Unmarshal([]byte(text), &p) != nil {
				return nil, errors.New("the Price List API returned a product that could not be decoded")
			}
			usage := p.Product.Attributes["usagetype"]
			if strings.HasSuffix(usage, q.usage) && (q.notUsage == "" || !strings.Contains(usage, q.notUsage)) {
				all = append(all, p)
			}
		}
	}
	return all, nil
}

// priceOf is the price of the one product that there must be.
func (q question) priceOf(products []product, region string) (price.Price, error) {
	p := price.Price{Item: q.item, Region: region, Unit: q.unit, Per: price.Number{Decimal: decimal.NewFromInt(1)}}
	if len(products) != 1 || len(products[0].Terms.OnDemand) != 1 {
		return p, fmt.Errorf("%d products match, expected 1", len(products))
	}
	one := products[0]
	if len(one.PublicationDate) < len("2006-01-02") {
		return p, errors.New("the product has no publication date")
	}
	p.Date = one.PublicationDate[:len("2006-01-02")]
	p.Source = fmt.Sprintf("Price List API, %s, %s", q.service, one.Product.Attributes["usagetype"])
	for _, term := range one.Terms.OnDemand {
		for _, d := range term.PriceDimensions {
			from, err := decimal.NewFromString(d.BeginRange)
			if err != nil {
				return p, err
			}
			dollars, err := price.ParseDollars(d.PricePerUnit["USD"])
			if err != nil {
				return p, err
			}
			p.Tiers = append(p.Tiers, price.Tier{From: price.Number{Decimal: from}, Dollars: dollars})
		}
	}
	slices.SortFunc(p.Tiers, func(a, b price.Tier) int { return a.From.Cmp(b.From.Decimal) })
	if len(p.Tiers) == 0 || !p.Tiers[0].From.IsZero() {
		return p, errors.New("the product's price tiers do not start at 0")
	}
	return p, nil
}
