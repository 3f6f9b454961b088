package amp

import (
	"maps"
	"net/http"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/parascope/parascope/localaws/gateway"
)

const (
	maxTags     = 50
	maxTagKey   = 128
	maxTagValue = 256
)

var tagPattern = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)

// tagged makes the request one about the workspace that its resource ARN names.
func (a *AMP) tagged(r *gateway.Request) error {
	arn := r.Labels["resourceArn"]
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[2] != "aps" {
		return invalid("resourceArn", "is not an ARN of this service")
	}
	id, ok := strings.CutPrefix(parts[5], "workspace/")
	if !ok || parts[3] != r.Region {
		return notFound("resource", arn)
	}
	r.Labels["workspaceId"] = id
	w, err := a.visible(r)
	if err == nil && w.arn() != arn {
		return notFound("resource", arn)
	}
	return err
}

func (a *AMP) listTagsForResource(rw http.ResponseWriter, r *gateway.Request) error {
	if err := a.tagged(r); err != nil {
		return err
	}
	w, err := a.visible(r)
	if err != nil {
		return err
	}
	return gateway.WriteJSON(rw, http.StatusOK, map[string]any{"tags": w.Tags})
}

func (a *AMP) tagResource(rw http.ResponseWriter, r *gateway.Request) error {
	var in struct{ Tags map[string]string }
	if err := parse(r, &in); err != nil {
		return err
	}
	if err := a.tagged(r); err != nil {
		return err
	}
	err := a.change(r, func(w *workspace) error {
		all := maps.Clone(w.Tags)
		maps.Copy(all, in.Tags)
		w.Tags = all
		return checkTags(all)
	})
	if err != nil {
		return err
	}
	return gateway.WriteJSON(rw, http.StatusOK, struct{}{})
}

func (a *AMP) untagResource(rw http.ResponseWriter, r *gateway.Request) error {
	keys := r.URL.Query()["tagKeys"]
	if len(keys) == 0 {
		return invalid("tagKeys", "is required")
	}
	if err := a.tagged(r); err != nil {
		return err
	}
	err := a.change(r, func(w *workspace) error {
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
		return invalid("tags", "must have at most %d members", maxTags)
	}
	for k, v := range tags {
		switch {
		case k == "" || utf8.RuneCountInString(k) > maxTagKey || !tagPattern.MatchString(k):
			return invalid("tags", "key %q must be 1 to %d letters, digits, spaces or _.:/=+-@", k, maxTagKey)
		case strings.HasPrefix(k, "aws:"):
			return invalid("tags", "key %q may not begin with aws:", k)
		case utf8.RuneCountInString(v) > maxTagValue || !tagPattern.MatchString(v):
			return invalid("tags", "value of %q must be at most %d letters, digits, spaces or _.:/=+-@", k, maxTagValue)
		}
	}
	return nil
}
