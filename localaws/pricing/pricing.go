// Package pricing is the local AWS Price List API: a few products of us-east-1, as AWS lists
// them.
package pricing

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/parascope/parascope/localaws/gateway"
)

const (
	model  = "the SDK's model of the service (pricing 2017-10-15)"
	public = "published examples of GetProducts responses"
)

// Service is the Price List API.
func Service() gateway.Service {
	return gateway.Service{
		Name: "pricing", Title: "AWS Price List", SigningName: "pricing", Version: "2017-10-15", TargetPrefix: "AWSPriceListService",
		Protocol: gateway.JSON11,
		Operations: gateway.RequireActions("pricing", nil, []gateway.Operation{
			{Name: "GetProducts", Serve: getProducts, Rules: []gateway.Rule{
				{Text: "PriceList has a JSON string for each product whose attributes match all filters of Type TERM_MATCH; for a service " +
					"without products it is empty", Basis: gateway.Confirmed, Source: public},
				{Text: "only products of us-east-1 are available, in one page", Basis: gateway.Assumed, Source: "a simplification of the local cloud"},
				{Text: "a request without ServiceCode is refused with 400 " +
					"InvalidParameterException", Basis: gateway.Confirmed, Source: model + " (it documents ServiceCode as required)"},
			}},
			{Name: "DescribeServices"}, {Name: "GetAttributeValues"}, {Name: "ListPriceLists"}, {Name: "GetPriceListFileUrl"},
		}),
	}
}

// product is one of AWS' products, with its price by the beginning of each tier.
type product struct {
	service    string
	attributes map[string]string
	tiers      map[string]string
}

func products() []product {
	amp := func(usage string, tiers map[string]string) product {
		return product{"AmazonPrometheus", map[string]string{"regionCode": "us-east-1", "usagetype": "USE1-AMP:" + usage}, tiers}
	}
	nat := func(usage, dollars string) product {
		return product{"AmazonEC2", map[string]string{"regionCode": "us-east-1", "productFamily": "NAT Gateway", "usagetype": usage},
			map[string]string{"0": dollars}}
	}
	return []product{
		amp("MetricSampleCount", map[string]string{"0": "0.0000000000", "40000000": "0.0000000900", "2000000000": "0.0000000350",
			"252000000000": "0.0000000160"}),
		amp("MetricStorageByteHrs", map[string]string{"0": "0.0000000000", "10": "0.0300000000"}),
		amp("QuerySamplesProcessed", map[string]string{"0": "0.0000000000", "200000000000": "0.0000000001"}),
		nat("NatGateway-Hours", "0.0450000000"), nat("NatGateway-Bytes", "0.0450000000"), nat("RegionalNatGateway-Hours", "0.0450000000"),
		{"AmazonVPC", map[string]string{"regionCode": "us-east-1", "usagetype": "USE1-PublicIPv4:InUseAddress"},
			map[string]string{"0": "0.0050000000"}},
		{"AmazonEC2", map[string]string{"regionCode": "us-east-1", "instanceType": "p5.48xlarge", "operatingSystem": "Linux", "tenancy": "Shared",
			"preInstalledSw": "NA", "capacitystatus": "Used", "marketoption": "OnDemand", "usagetype": "BoxUsage:p5.48xlarge"},
			map[string]string{"0": "55.0400000000"}},
	}
}

func getProducts(w http.ResponseWriter, r *gateway.Request) error {
	var in struct {
		ServiceCode string
		Filters     []struct{ Type, Field, Value string }
	}
	if err := json.Unmarshal(r.Body, &in); err != nil || in.ServiceCode == "" {
		return &gateway.Error{Status: http.StatusBadRequest, Code: "InvalidParameterException", Message: "ServiceCode is required."}
	}
	list := []string{}
	for _, p := range products() {
		matches := p.service == in.ServiceCode
		for _, f := range in.Filters {
			matches = matches && strings.EqualFold(p.attributes[f.Field], f.Value)
		}
		if matches {
			text, err := p.text()
			if err != nil {
				return err
			}
			list = append(list, text)
		}
	}
	return gateway.WriteJSON(w, http.StatusOK, map[string]any{"FormatVersion": "aws_v1", "PriceList": list})
}

// text is the product as the Price List writes it.
func (p product) text() (string, error) {
	sku := strings.ToUpper(strings.NewReplacer(":", "", "-", "", ".", "").Replace(p.attributes["usagetype"]))
	dimensions := map[string]any{}
	for from, dollars := range p.tiers {
		dimensions[sku+".JRTCKXETXF."+from] = map[string]any{"beginRange": from, "pricePerUnit": map[string]string{"USD": dollars},
			"unit": "unit", "appliesTo": []string{}}
	}
	text, err := json.Marshal(map[string]any{
		"product": map[string]any{"attributes": p.attributes, "sku": sku}, "serviceCode": p.service,
		"terms": map[string]any{"OnDemand": map[string]any{sku + ".JRTCKXETXF": map[string]any{"priceDimensions": dimensions, "sku": sku,
			"offerTermCode": "JRTCKXETXF"}}},
		"version": "20261101000000", "publicationDate": "2026-11-01T00:00:00Z",
	})
	return string(text), err
}
