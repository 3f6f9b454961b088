package source

import (
	"strconv"

	"github.com/grafana/grafana-foundation-sdk/go/bargauge"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	grafana "github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/statushistory"
	"github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"

	"github.com/parascope/parascope/internal/dashboard"
)

// Units as Grafana calls them.
const (
	percent         = "percentunit" // 0 to 1
	bytesIEC        = "bytes"
	bytesPerSecond  = "binBps"
	short           = "short"
	perSecond       = "cps"
	seconds         = "s"
	celsius         = "celsius"
	watts           = "watt"
	dollars         = "currencyUSD"
	dateTime        = "dateTimeAsIso" // milliseconds since 1970
	microseconds    = "µs"
	mebibytes       = "mbytes"
	hours           = "h"
	requestsPerSec  = "reqps"
	operationsPerS  = "iops"
	packetsOfSecond = "pps"
)

// placeholder is the data source that the connector fills in.
func placeholder() common.DataSourceRef {
	plugin, uid := "prometheus", dashboard.Placeholder
	return common.DataSourceRef{Type: &plugin, Uid: &uid}
}

// board is a dashboard with what all of them have: the cluster's variable, links to
// the others that keep time range and variables, and a crosshair.
func board(uid, title, description string) *grafana.DashboardBuilder {
	links := grafana.NewDashboardLinkBuilder("parascope").Type(grafana.DashboardLinkTypeDashboards).Tags([]string{"parascope"}).
		AsDropdown(true).IncludeVars(true).KeepTime(true)
	return grafana.NewDashboardBuilder(title).Uid(uid).Description(description).
		Tags([]string{"parascope"}).Readonly().Tooltip(grafana.DashboardCursorSyncCrosshair).
		Time("now-6h", "now").Refresh("1m").Timezone("browser").
		Link(links).
		WithVariable(oneOf("cluster", "Cluster", "up"))
}

// query is one line of a panel; the data source stands in every target, which
// does not inherit it.
func query(refID, expr, legend string) *prometheus.DataqueryBuilder {
	return prometheus.NewDataqueryBuilder().RefId(refID).Expr(expr).LegendFormat(legend).Datasource(placeholder())
}

// points are how many a line has at most. Of 256 nodes with eight GPUs each, more would be
// millions of samples for one query.
const points = 180

// fewerPoints are those of lines that read three series of each GPU of a job, which may have all
// GPUs of a cluster.
const fewerPoints = 150

// lines is a time series panel of half a row.
func lines(title, description, unit string, queries ...*prometheus.DataqueryBuilder) *timeseries.PanelBuilder {
	p := timeseries.NewPanelBuilder().Title(title).Description(description).Unit(unit).
		Datasource(placeholder()).Span(12).Height(8).FillOpacity(10).MaxDataPoints(points).
		Legend(common.NewVizLegendOptionsBuilder().DisplayMode(
			common.LegendDisplayModeList).Placement(common.LegendPlacementBottom).ShowLegend(true))
	for _, q := range queries {
		p = p.WithTarget(q.Range())
	}
	return p
}

// number is a single value of an eighth of the page's width, green below and red from
// bad on; a bad of 0 leaves it green.
func number(title, description, unit, expr string, bad float64) *stat.PanelBuilder {
	return stat.NewPanelBuilder().Title(title).Description(description).Unit(unit).
		Datasource(placeholder()).Span(4).Height(4).NoValue("no data").
		GraphMode(common.BigValueGraphModeNone).
		Thresholds(redFrom(bad)).
		ReduceOptions(common.NewReduceDataOptionsBuilder().Calcs([]string{"lastNotNull"})).
		WithTarget(query("A", expr, "").Instant())
}

// redFrom are the colours green, and red from a value on unless it is 0.
func redFrom(bad float64) *grafana.ThresholdsConfigBuilder {
	steps := []grafana.Threshold{{Color: "green"}}
	if bad != 0 {
		steps = append(steps, grafana.Threshold{Color: "red", Value: &bad})
	}
	return grafana.NewThresholdsConfigBuilder().Mode(grafana.ThresholdsModeAbsolute).Steps(steps)
}

// redBelow are the colours red, and green from a value on.
func redBelow(good float64) *grafana.ThresholdsConfigBuilder {
	return grafana.NewThresholdsConfigBuilder().Mode(grafana.ThresholdsModeAbsolute).
		Steps([]grafana.Threshold{{Color: "red"}, {Color: "green", Value: &good}})
}

// bars is a list of values as they are now, in the order in which the query sorts them.
func bars(title, description, unit, expr, legend string, bad float64) *bargauge.PanelBuilder {
	return bargauge.NewPanelBuilder().Title(title).Description(description).Unit(unit).
		Datasource(placeholder()).Span(12).Height(8).NoValue("none").Min(0).
		Orientation(common.VizOrientationHorizontal).DisplayMode(common.BarGaugeDisplayModeBasic).
		Thresholds(redFrom(bad)).
		ReduceOptions(common.NewReduceDataOptionsBuilder().Calcs([]string{"lastNotNull"})).
		WithTarget(query("A", expr, legend).Instant())
}

// history is a row of cells for each series, coloured by value: when was what so.
func history(title, description, unit, expr, legend string, colours *grafana.ThresholdsConfigBuilder) *statushistory.PanelBuilder {
	return statushistory.NewPanelBuilder().Title(title).Description(description).Unit(unit).
		Datasource(placeholder()).Span(24).Height(10).ShowValue(common.VisibilityModeNever).MaxDataPoints(120).
		Thresholds(colours).
		WithTarget(query("A", expr, legend).Range())
}

// heat are the colours of a share of use: grey where nothing is done, the darker a blue the more
// is. Green and red would say that one is good and the other bad.
func heat() *grafana.ThresholdsConfigBuilder {
	at := func(v float64, colour string) grafana.Threshold { return grafana.Threshold{Color: colour, Value: &v} }
	return grafana.NewThresholdsConfigBuilder().Mode(grafana.ThresholdsModeAbsolute).Steps([]grafana.Threshold{
		{Color: "#4b5563"}, at(0.05, "#bfdbfe"), at(0.3, "#60a5fa"), at(0.6, "#2563eb"), at(0.85, "#1e40af")})
}

// column is a label of a table's rows and the head of its column.
type column struct{ label, title string }

// rows is a table of what a query answers now: a column for each label, and the value's.
func rows(title, description, unit, value, expr string, columns ...column) *table.PanelBuilder {
	names, order := map[string]string{"Value": value}, map[string]int{}
	for i, c := range columns {
		names[c.label], order[c.label] = c.title, i
	}
	order["Value"] = len(columns)
	labels := []string{"Value"}
	for _, c := range columns {
		labels = append(labels, c.label)
	}
	return table.NewPanelBuilder().Title(title).Description(description).Unit(unit).
		Datasource(placeholder()).Span(12).Height(8).NoValue("none").
		WithTarget(query("A", expr, "").Instant().Format(prometheus.PromQueryFormatTable)).
		WithTransformation(grafana.DataTransformerConfig{Id: "filterFieldsByName",
			Options: map[string]any{"include": map[string]any{"names": labels}}}).
		WithTransformation(grafana.DataTransformerConfig{Id: "organize",
			Options: map[string]any{"excludeByName": map[string]bool{"Time": true}, "indexByName": order, "renameByName": names}})
}

// texts replaces values of a column, or of a panel, by words.
func texts(words map[string]string) []grafana.ValueMapping {
	options := map[string]grafana.ValueMappingResult{}
	index := int32(0)
	for _, value := range sortedKeys(words) {
		text, i := words[value], index
		options[value] = grafana.ValueMappingResult{Text: &text, Index: &i}
		index++
	}
	return []grafana.ValueMapping{{ValueMap: &grafana.ValueMap{Type: grafana.MappingTypeValueToText, Options: options}}}
}

// oneOf is a variable of the values of a label, of which one is chosen.
func oneOf(name, label, selector string) *grafana.QueryVariableBuilder {
	return labelValues(name, label, selector)
}

// someOf is a variable of the values of a label, of which several can be chosen. There is no
// choice of all: Grafana would make it where none is chosen yet, and draw thousands of lines.
func someOf(name, label, selector string) *grafana.QueryVariableBuilder {
	return labelValues(name, label, selector).Multi(true)
}

func labelValues(name, label, selector string) *grafana.QueryVariableBuilder {
	definition := "label_values(" + selector + ", " + name + ")"
	return grafana.NewQueryVariableBuilder(name).Label(label).
		Query(grafana.StringOrMap{String: &definition}).Definition(definition).
		Datasource(placeholder()).
		Refresh(grafana.VariableRefreshOnTimeRangeChanged).Sort(grafana.VariableSortAlphabeticalAsc)
}

// row begins a part of a page.
func row(title string) *grafana.RowBuilder { return grafana.NewRowBuilder(title) }

// top is the largest n of an expression, as a bar list asks for them.
func top(n int, expr string) string { return "topk(" + strconv.Itoa(n) + ", " + expr + ")" }

// bottom is the smallest n of an expression.
func bottom(n int, expr string) string { return "bottomk(" + strconv.Itoa(n) + ", " + expr + ")" }
