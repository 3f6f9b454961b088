package grafana

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/grafana/wire"
)

const (
	maxTags     = 50
	maxTagKey   = 128
	maxTagValue = 256
)

// tagKeys are the condition keys of a request that brings tags.
func tagKeys(tags map[string]string) map[string][]string {
	keys := map[string][]string{"aws:TagKeys": slices.Sorted(maps.Keys(tags))}
	for k, v := range tags {
		keys["aws:RequestTag/"+k] = []string{v}
	}
	return keys
}

// tagged makes the request one about the workspace that its resource ARN names.
func (g *Grafana) tagged(r *gateway.Request) (*workspace, error) {
	arn := r.Labels["resourceArn"]
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[2] != "grafana" {
		return nil, wire.Invalid("resourceArn", "is not an ARN of this service")
	}
	r.Labels["workspaceId"] = strings.TrimPrefix(parts[5], "/workspaces/")
	w, err := g.visible(r)
	if err == nil && w.arn() != arn {
		return nil, wire.NotFound("resource", arn)
	}
	return w, err
}

func (g *Grafana) listTagsForResource(rw http.ResponseWriter, r *gateway.Request) error {
	w, err := g.tagged(r)
	if err != nil {
		return err
	}
	return gateway.WriteJSON(rw, http.StatusOK, map[string]any{"tags": w.Tags})
}

func (g *Grafana) tagResource(rw http.ResponseWriter, r *gateway.Request) error {
	var in struct{ Tags map[string]string }
	if err := wire.Parse(r, &in); err != nil {
		return err
	}
	if _, err := g.tagged(r); err != nil {
		return err
	}
	_, err := g.change(r, func(w *workspace) error {
		maps.Copy(w.Tags, in.Tags)
		return checkTags(w.Tags)
	})
	if err != nil {
		return err
	}
	return gateway.WriteJSON(rw, http.StatusOK, struct{}{})
}

func (g *Grafana) untagResource(rw http.ResponseWriter, r *gateway.Request) error {
	keys := r.URL.Query()["tagKeys"]
	if len(keys) == 0 {
		return wire.Invalid("tagKeys", "is required")
	}
	if _, err := g.tagged(r); err != nil {
		return err
	}
	_, err := g.change(r, func(w *workspace) error {
		for _, k := range keys {
			delete(w.Tags, k)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return gateway.WriteJSON(rw, http.StatusOK, struct{}{})
}

func checkTags(tags map[string]string) error {
	if len(tags) > maxTags {
		return wire.Invalid("tags", "must have at most %d members", maxTags)
	}
	for k, v := range tags {
		switch {
		case k == "" || utf8.RuneCountInString(k) > maxTagKey:
			return wire.Invalid("tags", "key %q must have a length between 1 and %d", k, maxTagKey)
		case strings.HasPrefix(k, "aws:"):
			return wire.Invalid("tags", "key %q may not begin with aws:", k)
		case utf8.RuneCountInString(v) > maxTagValue:
			return wire.Invalid("tags", "value of %q must have a length of at most %d", k, maxTagValue)
		}
	}
	return nil
}
