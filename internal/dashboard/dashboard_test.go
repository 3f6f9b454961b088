package dashboard

import (
	"bytes"
	"encoding/json"
	"testing"
)

func TestForFillsInEveryReference(t *testing.T) {
	for _, d := range All() {
		before := bytes.Count(d.JSON, []byte(`"`+Placeholder+`"`))
		got, err := d.For("grafana-amazonprometheus-datasource", "my-uid")
		if err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(got, []byte(`"type":"grafana-amazonprometheus-datasource","uid":"my-uid"`)); n != before || n == 0 {
			t.Errorf("%s: %d of %d references filled in", d.UID, n, before)
		}
		var model map[string]any
		if err := json.Unmarshal(got, &model); err != nil || model["uid"] != d.UID {
			t.Errorf("%s: %v, uid %v", d.UID, err, model["uid"])
		}
	}
}
