package amp

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/parascope/parascope/localaws/amp/ruler"
	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/principal"
	"github.com/parascope/parascope/localaws/state"
)

const (
	namespaces  = "amp-rule-groups-namespaces" // bucket: workspace id/name → namespace
	kindOfRules = "rulegroupsnamespace"
	maxName     = 128
	maxRules    = 2000 // of a workspace

	maxRemembered = 1 << 10 // bytes of a request that are kept with its client token; of a longer one, its hash
)

var namePattern = regexp.MustCompile(`^[0-9A-Za-z][-.0-9A-Z_a-z]*$`)

// namespace is one rules file of a workspace.
type namespace struct {
	document
	WorkspaceID string
	Region      string
	Name        string
	Rules       int // of the file that was given last
	Tags        map[string]string
}

func (n *namespace) key() string { return n.WorkspaceID + "/" + n.Name }

func (n *namespace) arn() string {
	return namespaceARN(n.Region, principal.Account, n.WorkspaceID, n.Name)
}

func namespaceARN(region, account, workspaceID, name string) string {
	return "arn:aws:aps:" + region + ":" + account + ":rulegroupsnamespace/" + workspaceID + "/" + name
}

// ofNamespace is what a permission for one namespace must be for.
func ofNamespace(r *gateway.Request) []string {
	return []string{namespaceARN(r.Region, r.Principal.Account, r.Labels["workspaceId"], r.Labels["name"])}
}

// namespaceSummary is a namespace as ListRuleGroupsNamespaces prints it, and with the file
// DescribeRuleGroupsNamespace.
type namespaceSummary struct {
	ARN        string            `json:"arn"`
	CreatedAt  float64           `json:"createdAt"`
	Data       []byte            `json:"data,omitempty"`
	ModifiedAt float64           `json:"modifiedAt"`
	Name       string            `json:"name"`
	Status     documentStatus    `json:"status"`
	Tags       map[string]string `json:"tags"`
}

func (n *namespace) summary(now time.Time) namespaceSummary {
	return namespaceSummary{
		ARN: n.arn(), CreatedAt: seconds(n.CreatedAt), ModifiedAt: seconds(n.ModifiedAt), Name: n.Name, Status: n.status(now), Tags: n.Tags,
	}
}

// seconds is a time as AMP prints it.
func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

func (a *AMP) createRuleGroupsNamespace(rw http.ResponseWriter, r *gateway.Request) error {
	var in struct {
		Name, ClientToken string
		Data              []byte
		Tags              map[string]string
	}
	if err := parse(r, &in); err != nil {
		return err
	}
	if len(in.Name) > maxName || !namePattern.MatchString(in.Name) {
		return invalid("name", "must be 1 to %d characters of [0-9A-Za-z][-.0-9A-Z_a-z]*", maxName)
	}
	if err := checkTags(in.Tags); err != nil {
		return err
	}
	n := namespace{WorkspaceID: r.Labels["workspaceId"], Region: r.Region, Name: in.Name, Tags: maps.Clone(in.Tags)}
	if n.Tags == nil {
		n.Tags = map[string]string{}
	}
	rules, refused, err := readRules(in.Name, in.Data)
	if err != nil {
		return err
	}
	n.document, n.Rules = newDocument(r.Now, a.opts.DocumentDelay, in.Data, refused), rules
	return a.writeNamespace(rw, r, in.ClientToken, in, http.StatusAccepted, in.Name, func(tx *state.Tx, old *namespace) (*namespace, error) {
		if old != nil {
			return nil, &gateway.Error{Status: http.StatusConflict, Code: "ConflictException", Message: "Rule groups namespace already exists.",
				Members: map[string]any{"resourceId": in.Name, "resourceType": kindOfRules}}
		}
		return &n, errors.Join(forgetGone(tx, r.Now, n.WorkspaceID), checkRules(tx, r.Now, &n))
	})
}

func (a *AMP) putRuleGroupsNamespace(rw http.ResponseWriter, r *gateway.Request) error {
	var in struct {
		ClientToken string
		Data        []byte
	}
	if err := parse(r, &in); err != nil {
		return err
	}
	name := r.Labels["name"]
	rules, refused, err := readRules(name, in.Data)
	if err != nil {
		return err
	}
	return a.writeNamespace(rw, r, in.ClientToken, in, http.StatusAccepted, name, func(tx *state.Tx, n *namespace) (*namespace, error) {
		if n == nil {
			return nil, notFound(kindOfRules, name)
		}
		if !n.settled(r.Now) {
			return nil, conflictOf(kindOfRules, name, n.status(r.Now))
		}
		n.replace(r.Now, a.opts.DocumentDelay, in.Data, refused)
		n.Rules = rules
		return n, checkRules(tx, r.Now, n)
	})
}

// readRules reads the file of a namespace. refused is what the workspace says of it later.
func readRules(name string, data []byte) (rules int, refused, err error) {
	if err := checkData(data); err != nil {
		return 0, nil, err
	}
	groups, err := ruler.ReadFile(name, data)
	if errors.Is(err, ruler.ErrMalformed) {
		return 0, nil, malformed(err)
	}
	return ruler.Count(groups), err, nil
}

// checkRules holds the rules of a namespace's workspace against their limit.
func checkRules(tx *state.Tx, now time.Time, changed *namespace) error {
	total := changed.Rules
	err := eachNamespace(tx, changed.WorkspaceID, func(n *namespace) {
		if n.Name != changed.Name && !n.gone(now) {
			total += n.Rules
		}
	})
	if err == nil && total > maxRules {
		return &gateway.Error{Status: http.StatusPaymentRequired, Code: "ServiceQuotaExceededException",
			Message: fmt.Sprintf("Limit exceeded. Maximum rules per workspace: %d.", maxRules),
			Members: map[string]any{"resourceId": changed.WorkspaceID, "resourceType": "workspace", "serviceCode": "aps"}}
	}
	return err
}

// writeNamespace lets f make or change a namespace, of an ACTIVE workspace, and answers with it.
func (a *AMP) writeNamespace(rw http.ResponseWriter, r *gateway.Request, token string, input any, status int, name string,
	f func(tx *state.Tx, old *namespace) (*namespace, error)) error {
	if err := a.once(r, token, input, func(tx *state.Tx, w *workspace) error {
		old, err := loadNamespace(tx, r.Now, w.ID, name)
		if err != nil {
			return err
		}
		n, err := f(tx, old)
		if err != nil {
			return err
		}
		return tx.Put(namespaces, n.key(), n)
	}); err != nil {
		return err
	}
	a.wake()
	n, err := a.namespaceOf(r, name)
	if err != nil {
		return err
	}
	s := n.summary(r.Now)
	return gateway.WriteJSON(rw, status, map[string]any{"arn": s.ARN, "name": s.Name, "status": s.Status, "tags": s.Tags})
}

func (a *AMP) describeRuleGroupsNamespace(rw http.ResponseWriter, r *gateway.Request) error {
	n, err := a.namespaceOf(r, r.Labels["name"])
	if err != nil {
		return err
	}
	s := n.summary(r.Now)
	s.Data = n.shown(r.Now)
	return gateway.WriteJSON(rw, http.StatusOK, map[string]any{"ruleGroupsNamespace": s})
}

func (a *AMP) listRuleGroupsNamespaces(rw http.ResponseWriter, r *gateway.Request) error {
	w, err := a.visible(r)
	if err != nil {
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
	out := map[string]any{}
	summaries := []namespaceSummary{}
	err = a.opts.State.View(func(tx *state.Tx) error {
		return eachNamespace(tx, w.ID, func(n *namespace) {
			switch {
			case n.gone(r.Now), !strings.HasPrefix(n.Name, query.Get("name")), n.Name < query.Get("nextToken"):
			case len(summaries) < page:
				summaries = append(summaries, n.summary(r.Now))
			case out["nextToken"] == nil:
				out["nextToken"] = n.Name
			}
		})
	})
	if err != nil {
		return err
	}
	out["ruleGroupsNamespaces"] = summaries
	return gateway.WriteJSON(rw, http.StatusOK, out)
}

func (a *AMP) deleteRuleGroupsNamespace(rw http.ResponseWriter, r *gateway.Request) error {
	name := r.Labels["name"]
	err := a.once(r, r.URL.Query().Get("clientToken"), nil, func(tx *state.Tx, w *workspace) error {
		n, err := loadNamespace(tx, r.Now, w.ID, name)
		switch {
		case err != nil:
			return err
		case n == nil:
			return notFound(kindOfRules, name)
		case !n.settled(r.Now):
			return conflictOf(kindOfRules, name, n.status(r.Now))
		}
		n.GoneAt = r.Now.Add(a.opts.DocumentDelay)
		return tx.Put(namespaces, n.key(), n)
	})
	if err != nil {
		return err
	}
	a.wake()
	return gateway.WriteJSON(rw, http.StatusAccepted, nil)
}

// namespaceOf is a namespace of the workspace that the request names.
func (a *AMP) namespaceOf(r *gateway.Request, name string) (n *namespace, err error) {
	w, err := a.visible(r)
	if err != nil {
		return nil, err
	}
	err = a.opts.State.View(func(tx *state.Tx) error {
		n, err = loadNamespace(tx, r.Now, w.ID, name)
		return err
	})
	if err == nil && n == nil {
		err = notFound(kindOfRules, name)
	}
	return n, err
}

// loadNamespace returns a namespace, nil when there is none.
func loadNamespace(tx *state.Tx, now time.Time, workspaceID, name string) (*namespace, error) {
	var n namespace
	found, err := tx.Get(namespaces, workspaceID+"/"+name, &n)
	if err != nil || !found || n.gone(now) {
		return nil, err
	}
	return &n, nil
}

// eachNamespace calls f for those of a workspace, in the order of their names.
func eachNamespace(tx *state.Tx, workspaceID string, f func(*namespace)) error {
	return tx.ForEach(namespaces, func(key string, decode func(any) error) error {
		if !strings.HasPrefix(key, workspaceID+"/") {
			return nil
		}
		var n namespace
		if err := decode(&n); err != nil {
			return err
		}
		f(&n)
		return nil
	})
}

// forgetGone removes the namespaces of a workspace that were deleted.
func forgetGone(tx *state.Tx, now time.Time, workspaceID string) error {
	var gone []string
	err := eachNamespace(tx, workspaceID, func(n *namespace) {
		if n.gone(now) {
			gone = append(gone, n.key())
		}
	})
	for _, key := range gone {
		if err == nil {
			err = tx.Delete(namespaces, key)
		}
	}
	return err
}

func namespaceKeys(tx *state.Tx, workspaceID string) (keys []string, err error) {
	err = tx.ForEach(namespaces, func(key string, _ func(any) error) error {
		if strings.HasPrefix(key, workspaceID+"/") {
			keys = append(keys, key)
		}
		return nil
	})
	return keys, err
}

// once lets f change something of the ACTIVE workspace that the request names, and does
// nothing for a client token that was spent on the same input before.
func (a *AMP) once(r *gateway.Request, token string, input any, f func(*state.Tx, *workspace) error) error {
	if err := checkToken(token); err != nil {
		return err
	}
	id := r.Labels["workspaceId"]
	request, err := json.Marshal(input)
	if err != nil {
		return err
	}
	if len(request) > maxRemembered {
		request = fmt.Appendf(nil, "%x", sha256.Sum256(request))
	}
	if err := a.finishDeletions(r.Now); err != nil {
		return err
	}
	return a.opts.State.Update(func(tx *state.Tx) error {
		if _, again, err := recall(tx, r, token, string(request)); err != nil || again {
			return err
		}
		var w workspace
		if found, err := tx.Get(workspaces, id, &w); err != nil {
			return err
		} else if !found || w.Region != r.Region || w.gone(r.Now) {
			return notFound("workspace", id)
		}
		if now := w.status(r.Now); now != active {
			return conflict(id, "Workspace is not ACTIVE but %s.", now)
		}
		if err := f(tx, &w); err != nil {
			return err
		}
		return spend(tx, r, token, spent{string(request), id})
	})
}
