package dashboard

import (
	"bytes"
	"encoding/json"
	"testing"
)

func TestForFillsInEveryReference(t *testing.T) {
	for _, d := range All() {
		before := bytes.Count(d.JSON, []byte(`"`+Placeholder+`"`))
		got, err := d.For(Sources{"grafana-amazonprometheus-datasource", "my-uid", "my-cloudwatch"})
		if err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(got, []byte(`"type":"grafana-amazonprometheus-datasource","uid":"my-uid"`)); n != before || n == 0 {
			t.Errorf("%s: %d of %d references filled in", d.UID, n, before)
		}
		if bytes.Contains(got, []byte("of-the-workspace")) {
			t.Errorf("%s: a placeholder is left", d.UID)
		}
		var model map[string]any
		if err := json.Unmarshal(got, &model); err != nil || model["uid"] != d.UID {
			t.Errorf("%s: %v, uid %v", d.UID, err, model["uid"])
		}
	}
}

// TestContent: what Grafana makes of a dashboard is the same dashboard, what a person
// makes of it is another one, and its tag says what was installed.
func TestContent(t *testing.T) {
	d := All()[0]
	installed, err := d.For(Sources{"prometheus", "uid", "cw"})
	if err != nil {
		t.Fatal(err)
	}
	content, err := Content(installed)
	mark, found := MarkOf(installed)
	if err != nil || !found || mark.Content != content {
		t.Fatalf("%v, %v: the tag says %+v, the content is %s", err, found, mark, content)
	}
	other, err := d.For(Sources{"grafana-amazonprometheus-datasource", "uid", "cw"})
	if err != nil {
		t.Fatal(err)
	}
	if second, _ := MarkOf(other); second.Content != content || second.Source == mark.Source {
		t.Errorf("with another plugin the tag says %+v, was %+v", second, mark)
	}
	for change, same := range map[[2]string]bool{
		{`"editable":false`, `"editable":false,"version":7,"weekStart":""`}: true,
		{`"title":"Nodes up"`, `"title":"Nodes that are up"`}:               false,
		{`sum(slurm_queue_pending`, `max(slurm_queue_pending`}:              false,
	} {
		if !bytes.Contains(installed, []byte(change[0])) {
			t.Fatalf("no %s in %s", change[0], installed)
		}
		changed, err := Content(bytes.Replace(installed, []byte(change[0]), []byte(change[1]), 1))
		if err != nil || (changed == content) != same {
			t.Errorf("%v: %s, was %s (%v)", change, changed, content, err)
		}
	}
	for _, text := range []string{`{`, `{"tags": ["parascope"]}`, `{"tags": 1}`} {
		if m, found := MarkOf([]byte(text)); found {
			t.Errorf("%s: %+v", text, m)
		}
	}
}
