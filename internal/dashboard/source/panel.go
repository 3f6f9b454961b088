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
	seconds         = "s"
	celsius         = "celsius"
	watts           = "watt"
	dollars         = "currencyUSD"
	dateTime        = "dateTimeAsIso" // milliseconds since 1970
	microseconds    = "µs"
	mebibytes       = "mbytes"
	hours           = "h"        // of a clock
	nodeHours       = "suffix:h" // of several nodes, GPUs or CPUs: as a length of time Grafana would make weeks of them
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
	links := grafana.NewDashboardLinkBuilder("Other dashboards").Type(grafana.DashboardLinkTypeDashboards).Tags([]string{"parascope"}).
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

// fewerPoints are those of lines that read several series of each GPU of a cluster, or of a job,
// which may have all of them.
const fewerPoints = 90

// lines is a time series panel of half a row.
func lines(title, description, unit string, queries ...*prometheus.DataqueryBuilder) *timeseries.PanelBuilder {
	p := timeseries.NewPanelBuilder().Title(title).Description(description).Unit(unit).
		Datasource(placeholder()).Span(12).Height(8).FillOpacity(0).MaxDataPoints(points).
		Legend(common.NewVizLegendOptionsBuilder().DisplayMode(
			common.LegendDisplayModeList).Placement(common.LegendPlacementBottom).ShowLegend(true))
	for _, q := range queries {
		p = p.WithTarget(q.Range())
	}
	return p
}

// parts is a time series panel whose lines are the parts of a whole, one above the other.
func parts(title, description, unit string, queries ...*prometheus.DataqueryBuilder) *timeseries.PanelBuilder {
	return lines(title, description, unit, queries...).Min(0).LineWidth(0).FillOpacity(60).Stacking(stacked())
}

func stacked() *common.StackingConfigBuilder {
	return common.NewStackingConfigBuilder().Mode(common.StackingModeNormal)
}

// number is a single value of a sixth of the page's width, green below and red from
// bad on. A bad of 0 says that no value of it is good or bad.
func number(title, description, unit, expr string, bad float64) *stat.PanelBuilder {
	return stat.NewPanelBuilder().Title(title).Description(description).Unit(unit).
		Datasource(placeholder()).Span(4).Height(4).NoValue("no data").
		GraphMode(common.BigValueGraphModeNone).
		Thresholds(judged(bad, "text")).
		ReduceOptions(common.NewReduceDataOptionsBuilder().Calcs([]string{"lastNotNull"})).
		WithTarget(query("A", expr, "").Instant())
}

// judged are the colours green, and red from a value on; where that is 0, one that does not judge.
func judged(bad float64, otherwise string) *grafana.ThresholdsConfigBuilder {
	if bad == 0 {
		return grafana.NewThresholdsConfigBuilder().Mode(grafana.ThresholdsModeAbsolute).Steps([]grafana.Threshold{{Color: otherwise}})
	}
	return redFrom(bad)
}

// redFrom are the colours green, and red from a value on.
func redFrom(bad float64) *grafana.ThresholdsConfigBuilder {
	return grafana.NewThresholdsConfigBuilder().Mode(grafana.ThresholdsModeAbsolute).
		Steps([]grafana.Threshold{{Color: "green"}, {Color: "red", Value: &bad}})
}

// redBelow are the colours red, and green from a value on.
func redBelow(good float64) *grafana.ThresholdsConfigBuilder {
	return grafana.NewThresholdsConfigBuilder().Mode(grafana.ThresholdsModeAbsolute).
		Steps([]grafana.Threshold{{Color: "red"}, {Color: "green", Value: &good}})
}

// bars is a list of values as they are now, in the order in which the query sorts them: one line
// for each, as number colours it.
func bars(title, description, unit, expr, legend string, bad float64) *bargauge.PanelBuilder {
	return bargauge.NewPanelBuilder().Title(title).Description(description).Unit(unit).
		Datasource(placeholder()).Span(12).Height(8).NoValue("none").Min(0).
		Orientation(common.VizOrientationHorizontal).DisplayMode(common.BarGaugeDisplayModeBasic).
		NamePlacement(common.BarGaugeNamePlacementLeft).MinVizHeight(8).
		Thresholds(judged(bad, "blue")).
		ReduceOptions(common.NewReduceDataOptionsBuilder().Calcs([]string{"lastNotNull"})).
		WithTarget(query("A", expr, legend).Instant())
}

// history is a row of cells for each series, coloured by value: when was what so.
func history(title, description, unit string, colours *grafana.ThresholdsConfigBuilder,
	queries ...*prometheus.DataqueryBuilder) *statushistory.PanelBuilder {
	p := statushistory.NewPanelBuilder().Title(title).Description(description).Unit(unit).
		Datasource(placeholder()).Span(24).Height(10).ShowValue(common.VisibilityModeNever).MaxDataPoints(120).
		Thresholds(colours).ColorScheme(grafana.NewFieldColorBuilder().Mode(grafana.FieldColorModeIdThresholds)).
		Legend(common.NewVizLegendOptionsBuilder().DisplayMode(
			common.LegendDisplayModeList).Placement(common.LegendPlacementBottom).ShowLegend(true))
	for _, q := range queries {
		p = p.WithTarget(q.Range())
	}
	return p
}

// heat are the colours of a share of use: grey where nothing is done, the darker a blue the more
// is. Green and red would say that one is good and the other bad.
func heat() *grafana.ThresholdsConfigBuilder {
	at := func(v float64, colour string) grafana.Threshold { return grafana.Threshold{Color: colour, Value: &v} }
	return grafana.NewThresholdsConfigBuilder().Mode(grafana.ThresholdsModeAbsolute).Steps([]grafana.Threshold{
		{Color: "#9ca3af"}, at(0.05, "#bfdbfe"), at(0.3, "#60a5fa"), at(0.6, "#2563eb"), at(0.85, "#1e40af")})
}

// column is a label of a table's rows and the head of its column.
type column struct{ label, title string }

// rows is a table of what a query answers now: a column for each label, and the value's, unless
// value is empty because all values are the same.
func rows(title, description, unit, value, expr string, columns ...column) *table.PanelBuilder {
	names, order := map[string]string{}, map[string]int{}
	var labels []string
	for i, c := range columns {
		names[c.label], order[c.label] = c.title, i
	}
	for _, c := range columns {
		labels = append(labels, c.label)
	}
	if value != "" {
		names["Value"], order["Value"] = value, len(columns)
		labels = append(labels, "Value")
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

// nodesOf is a hidden variable of the nodes of what a selector finds in the time range. Queries
// about these select by it, and read no series of other nodes.
func nodesOf(name, selector string) *grafana.QueryVariableBuilder {
	definition := "label_values(" + selector + ", node)"
	return labelValues(name, name, selector).Query(grafana.StringOrMap{String: &definition}).Definition(definition).
		Multi(true).IncludeAll(true).Hide(grafana.VariableHideHideVariable)
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
