package amp

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/principal"
	"github.com/parascope/parascope/localaws/state"
)

const (
	maxWorkspaces = 25 // per region
	maxAlias      = 100
	maxPage       = 1000
	defaultPage   = 100
)

type status struct {
	StatusCode string `json:"statusCode"`
}

// description is a workspace as DescribeWorkspace and, without the endpoint,
// ListWorkspaces print it.
type description struct {
	WorkspaceID        string            `json:"workspaceId"`
	Alias              string            `json:"alias,omitempty"`
	ARN                string            `json:"arn"`
	Status             status            `json:"status"`
	PrometheusEndpoint string            `json:"prometheusEndpoint,omitempty"`
	CreatedAt          float64           `json:"createdAt"`
	Tags               map[string]string `json:"tags"`
	KmsKeyARN          string            `json:"kmsKeyArn,omitempty"`
}

func (w *workspace) describe(now time.Time) description {
	return description{
		WorkspaceID: w.ID, Alias: w.Alias, ARN: w.arn(), Status: status{w.status(now)},
		CreatedAt: seconds(w.CreatedAt), Tags: w.Tags, KmsKeyARN: w.KmsKeyARN,
	}
}

func (a *AMP) createWorkspace(rw http.ResponseWriter, r *gateway.Request) error {
	var in struct {
		Alias, ClientToken, KmsKeyARN string
		Tags                          map[string]string
	}
	if err := parse(r, &in); err != nil {
		return err
	}
	in.Alias = strings.TrimSpace(in.Alias)
	if err := errors.Join(checkAlias(in.Alias), checkToken(in.ClientToken), checkTags(in.Tags)); err != nil {
		return err
	}
	w := workspace{
		ID: "ws-" + a.opts.NewID(), Region: r.Region, Alias: in.Alias, KmsKeyARN: in.KmsKeyARN, Tags: in.Tags,
		CreatedAt: r.Now, ActiveAt: r.Now.Add(a.opts.CreateDelay), Configuration: defaultConfiguration(),
	}
	if w.Tags == nil {
		w.Tags = map[string]string{}
	}
	err := a.opts.State.Update(func(tx *state.Tx) error {
		// Decoding and encoding again makes two spellings of one request equal.
		request, err := json.Marshal(in)
		if err != nil {
			return err
		}
		before, again, err := recall(tx, r, in.ClientToken, string(request))
		if err != nil {
			return err
		}
		if again {
			return sameWorkspace(tx, before, r.Now, &w)
		}
		count := 0
		if err := eachWorkspace(tx, func(w *workspace) {
			if w.Region == r.Region && !w.gone(r.Now) {
				count++
			}
		}); err != nil {
			return err
		}
		if count >= maxWorkspaces {
			return &gateway.Error{Status: http.StatusPaymentRequired, Code: "ServiceQuotaExceededException",
				Message: "Limit exceeded. Maximum workspaces per account.",
				Members: map[string]any{"resourceId": principal.Account, "resourceType": "workspace", "serviceCode": "aps"}}
		}
		if err := spend(tx, r, in.ClientToken, spent{string(request), w.ID}); err != nil {
			return err
		}
		return tx.Put(workspaces, w.ID, w)
	})
	if err != nil {
		return err
	}
	out := map[string]any{"workspaceId": w.ID, "arn": w.arn(), "status": status{creating}, "tags": w.Tags}
	if w.KmsKeyARN != "" {
		out["kmsKeyArn"] = w.KmsKeyARN
	}
	return gateway.WriteJSON(rw, http.StatusAccepted, out)
}

// sameWorkspace loads into w what the client token made before.
func sameWorkspace(tx *state.Tx, before spent, now time.Time, w *workspace) error {
	found, err := tx.Get(workspaces, before.WorkspaceID, w)
	if err != nil {
		return err
	}
	if !found || w.gone(now) {
		return conflict(before.WorkspaceID, "The client token was already used for a workspace that has since been deleted.")
	}
	return nil
}

// visible returns the workspace that the request names, if its region has it.
func (a *AMP) visible(r *gateway.Request) (*workspace, error) {
	id := r.Labels["workspaceId"]
	if err := a.finishDeletions(r.Now); err != nil {
		return nil, err
	}
	w, err := a.load(r.Now, id)
	if err != nil {
		return nil, err
	}
	if w == nil || w.Region != r.Region {
		return nil, notFound("workspace", id)
	}
	return w, nil
}

// changeOnce lets f change the workspace that the request names, and does nothing for a
// client token that was spent on the same input before.
func (a *AMP) changeOnce(r *gateway.Request, token string, input any, f func(*workspace) error) error {
	return a.once(r, token, input, func(tx *state.Tx, w *workspace) error {
		if err := f(w); err != nil {
			return err
		}
		return tx.Put(workspaces, w.ID, w)
	})
}

func (a *AMP) describeWorkspace(rw http.ResponseWriter, r *gateway.Request) error {
	w, err := a.visible(r)
	if err != nil {
		return err
	}
	d := w.describe(r.Now)
	d.PrometheusEndpoint = a.opts.BaseURL() + "/workspaces/" + w.ID + "/"
	return gateway.WriteJSON(rw, http.StatusOK, map[string]any{"workspace": d})
}

func (a *AMP) listWorkspaces(rw http.ResponseWriter, r *gateway.Request) error {
	if err := a.finishDeletions(r.Now); err != nil {
		return err
	}
	query := r.URL.Query()
	page := defaultPage
	if s := query.Get("maxResults"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > maxPage {
			return invalid("maxResults", "must be between 1 and %d", maxPage)
		}
		page = n
	}
	alias := strings.TrimSpace(query.Get("alias"))
	var all []*workspace
	err := a.opts.State.View(func(tx *state.Tx) error {
		return eachWorkspace(tx, func(w *workspace) {
			if w.Region == r.Region && strings.HasPrefix(w.Alias, alias) {
				all = append(all, w)
			}
		})
	})
	if err != nil {
		return err
	}
	// The state's order is that of the ids, which stays as workspaces come and go.
	start := 0
	if after := query.Get("nextToken"); after != "" {
		at, found := slices.BinarySearchFunc(all, after, func(w *workspace, id string) int { return strings.Compare(w.ID, id) })
		if !found && !strings.HasPrefix(after, "ws-") {
			return invalid("nextToken", "is not a valid token of this service")
		}
		start = at
	}
	out := map[string]any{}
	summaries := []description{}
	for _, w := range all[start:] {
		if len(summaries) == page {
			out["nextToken"] = w.ID
			break
		}
		summaries = append(summaries, w.describe(r.Now))
	}
	out["workspaces"] = summaries
	return gateway.WriteJSON(rw, http.StatusOK, out)
}

func (a *AMP) updateWorkspaceAlias(rw http.ResponseWriter, r *gateway.Request) error {
	var in struct{ Alias, ClientToken string }
	if err := parse(r, &in); err != nil {
		return err
	}
	in.Alias = strings.TrimSpace(in.Alias)
	if err := checkAlias(in.Alias); err != nil {
		return err
	}
	if err := a.changeOnce(r, in.ClientToken, in, func(w *workspace) error { w.Alias = in.Alias; return nil }); err != nil {
		return err
	}
	return gateway.WriteJSON(rw, http.StatusNoContent, nil)
}

func (a *AMP) deleteWorkspace(rw http.ResponseWriter, r *gateway.Request) error {
	err := a.changeOnce(r, r.URL.Query().Get("clientToken"), nil, func(w *workspace) error {
		w.GoneAt = r.Now.Add(a.opts.DeleteDelay)
		return nil
	})
	if err != nil {
		return err
	}
	a.wake()
	return gateway.WriteJSON(rw, http.StatusAccepted, nil)
}

func checkAlias(alias string) error {
	if n := utf8.RuneCountInString(alias); n > maxAlias {
		return invalid("alias", "must have a length between 1 and %d, has %d", maxAlias, n)
	}
	return nil
}
