package dataframe

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"time"
)

func TestNumbersThatJSONLacks(t *testing.T) {
	got, err := Read([]byte(
		`{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"a":"b"},"values":[[1.5,"1"],[2,"NaN"],[3,"+Inf"],[4,"-Inf"]]}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	if p := got.series[0].points[0]; p.value != 1 || p.at.UnixMilli() != 1500 || !math.IsNaN(got.series[0].points[1].value) {
		t.Errorf("read %+v", got)
	}
	left := 1000
	frames, err := got.Frames(Query{RefID: "A", Expr: "up", Step: time.Second, Left: &left})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(frames[0].Data)
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"values":[[1500,2000,3000,4000],[1,null,null,null]],"entities":[null,{"Inf":[2],"NaN":[1],"NegInf":[3]}]}`; string(raw) !=
		want {
		t.Errorf("frame %s, want %s", raw, want)
	}
}

// TestTextThatFramesRepeat: a short answer makes long frames, where each of its points or
// series has a text of the query or of the series.
func TestTextThatFramesRepeat(t *testing.T) {
	points := strings.TrimSuffix(strings.Repeat(`[1,"1"],`, 1000), ",")
	one := `{"metric":{"a":"` + strings.Repeat("x", 1000) + `"},"values":[` + points + `]}`
	many := strings.TrimSuffix(strings.Repeat(`{"metric":{"a":"xx"},"values":[[1,"1"]]},`, 1000), ",")
	for name, c := range map[string]struct {
		series string
		query  Query
		least  int // of bytes that are enough
	}{
		"labels of a table":    {one, Query{Format: "table"}, 1_001_000},
		"columns of a table":   {many, Query{Format: "table"}, 3000},
		"the query":            {many, Query{Expr: strings.Repeat("x", 1000), Legend: "__auto"}, 1_000_000},
		"a legend":             {many, Query{Legend: strings.Repeat("x", 1000)}, 2_000_000},
		"labels in a legend":   {many, Query{Legend: strings.Repeat("{{a}}", 100)}, 400_000},
		"names where none are": {many, Query{}, 16_000},
	} {
		got, err := Read([]byte(`{"status":"success","data":{"resultType":"matrix","result":[` + c.series + `]}}`))
		if err != nil {
			t.Fatal(err)
		}
		for _, left := range []int{c.least, c.least - 1} {
			enough := left == c.least
			c.query.Left = &left
			if _, err := got.Frames(c.query); (err == nil) != enough || !enough && !errors.Is(err, ErrTooLarge) {
				t.Errorf("%s: %v, enough: %t, %d are left", name, err, enough, left)
			}
		}
	}
	left := 1 << 30
	if _, err := (Result{}).Frames(Query{Legend: strings.Repeat("x", maxLegend+1), Left: &left}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a long legend: %v", err)
	}
}

// FuzzRead: whatever a data source answers, it becomes frames that can be
// sent on, or an error.
func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"__name__":"up"},"values":[[1,"1"]]}]}}`))
	f.Add([]byte(`{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"NaN"]},{"metric":null,"value":null}]}}`))
	f.Add([]byte(`{"status":"success","data":{"resultType":"scalar","result":[1e300,"2"]}}`))
	f.Add([]byte(`{"status":"error"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := Read(body)
		if err != nil {
			return
		}
		for _, format := range []string{"", "table"} {
			left := 1 << 20
			frames, err := got.Frames(Query{Format: format, Legend: "{{ a }}", Step: time.Second, Left: &left})
			if err != nil && left >= 0 {
				t.Errorf("%s: %v, and %d bytes are left", body, err, left)
			}
			if _, err := json.Marshal(frames); err != nil {
				t.Errorf("%s: %v", body, err)
			}
		}
	})
}
