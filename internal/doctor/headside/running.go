package headside

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/parascope/parascope/internal/doctor"
	"github.com/parascope/parascope/internal/head"
	"github.com/parascope/parascope/internal/hint"
)

// target is one of the head's, as its API has it.
type target struct {
	Labels     map[string]string `json:"labels"`
	ScrapePool string            `json:"scrapePool"`
	ScrapeURL  string            `json:"scrapeUrl"`
	LastError  string            `json:"lastError"`
	Health     string            `json:"health"`
}

// checkRunning asks the head for its status and its targets.
func checkRunning(ctx context.Context, e *Env) Finding {
	d, err := head.AskDelivery(ctx, e.Address, e.HTTPConfig)
	if ctx.Err() != nil {
		return doctor.Unasked(ctx.Err())
	}
	if hint.CodeOf(err) == hint.NotFound {
		return doctor.Fault(err.Error(), "run 'sudo systemctl restart prometheus'; 'journalctl -u prometheus' shows why the head is "+
			"not running; --address sets another address")
	}
	if err != nil {
		return doctor.Unasked(err)
	}
	var answer struct {
		Data struct {
			ActiveTargets []target `json:"activeTargets"`
		} `json:"data"`
	}
	text, err := e.page(ctx, "/api/v1/targets")
	if err == nil {
		err = json.Unmarshal(text, &answer)
	}
	if err != nil {
		return doctor.Unsure("the head's targets could not be read: "+err.Error(), "")
	}
	all := answer.Data.ActiveTargets
	return doctor.Good(fmt.Sprintf("the head has %d targets; its samples are %s", len(all), d.Verdict)).Keeping(func() {
		e.delivery,
			e.targets = &d, all
	})
}

const maxPage = 64 << 20

// errNoPage says that the head does not serve the page.
var errNoPage = errors.New("the head does not serve this page")

// page is one of the head's pages.
func (e *Env) page(ctx context.Context, path string) ([]byte, error) {
	base := strings.TrimSuffix(e.Address, "/")
	if !strings.Contains(base, "://") {
		base = "http://" + base
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+path, nil)
	if err != nil {
		return nil, err
	}
	client, err := head.StatusClient(e.HTTPConfig)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxPage))
	switch {
	case resp.StatusCode == http.StatusNotFound:
		return nil, errNoPage
	case err == nil && resp.StatusCode != http.StatusOK:
		err = fmt.Errorf("the head returned %s for %s", resp.Status, path)
	}
	return text, err
}

// asked is Unknown where the head could not be queried.
func asked(e *Env, judge func(head.Delivery) Finding) Finding {
	if e.delivery == nil {
		return doctor.Follows("head-running")
	}
	return judge(*e.delivery)
}

// worst judges each remote write, until one is not ok.
func worst(e *Env, judge func(head.RemoteDelivery) Finding) Finding {
	return asked(e, func(d head.Delivery) Finding {
		found := doctor.Skip("the configuration has no remote_write")
		for _, r := range d.Remotes {
			if r.Verdict == head.Removed {
				continue
			}
			if found = judge(r); found.Status != doctor.OK {
				return found
			}
		}
		return found
	})
}
