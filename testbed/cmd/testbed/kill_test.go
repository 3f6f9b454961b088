//go:build linux

package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/parascope/parascope/localaws"
	"github.com/parascope/parascope/localaws/localtest/check"
)

// fault has the local cloud's workspaces answer 503 to all that is sent, or no longer.
func (c *cloud) fault(t *testing.T, method string) {
	t.Helper()
	body := []byte(`{"kind": "unavailable", "on": "remote_write"}`)
	if method == http.MethodDelete {
		body = nil
	}
	req := check.Must[*http.Request](t)(http.NewRequestWithContext(t.Context(), method, c.URL()+localaws.FaultsPath, bytes.NewReader(body)))
	operator := c.Operator()
	credentials, err := operator.Credentials.Retrieve(t.Context())
	check.OK(t, err)
	sum := sha256.Sum256(body)
	check.OK(t, v4.NewSigner().SignHTTP(t.Context(), credentials, req, hex.EncodeToString(sum[:]), localaws.FaultsSigningName, operator.Region,
		time.Now()))
	answer := check.Must[*http.Response](t)(http.DefaultClient.Do(req))
	text, err := io.ReadAll(answer.Body)
	check.OK(t, err)
	check.OK(t, answer.Body.Close())
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("%s faults: %s %s", method, answer.Status, text)
	}
}

// ledger is what the head says of the samples that it took.
type ledger struct {
	Taken, Delivered, Queued float64
	Dropped, Uncertain       map[string]float64
}

func (f *flow) ledger() (l ledger, text string) {
	f.t.Helper()
	var s struct{ Total *ledger }
	// It exits with another code than 0 while samples wait.
	text = f.asked("head", "sh", "-c", "/opt/parascope/current/bin/parascope-head status --json 2>/dev/null || true")
	if err := json.Unmarshal([]byte(text), &s); err != nil || s.Total == nil {
		return ledger{}, text
	}
	return *s.Total, text
}

// lastRead is when the head last read a page of the job node, by the node's name; of its own, by "head".
func (f *flow) lastRead() map[string]time.Time {
	f.t.Helper()
	var answer struct {
		Data struct {
			ActiveTargets []struct {
				ScrapePool, Health string
				Labels             map[string]string
				LastScrape         time.Time
			}
		}
	}
	// While it starts there is no answer, and nothing that was read.
	_ = json.Unmarshal([]byte(f.asked("head", "curl", "-s", "http://127.0.0.1:9090/api/v1/targets")), &answer)
	last := map[string]time.Time{}
	for _, target := range answer.Data.ActiveTargets {
		if target.ScrapePool != "node" || target.Health != "up" {
			continue
		}
		name := target.Labels["node"]
		if target.Labels["node_type"] == "head" {
			name = "head"
		}
		last[name] = target.LastScrape
	}
	return last
}

// saved waits until slurmctld has written down that a job runs. It does not when a node is done booting: one
// that is killed then finds a job that is about to begin, begins it a second time, drains the node for
// the duplicate, and puts the job back for two minutes.
func (f *flow) saved(job string) {
	f.t.Helper()
	f.on("head", "touch", "/home/asked")
	f.on("head", "scontrol", "update", "jobid="+job, "comment=saved")
	f.eventually(time.Minute, "/var/spool/slurm.state/job_state", func() string {
		return f.asked("head", "find", "/var/spool/slurm.state/job_state", "-newer", "/home/asked")
	})
}

// killed ends programs by kill -9 while nothing can be sent: what was taken is delivered afterwards.
func killed(t *testing.T, f *flow) {
	f = f.in(t)
	job := f.submit("-p", "queue1", "--wrap", "sleep 3000")
	f.ended("RUNNING", job)
	node := f.on("head", "squeue", "-h", "-j", job, "-o", "%N")
	f.eventually(time.Minute, "1", func() string { return f.query(`up{cluster="hpc",job="node",node="`+node+`"}`, "node")[node] })
	f.saved(job)
	f.cloud.fault(t, http.MethodPost)
	began := time.Now()
	before, text := f.ledger()
	f.eventually(time.Minute, "pages wait", func() string {
		var now ledger
		if now, text = f.ledger(); now.Queued >= before.Queued+300 {
			before = now
			return "pages wait"
		}
		return text
	})
	for _, kill := range []struct{ host, unit string }{{"head", "prometheus"}, {"head", "slurmctld"}, {node, "parascope-node"}} {
		pid := f.on(kill.host, "systemctl", "show", "-p", "MainPID", "--value", kill.unit)
		f.on(kill.host, "systemctl", "kill", "-s", "KILL", kill.unit)
		f.eventually(time.Minute, "another is active", func() string {
			now := f.asked(kill.host, "systemctl", "show", "-p", "MainPID", "--value", kill.unit)
			if state := f.asked(kill.host, "systemctl", "is-active", kill.unit); state != "active" || now == pid || now == "0" {
				return kill.unit + " is " + state + ", " + now
			}
			return "another is active"
		})
	}
	f.eventually(time.Minute, "all is kept", func() string {
		var now ledger
		if now, text = f.ledger(); now.Taken >= before.Taken && now.Queued >= before.Queued && len(now.Dropped)+len(now.Uncertain) == 0 {
			return "all is kept"
		}
		return text
	})
	// Nothing can be sent until both were read again.
	revived := time.Now()
	f.eventually(2*time.Minute, "both were read", func() string {
		if last := f.lastRead(); last["head"].After(revived) && last[node].After(revived) {
			return "both were read"
		}
		return fmt.Sprint(f.lastRead(), " and not after ", revived)
	})
	away := time.Since(began)
	t.Logf("nothing could be sent for %s", away.Round(time.Second))
	f.cloud.fault(t, http.MethodDelete)
	f.eventually(2*time.Minute, "all is delivered", func() string {
		var now ledger
		// The last pages may wait for the next request.
		if now, text = f.ledger(); now.Taken >= before.Taken && now.Delivered >= before.Delivered+before.Queued &&
			now.Taken == now.Delivered+now.Queued && len(now.Dropped)+len(now.Uncertain) == 0 {
			return "all is delivered"
		}
		return text
	})
	// Of the time in which nothing could be sent there are samples of each of the head's own targets.
	for _, expr := range []string{`up{cluster="hpc",job="node",node_type="head"}`, `up{cluster="hpc",job="node",node="` + node + `"}`} {
		f.eventually(time.Minute, "there are samples", func() string {
			since := int((time.Since(began) - away).Seconds())
			counts := f.query(fmt.Sprintf("count_over_time(%s[%ds] offset %ds)", expr, int(away.Seconds()), since), "job")
			if counts["node"] != "" {
				return "there are samples"
			}
			return fmt.Sprint(expr, counts)
		})
	}
	f.on("head", "scancel", job)
	f.eventually(time.Minute, "", func() string { return f.machines()[node].State })
}
