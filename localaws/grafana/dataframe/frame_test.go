package dataframe

import (
	"encoding/json"
	"math"
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
	raw, err := json.Marshal(got.Frames(Query{RefID: "A", Expr: "up", Step: time.Second})[0].Data)
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"values":[[1500,2000,3000,4000],[1,null,null,null]],"entities":[null,{"Inf":[2],"NaN":[1],"NegInf":[3]}]}`; string(raw) !=
		want {
		t.Errorf("frame %s, want %s", raw, want)
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
			if _, err := json.Marshal(got.Frames(Query{Format: format, Legend: "{{ a }}", Step: time.Second})); err != nil {
				t.Errorf("%s: %v", body, err)
			}
		}
	})
}
