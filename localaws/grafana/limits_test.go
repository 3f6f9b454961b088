package grafana_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/grafana/types"
	"github.com/grafana/grafana-openapi-client-go/models"

	"github.com/parascope/parascope/localaws/localtest/check"
)

// TestAnswersTogether: what data sources answer to the queries of one request is bounded,
// and so are the texts that frames repeat.
func TestAnswersTogether(t *testing.T) {
	s := startSite(t, "12.4", types.RoleAdmin)
	asked, goOn := make(chan bool), make(chan bool)
	wide := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, strings.Repeat(" ", 20<<20)+`{"status":"success","data":{"resultType":"scalar","result":[1,"1"]}}`)
		if r.URL.Path == "/slow/api/v1/query" {
			check.OK(t, http.NewResponseController(w).Flush())
			asked <- true
			<-goOn
		}
	}))
	defer wide.Close()
	letGo := sync.OnceFunc(func() { close(goOn) })
	defer letGo()
	_, err := s.grafana().Datasources.AddDataSource(s.amazonPrometheus())
	check.OK(t, err)
	_, err = s.grafana().Datasources.AddDataSource(&models.AddDataSourceCommand{Name: "Wide", UID: "wide", Type: "prometheus", Access: "proxy",
		URL: wide.URL})
	check.OK(t, err)
	_, err = s.grafana().Datasources.AddDataSource(&models.AddDataSourceCommand{Name: "Slow", UID: "slow", Type: "prometheus", Access: "proxy",
		URL: wide.URL + "/slow"})
	check.OK(t, err)
	s.key = s.token(t, types.RoleViewer)
	const refused = "returns at most 33554432 bytes of data per request"
	status, raw := s.raw(t, "POST", "/api/ds/query", panel(`{"refId":"A","datasource":"Wide","expr":"1","instant":true}`,
		`{"refId":"B","datasource":{"uid":"wide"},"expr":"1","instant":true}`))
	if status != 400 || !strings.Contains(string(raw), `"A":{"frames":[{`) || strings.Count(string(raw), refused) != 1 {
		t.Errorf("two answers of 20 MB: %d %.300s", status, raw)
	}
	// Three requests together have 60 MB, of 64 MB that there are for all.
	var slow sync.WaitGroup
	for range 3 {
		slow.Go(func() {
			if status, raw := s.raw(t, "POST", "/api/ds/query", panel(`{"refId":"A","datasource":{"uid":"slow"},"expr":"1","instant":true}`)); status !=
				200 {
				t.Errorf("beside others: %d %.300s", status, raw)
			}
		})
		<-asked
	}
	one := panel(`{"refId":"A","datasource":{"uid":"wide"},"expr":"1","instant":true}`)
	check.Await(t, "there is no room for another", func() error {
		if status, raw := s.raw(t, "POST", "/api/ds/query", one); status != 400 || !strings.Contains(string(raw), "limit of memory") {
			return fmt.Errorf("%d %.300s", status, raw)
		}
		return nil
	})
	letGo()
	slow.Wait()
	if status, raw := s.raw(t, "POST", "/api/ds/query", one); status != 200 {
		t.Errorf("after the others: %d %.300s", status, raw)
	}
	label := strings.Repeat("x", 100_000) // on 720 points
	status, raw = s.raw(t, "POST", "/api/ds/query", json.RawMessage(`{"from":"now-3h","to":"now","queries":[{"refId":"A","format":"table",
		"expr":"label_replace(vector(1), \"a\", \"`+label+`\", \"\", \"\")"}]}`))
	if status != 400 || !strings.Contains(string(raw), refused) {
		t.Errorf("a table of 72 MB: %d %.300s", status, raw)
	}
}

// TestBodiesAreGivenBack: the memory that bodies may take together is there again for the
// next ones.
func TestBodiesAreGivenBack(t *testing.T) {
	s := startSite(t, "12.4", types.RoleViewer)
	for range 10 { // 150 MB, of which 128 MB may be in work
		if status, raw := s.raw(t, "POST", "/api/ds/query", strings.Repeat("x", 15<<20)); status != 400 {
			t.Fatalf("%d %.300s", status, raw)
		}
	}
}
