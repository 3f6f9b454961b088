package source

import (
	"github.com/grafana/grafana-foundation-sdk/go/common"
	grafana "github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"

	"github.com/parascope/parascope/internal/dashboard"
)

// Units as Grafana calls them.
const (
	percent        = "percentunit"
	bytesIEC       = "bytes"
	bytesPerSecond = "binBps"
	short          = "short"
)

// placeholder is the data source that the connector fills in.
func placeholder() common.DataSourceRef {
	plugin, uid := "prometheus", dashboard.Placeholder
	return common.DataSourceRef{Type: &plugin, Uid: &uid}
}

// query is one line of a panel; the data source stands in every target, which
// does not inherit it.
func query(refID, expr, legend string) *prometheus.DataqueryBuilder {
	return prometheus.NewDataqueryBuilder().RefId(refID).Expr(expr).LegendFormat(legend).Datasource(placeholder())
}

// lines is a time series panel of half a row.
func lines(title, description, unit string, queries ...*prometheus.DataqueryBuilder) *timeseries.PanelBuilder {
	p := timeseries.NewPanelBuilder().Title(title).Description(description).Unit(unit).Min(0).
		Datasource(placeholder()).Span(12).Height(8).FillOpacity(10).
		Legend(common.NewVizLegendOptionsBuilder().DisplayMode(
			common.LegendDisplayModeList).Placement(common.LegendPlacementBottom).ShowLegend(true))
	for _, q := range queries {
		p = p.WithTarget(q.Range())
	}
	return p
}

// number is a single value of a quarter of a row, green below and red from bad on;
// a bad of 0 leaves it green.
func number(title, description, unit, expr string, bad float64) *stat.PanelBuilder {
	steps := []grafana.Threshold{{Color: "green"}}
	if bad > 0 {
		steps = append(steps, grafana.Threshold{Color: "red", Value: &bad})
	}
	return stat.NewPanelBuilder().Title(title).Description(description).Unit(unit).
		Datasource(placeholder()).Span(6).Height(4).NoValue("no data").
		GraphMode(common.BigValueGraphModeNone).
		Thresholds(grafana.NewThresholdsConfigBuilder().Mode(grafana.ThresholdsModeAbsolute).Steps(steps)).
		ReduceOptions(common.NewReduceDataOptionsBuilder().Calcs([]string{"lastNotNull"})).
		WithTarget(query("A", expr, "").Instant())
}

// labelValues is a variable of all values of a label; more than one can be chosen.
func labelValues(name, label, selector string) *grafana.QueryVariableBuilder {
	definition := "label_values(" + selector + ", " + name + ")"
	return grafana.NewQueryVariableBuilder(name).Label(label).
		Query(grafana.StringOrMap{String: &definition}).Definition(definition).
		Datasource(placeholder()).
		Refresh(grafana.VariableRefreshOnTimeRangeChanged).Sort(grafana.VariableSortAlphabeticalAsc).
		Multi(true).IncludeAll(true).AllValue(".*")
}
