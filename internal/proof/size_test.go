package proof

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
)

// Bounds of what a dashboard asks of a cluster of many nodes.
const (
	manyNodes  = 256
	maxQueries = 30        // of one dashboard
	maxSamples = 1_000_000 // that one query reads
)

// testSize bounds what queries read on a cluster of 256 nodes with eight GPUs each, scraped
// every 30 seconds: what they read here, times how many more nodes those are, and, where a
// query reads spans, times how much more often those are scraped.
func (d *day) testSize(t *testing.T) {
	all, _ := promTargets(t)
	queries := map[string]int{}
	largest, of := 0.0, target{}
	for _, q := range all {
		if queries[q.board]++; queries[q.board] == maxQueries+1 {
			t.Errorf("%s asks more than %d queries", q.board, maxQueries)
		}
		if !q.instant && q.points == 0 {
			t.Errorf("%s does not bound its points", q)
		}
		read, err := d.read(q)
		if err != nil {
			t.Errorf("%s: %v", q, err)
		}
		more := manyNodes / 12.0
		if strings.Contains(q.expr, "DCGM_") || strings.Contains(q.expr, "gpu") {
			more = manyNodes / 4.0 // four of the twelve have GPUs
		}
		read *= more
		switch {
		case strings.Contains(q.expr, "[1h]"), strings.Contains(q.expr, "[6h]"), strings.Contains(q.expr, "[$__range]"):
			read *= d.interval.Seconds() / 30
		case strings.Contains(q.expr, "[$__rate_interval]"):
			read *= 5.0 / 4 // a step of two minutes and a scrape, instead of four scrapes
		}
		if strings.Contains(q.expr, "slurm_job_wait_seconds") { // scraped every minute; 15 buckets of 8 partitions instead of 4 of one
			read *= 30 / more / 2
		}
		if read > maxSamples && !oneOfMany[q.board] {
			t.Errorf("%s reads %.0f samples of %d nodes", q, read, manyNodes)
		}
		if read > largest && !oneOfMany[q.board] {
			largest, of = read, q
		}
	}
	t.Logf("the largest query over %d nodes is %s: %.0f samples", manyNodes, of, largest)
}

// oneOfMany are boards on which one machine is chosen.
var oneOfMany = map[string]bool{"node": true, "gpu-node": true}

// read is how many samples a query reads of the healthy cluster, as the dashboard asks it.
func (d *day) read(q target) (float64, error) {
	end := midnight + moments[0]*3600
	form := url.Values{"query": {d.expand(q.expr, "healthy")}, "stats": {"all"}}
	path := "/api/v1/query"
	if q.instant {
		form.Set("time", strconv.FormatFloat(end, 'f', 0, 64))
	} else {
		path = "/api/v1/query_range"
		form.Set("start", strconv.FormatFloat(end-shown*3600, 'f', 0, 64))
		form.Set("end", strconv.FormatFloat(end, 'f', 0, 64))
		form.Set("step", strconv.FormatFloat(shown*3600/float64(max(q.points, 1)), 'f', 0, 64))
	}
	resp, err := http.PostForm(d.server.URL+path, form)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	var answer struct {
		Error string
		Data  struct {
			Stats struct {
				Samples struct{ TotalQueryableSamples float64 }
			}
		}
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || answer.Error != "" {
		return 0, fmt.Errorf("%w %s", err, answer.Error)
	}
	return answer.Data.Stats.Samples.TotalQueryableSamples, nil
}
