// Package dataframe makes Grafana's data frames: of what Prometheus answers, and of columns.
package dataframe

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Frame is a table of columns, in Grafana's JSON format for data frames.
type Frame struct {
	Schema frameSchema `json:"schema"`
	Data   frameData   `json:"data"`
}

type frameSchema struct {
	Name   string         `json:"name,omitempty"`
	RefID  string         `json:"refId"`
	Meta   map[string]any `json:"meta"`
	Fields []frameField   `json:"fields"`
}

type frameField struct {
	Name     string            `json:"name"`
	Type     string            `json:"type"`
	TypeInfo map[string]string `json:"typeInfo"`
	Labels   map[string]string `json:"labels,omitempty"`
	Config   map[string]any    `json:"config,omitempty"`
}

// frameData has the columns' values. Entities say which of their nulls are
// numbers that JSON does not have.
type frameData struct {
	Values   [][]any          `json:"values"`
	Entities []map[string]any `json:"entities,omitempty"`
}

// Query is what the answer is of, and how it is wanted.
type Query struct {
	RefID  string
	Expr   string // as it was sent
	Step   time.Duration
	Format string // "table" is one frame; all others are a frame per series
	Legend string // "{{instance}}", "__auto" or ""
	Left   *int   // bytes of texts that frames may still have; the answer has each once, frames repeat them
}

// ErrTooLarge is the error for frames with more text than Query.Left.
var ErrTooLarge = errors.New("the frames have too much text")

// maxLegend bounds a legend: each series has it, with its labels in it.
const maxLegend = 4096

// take counts bytes of text that a frame is going to have.
func (q Query) take(n int) error {
	if *q.Left -= n; *q.Left < 0 {
		return ErrTooLarge
	}
	return nil
}

// Result is what Prometheus answered a query with.
type Result struct {
	kind   string // matrix, vector, scalar
	series []series
}

type series struct {
	labels map[string]string
	points []point
}

type point struct {
	at    time.Time
	value float64
}

func (p *point) UnmarshalJSON(raw []byte) error {
	var at float64
	var value string
	if err := json.Unmarshal(raw, &[2]any{&at, &value}); err != nil {
		return err
	}
	v, err := strconv.ParseFloat(value, 64)
	p.at, p.value = time.UnixMilli(int64(math.Round(at*1000))).UTC(), v
	return err
}

// Read reads the body of a successful answer of Prometheus' API.
func Read(body []byte) (Result, error) {
	var got struct {
		Status string
		Data   struct {
			ResultType string
			Result     json.RawMessage
		}
	}
	if err := json.Unmarshal(body, &got); err != nil {
		return Result{}, fmt.Errorf("could not read the response of the data source: %w", err)
	}
	if got.Status != "success" {
		return Result{}, errors.New("the response of the data source is not from a Prometheus API")
	}
	out := Result{kind: got.Data.ResultType}
	var many []struct {
		Metric map[string]string
		Values []point
		Value  *point
	}
	var one point
	var err error
	switch out.kind {
	case "matrix", "vector":
		if err = json.Unmarshal(got.Data.Result, &many); err == nil {
			for _, m := range many {
				if m.Value != nil {
					m.Values = append(m.Values, *m.Value)
				}
				out.series = append(out.series, series{m.Metric, m.Values})
			}
		}
	case "scalar":
		err = json.Unmarshal(got.Data.Result, &one)
		out.series = []series{{map[string]string{}, []point{one}}}
	default:
		err = fmt.Errorf("result type %q is not matrix, vector or scalar", out.kind)
	}
	if err != nil {
		return Result{}, fmt.Errorf("could not read the response of the data source: %w", err)
	}
	return out, nil
}

// Frames are the result as the query wants it: a frame per series or, for a
// table, one with a column per label. The error is ErrTooLarge.
func (r Result) Frames(q Query) ([]Frame, error) {
	if len(q.Legend) > maxLegend {
		return nil, ErrTooLarge
	}
	meta := map[string]any{
		"type": "timeseries-multi", "typeVersion": []int{0, 1}, "custom": map[string]any{"resultType": r.kind},
		"executedQueryString": "Expr: " + q.Expr + "\nStep: " + q.Step.String(),
	}
	if r.kind != "matrix" {
		meta["type"] = "numeric-multi"
	}
	if len(r.series) == 0 {
		return []Frame{{frameSchema{RefID: q.RefID, Meta: meta, Fields: []frameField{}}, frameData{Values: [][]any{}}}}, nil
	}
	if q.Format == "table" {
		f, err := r.table(q, meta)
		return []Frame{f}, err
	}
	var frames []Frame
	for _, s := range r.series {
		name := s.legend(q.Legend, q.Expr)
		if err := q.take(len(q.Expr) + 2*len(name)); err != nil {
			return nil, err
		}
		times, values, entities := columns(s.points)
		config := map[string]any{}
		if name != "" {
			config["displayNameFromDS"] = name
		}
		f := Frame{
			frameSchema{name, q.RefID, meta, []frameField{
				timeField(map[string]any{"interval": q.Step.Milliseconds()}),
				{Name: "Value", Type: "number", TypeInfo: map[string]string{"frame": "float64"}, Labels: s.labels, Config: config},
			}},
			frameData{Values: [][]any{times, values}},
		}
		if entities != nil {
			f.Data.Entities = []map[string]any{nil, entities}
		}
		frames = append(frames, f)
	}
	return frames, nil
}

func timeField(config map[string]any) frameField {
	return frameField{Name: "Time", Type: "time", TypeInfo: map[string]string{"frame": "time.Time"}, Config: config}
}

// columns are points as two columns; entities tell where a null is NaN or infinite.
func columns(points []point) (times, values []any, entities map[string]any) {
	special := map[string][]int{}
	for i, p := range points {
		times = append(times, p.at.UnixMilli())
		switch {
		case math.IsNaN(p.value):
			special["NaN"] = append(special["NaN"], i)
		case math.IsInf(p.value, 1):
			special["Inf"] = append(special["Inf"], i)
		case math.IsInf(p.value, -1):
			special["NegInf"] = append(special["NegInf"], i)
		default:
			values = append(values, p.value)
			continue
		}
		values = append(values, nil)
	}
	for name, at := range special {
		if entities == nil {
			entities = map[string]any{}
		}
		entities[name] = at
	}
	return times, values, entities
}

// table is all series in one frame: time, a column per label, value.
func (r Result) table(q Query, meta map[string]any) (Frame, error) {
	names := map[string]bool{}
	var points []point
	for _, s := range r.series {
		row := 0
		for name, value := range s.labels {
			names[name] = true
			row += len(value)
		}
		if err := q.take(row * len(s.points)); err != nil {
			return Frame{}, err
		}
		points = append(points, s.points...)
	}
	if err := q.take(len(names) * len(points)); err != nil { // a place in each column
		return Frame{}, err
	}
	times, values, entities := columns(points)
	f := Frame{frameSchema{RefID: q.RefID, Meta: meta, Fields: []frameField{timeField(nil)}}, frameData{Values: [][]any{times}}}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		var column []any
		for _, s := range r.series {
			for range s.points {
				column = append(column, s.labels[name])
			}
		}
		f.Schema.Fields = append(f.Schema.Fields, frameField{Name: name, Type: "string", TypeInfo: map[string]string{"frame": "string"}})
		f.Data.Values = append(f.Data.Values, column)
	}
	f.Schema.Fields = append(f.Schema.Fields, frameField{Name: "Value", Type: "number", TypeInfo: map[string]string{"frame": "float64"}})
	f.Data.Values = append(f.Data.Values, values)
	if entities != nil {
		f.Data.Entities = append(make([]map[string]any, len(f.Data.Values)-1), entities)
	}
	return f, nil
}

var labelPattern = regexp.MustCompile(`\{\{\s*([^}]+?)\s*\}\}`)

// legend is the series' name: as the query's legend says, or its metric and
// labels. For "__auto" it is left to whoever draws.
func (s series) legend(format, expr string) string {
	switch {
	case format == "__auto" && len(s.labels) > 0:
		return ""
	case format != "" && format != "__auto":
		return labelPattern.ReplaceAllStringFunc(format, func(in string) string {
			return s.labels[labelPattern.FindStringSubmatch(in)[1]]
		})
	}
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(s.labels)) {
		if name != "__name__" {
			pairs = append(pairs, fmt.Sprintf("%s=%q", name, s.labels[name]))
		}
	}
	metric := s.labels["__name__"]
	switch {
	case len(pairs) > 0:
		return metric + "{" + strings.Join(pairs, ", ") + "}"
	case metric != "":
		return metric
	}
	return expr
}

// Column is a field of a frame that is made of values.
type Column struct {
	Name   string
	Type   string // time, number, string
	Labels map[string]string
	Legend string // the name that is shown; "" leaves it to whoever draws
	Values []any  // of times milliseconds
}

// Of makes a frame of columns; custom is what it says of itself.
func Of(refID, name string, custom map[string]any, columns ...Column) Frame {
	f := Frame{frameSchema{Name: name, RefID: refID, Meta: map[string]any{"custom": custom}, Fields: []frameField{}},
		frameData{Values: [][]any{}}}
	types := map[string]string{"time": "time.Time", "number": "float64", "string": "string"}
	for _, c := range columns {
		field := frameField{Name: c.Name, Type: c.Type, TypeInfo: map[string]string{"frame": types[c.Type]}, Labels: c.Labels}
		if c.Legend != "" {
			field.Config = map[string]any{"displayNameFromDS": c.Legend}
		}
		f.Schema.Fields = append(f.Schema.Fields, field)
		f.Data.Values = append(f.Data.Values, append([]any{}, c.Values...))
	}
	return f
}
