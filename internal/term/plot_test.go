package term

import (
	"bytes"
	"flag"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// wave is n points of a sine, with a gap where hole says so.
func wave(n int, phase, amplitude float64, hole func(i int) bool) []float64 {
	points := make([]float64, n)
	for i := range points {
		points[i] = amplitude * (1 + math.Sin(phase+2*math.Pi*float64(i)/float64(n)))
		if hole != nil && hole(i) {
			points[i] = math.NaN()
		}
	}
	return points
}

func TestPlotGolden(t *testing.T) {
	start := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	one := Plot{
		Lines: []Line{{Label: `node_load1{instance="head:9100"}`, Points: wave(60, 0, 1, nil)}},
		Start: start, End: start.Add(time.Hour),
	}
	three := Plot{
		Lines: []Line{
			{Label: `{instance="a"}`, Points: wave(200, 0, 2e9, nil)},
			{Label: `{instance="b"}`, Points: wave(200, 2, 1e9, func(i int) bool { return i > 60 && i < 110 })},
			{Label: `{instance="c"}`, Points: []float64{math.NaN(), 3e9, math.NaN()}},
		},
		Start: start, End: start.Add(3 * 24 * time.Hour),
	}
	flat := Plot{
		Lines: []Line{{Label: "up", Points: []float64{1, 1}}},
		Start: start, End: start.Add(5 * time.Minute),
	}
	for name, plot := range map[string]Plot{"one": one, "three": three, "flat": flat} {
		for _, width := range []int{40, 80} {
			t.Run(name+strconv.Itoa(width), func(t *testing.T) {
				plot.Width = width
				var b bytes.Buffer
				if err := plot.Write(&b); err != nil {
					t.Fatal(err)
				}
				chart, _, _ := strings.Cut(b.String(), "\n\n")
				for l := range strings.Lines(chart) {
					if n := Columns(strings.TrimSuffix(l, "\n")); n > width {
						t.Errorf("a line of the chart has %d columns: %s", n, l)
					}
				}
				golden(t, name+strconv.Itoa(width), b.Bytes())
			})
		}
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got; -update rewrites):\n%s", path, diff)
	}
}

// TestColoursTakeNoColumns: the legend is aligned the same with and without them.
func TestColoursTakeNoColumns(t *testing.T) {
	plot := Plot{Width: 60}
	for i := range PlotLines + 1 {
		plot.Lines = append(plot.Lines, Line{Label: "series" + strconv.Itoa(i), Points: wave(20, float64(i), 1, nil)})
	}
	var plain, coloured bytes.Buffer
	if err := plot.Write(&plain); err != nil {
		t.Fatal(err)
	}
	plot.Style = Styler{on: true}
	if err := plot.Write(&coloured); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(coloured.String(), "\x1b[") {
		t.Fatal("no colours")
	}
	if diff := cmp.Diff(plain.String(), escape.ReplaceAllString(coloured.String(), "")); diff != "" {
		t.Errorf("colours change more than colours (-plain +coloured):\n%s", diff)
	}
}

// FuzzPlot: whatever comes back from a query can be drawn.
func FuzzPlot(f *testing.F) {
	f.Add(0.0, 1.0, 2.0, 80)
	f.Add(math.NaN(), math.Inf(1), math.Inf(-1), 0)
	f.Add(math.MaxFloat64, -math.MaxFloat64, 0.0, 40)
	f.Add(1e15, 1e15+0.125, math.NaN(), -5)
	f.Add(5e-324, 0.0, -5e-324, 200)
	f.Fuzz(func(t *testing.T, a, b, c float64, width int) {
		plot := Plot{
			Lines: []Line{{Label: "a", Points: []float64{a, b, c}}, {Label: "b", Points: []float64{c}}, {Label: "none"}},
			Start: time.Unix(0, 0), End: time.Unix(3600, 0), Width: width % 500,
		}
		var out bytes.Buffer
		if err := plot.Write(&out); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), "SERIES") {
			t.Error("no legend")
		}
	})
}

func TestShort(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 0.42: "0.42", 12345: "12.35k", -1.5e9: "-1.5G", 1e-9: "1e-09", 999.96: "1000", 2e15: "2e+15",
		math.Inf(1): "+Inf",
	} {
		if got := short(v); got != want {
			t.Errorf("short(%v) = %q, want %q", v, got, want)
		}
	}
	if got := short(math.NaN()); got != "-" {
		t.Errorf("short(NaN) = %q", got)
	}
}
