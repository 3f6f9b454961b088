package queries

import (
	"fmt"
	"math"
	"time"

	"github.com/prometheus/common/model"

	"github.com/parascope/parascope/internal/amp"
	"github.com/parascope/parascope/internal/cli"
	"github.com/parascope/parascope/internal/term"
)

// printResult prints what reads best: JSON as it came, a range as a plot, and
// everything else as a table with the value first, since series may be long.
func printResult(p *cli.Process, result amp.Result, m moments, asJSON bool) error {
	if asJSON {
		_, err := fmt.Fprintf(p.Stdout, "%s\n", result.Raw)
		return err
	}
	value := term.Column{Title: "VALUE", Right: true}
	style := term.Style(p.Stdout, p.Getenv)
	var rows [][]string
	switch v := result.Value.(type) {
	case model.Matrix:
		if m.span >= m.step && m.span > 0 { // else there is one point, and nothing to plot
			return printPlot(p, v, m, style)
		}
		for _, series := range v {
			for _, pair := range series.Values {
				rows = append(rows, []string{pair.Value.String(), clock(pair.Timestamp), series.Metric.String()})
			}
			for _, pair := range series.Histograms {
				rows = append(rows, []string{histogram(pair.Histogram), clock(pair.Timestamp), series.Metric.String()})
			}
		}
		if len(rows) > 0 {
			return term.Table(p.Stdout, style, []term.Column{value, {Title: "TIME"}, {Title: "SERIES"}}, rows)
		}
	case model.Vector:
		for _, s := range v {
			text := s.Value.String()
			if s.Histogram != nil {
				text = histogram(s.Histogram)
			}
			rows = append(rows, []string{text, s.Metric.String()})
		}
		if len(rows) > 0 {
			return term.Table(p.Stdout, style, []term.Column{value, {Title: "SERIES"}}, rows)
		}
	case *model.Scalar:
		return term.Printf(p.Stdout, "%s\n", v.Value.String())
	case *model.String:
		return term.Printf(p.Stdout, "%s\n", v.Value)
	}
	return nil
}

func clock(t model.Time) string { return t.Time().Local().Format(time.RFC3339) }

func histogram(h *model.SampleHistogram) string {
	return fmt.Sprintf("count %v sum %v", h.Count, h.Sum)
}

func printPlot(p *cli.Process, series model.Matrix, m moments, style term.Styler) error {
	if len(series) == 0 {
		return nil
	}
	start := m.start()
	plot := term.Plot{
		Start: start.Local(),
		End:   m.at.Local(),
		Width: term.Width(p.Stdout),
		Style: style,
	}
	histograms := false
	for _, s := range series {
		histograms = histograms || len(s.Histograms) > 0
		plot.Lines = append(plot.Lines, term.Line{Label: s.Metric.String(), Points: grid(s.Values, start, m)})
	}
	if len(series) > term.PlotLines {
		fmt.Fprintf(p.Stderr, "Only the first %d of %d series are drawn; use topk(%d, …) or sum by (…) to draw fewer.\n", term.PlotLines,
			len(series),
			term.PlotLines)
	}
	if histograms {
		fmt.Fprintln(p.Stderr, "Histograms are not drawn; convert them with histogram_quantile(0.9, …), or use --json.")
	}
	return plot.Write(p.Stdout)
}

// grid puts the points of a range into their places; NaN where there is none.
func grid(values []model.SamplePair, start time.Time, m moments) []float64 {
	points := make([]float64, m.span/m.step+1)
	for i := range points {
		points[i] = math.NaN()
	}
	for _, v := range values {
		i := int(math.Round(v.Timestamp.Time().Sub(start).Seconds() / m.step.Seconds()))
		if i >= 0 && i < len(points) {
			points[i] = float64(v.Value)
		}
	}
	return points
}
