package term

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/guptarohit/asciigraph"
)

// Line is one line of a plot: points evenly spaced over the plot's time, NaN
// where there is none.
type Line struct {
	Label  string
	Points []float64
}

// Plot is a chart of lines over time, with a legend.
type Plot struct {
	Lines      []Line
	Start, End time.Time // their location is the one that the axis is labelled in
	Width      int       // columns in all
	Style      Styler
}

// plotRows is the height of the chart in steps; there is one row more.
const plotRows = 12

// fewestColumns are drawn however narrow the terminal is.
const fewestColumns = 10

// PlotColumns is about how many points a plot of that width can show, beside
// the labels of its axes.
func PlotColumns(width int) int { return max(width-12, fewestColumns) }

// PlotLines is how many lines a plot can show so that they are told apart
// without colour: by the sign that each is drawn with.
const PlotLines = 8

var (
	signs  = [PlotLines]string{"─", "*", "+", "o", "x", "#", "@", "%"}
	colors = [PlotLines]asciigraph.AnsiColor{
		asciigraph.DodgerBlue, asciigraph.Orange, asciigraph.LimeGreen, asciigraph.Violet,
		asciigraph.Gold, asciigraph.Tomato, asciigraph.Turquoise, asciigraph.Silver,
	}
)

// Write draws the first PlotLines lines, and lists them all with their least,
// greatest and last value.
func (p Plot) Write(w io.Writer) error {
	var b strings.Builder
	b.WriteString(p.chart())
	rows := make([][]string, len(p.Lines))
	for i, l := range p.Lines {
		low, high, last := summary(l.Points)
		rows[i] = []string{p.sign(i), short(low), short(high), short(last), Clean(l.Label)}
	}
	columns := []Column{{Title: " "}, {Title: "MIN", Right: true}, {Title: "MAX", Right: true}, {Title: "LAST", Right: true},
		{Title: "SERIES"}}
	if err := drawTable(&b, p.Style, columns, rows); err != nil {
		return err
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("could not write the plot: %w", err)
	}
	return nil
}

// chart draws the lines, or nothing where they have no finite point.
func (p Plot) chart() string {
	drawn := p.Lines[:min(len(p.Lines), PlotLines)]
	low, high := math.Inf(1), math.Inf(-1)
	for _, l := range drawn {
		for _, v := range l.Points {
			if finite(v) {
				low, high = min(low, v), max(high, v)
			}
		}
	}
	if low > high {
		return ""
	}
	// asciigraph computes rows from values and fails on very large or very close
	// ones, so it is given rows, and the labels are computed back from them.
	value := func(row float64) string { return short(unrow(row, low, high)) }
	columns := p.columns(value)
	data := make([][]float64, len(drawn))
	for i, l := range drawn {
		data[i] = stretch(l.Points, columns)
		for c, v := range data[i] {
			data[i][c] = row(v, low, high)
		}
	}
	options := []asciigraph.Option{
		asciigraph.YAxisValueFormatter(value),
		asciigraph.XAxisRange(0, 1),
		asciigraph.XAxisTickCount(max(2, columns/16)),
		asciigraph.XAxisValueFormatter(p.clock),
		asciigraph.SeriesChars(p.charSets()...),
	}
	if low < high { // else one row says it all
		options = append(options, asciigraph.LowerBound(0), asciigraph.UpperBound(plotRows), asciigraph.Height(plotRows))
	}
	if p.Style.on {
		options = append(options, asciigraph.SeriesColors(colors[:]...))
	}
	return asciigraph.PlotMany(data, options...) + "\n\n"
}

// columns is how wide the lines may be: left of them stand the value labels and
// an axis of three columns, right of them half the label of the last moment.
func (p Plot) columns(value func(row float64) string) int {
	label := 0
	for r := range plotRows + 1 {
		label = max(label, Columns(value(float64(r))))
	}
	return max(p.Width-label-3-Columns(p.clock(1))/2, fewestColumns)
}

// charSets draws a single line in box characters, several each with its sign.
func (p Plot) charSets() []asciigraph.CharSet {
	sets := make([]asciigraph.CharSet, PlotLines)
	for i, s := range signs {
		sets[i] = asciigraph.CreateCharSet(s)
	}
	sets[0] = asciigraph.DefaultCharSet
	return sets
}

// sign is how line i is drawn, for the legend.
func (p Plot) sign(i int) string {
	switch {
	case i >= PlotLines:
		return " "
	case p.Style.on:
		return colors[i].String() + signs[i] + asciigraph.Default.String()
	}
	return signs[i]
}

// clock labels a place on the time axis, between 0 and 1.
func (p Plot) clock(x float64) string {
	span := p.End.Sub(p.Start)
	t := p.Start.Add(time.Duration(x * float64(span)))
	switch {
	case span <= 10*time.Minute:
		return t.Format("15:04:05")
	case span <= 24*time.Hour:
		return t.Format("15:04")
	}
	return t.Format("Jan 2 15:04")
}

// row scales v to the rows of the chart. Halves keep the range of the largest
// floats from overflowing.
func row(v, low, high float64) float64 {
	switch {
	case !finite(v):
		return math.NaN()
	case high == low:
		return 0
	}
	return (v/2 - low/2) / (high/2 - low/2) * plotRows
}

// unrow is the value that a row of the chart stands for.
func unrow(r, low, high float64) float64 {
	share := r / plotRows
	v := low*(1-share) + high*share
	if math.Abs(v) < (high/2-low/2)*1e-9 {
		return 0 // where the two ends cancel out but for rounding
	}
	return v
}

// stretch spreads points over n columns: between two points it interpolates,
// beside a gap it takes the nearer one.
func stretch(points []float64, n int) []float64 {
	out := make([]float64, n)
	for c := range out {
		if len(points) == 0 {
			out[c] = math.NaN()
			continue
		}
		at := float64(c) * float64(len(points)-1) / float64(n-1)
		left := int(at)
		right := min(left+1, len(points)-1)
		share := at - float64(left)
		switch a, b := points[left], points[right]; {
		case finite(a) && finite(b):
			out[c] = a*(1-share) + b*share
		case share < 0.5:
			out[c] = a
		default:
			out[c] = b
		}
	}
	return out
}

// summary is the least, the greatest and the last of the points that there are;
// all three are NaN where there is none.
func summary(points []float64) (low, high, last float64) {
	low, high, last = math.NaN(), math.NaN(), math.NaN()
	for _, v := range points {
		if math.IsNaN(v) {
			continue
		}
		if math.IsNaN(low) {
			low, high = v, v
		}
		low, high, last = min(low, v), max(high, v), v
	}
	return low, high, last
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// short writes v with four digits and a decimal prefix, for people.
func short(v float64) string {
	if math.IsNaN(v) {
		return "-"
	}
	size := math.Abs(v)
	if !finite(v) || size >= 1e15 || (size < 1e-3 && v != 0) {
		return strconv.FormatFloat(v, 'g', 3, 64)
	}
	prefixes := []string{"", "k", "M", "G", "T"}
	i := 0
	for ; math.Abs(v) >= 1000 && i < len(prefixes)-1; i++ {
		v /= 1000
	}
	return strconv.FormatFloat(v, 'g', 4, 64) + prefixes[i]
}
