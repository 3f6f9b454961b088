package amp

import (
	"errors"
	"maps"
	"net/http"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/principal"
	"github.com/parascope/parascope/localaws/state"
)

const (
	maxTags     = 50
	maxTagKey   = 128
	maxTagValue = 256
)

var tagPattern = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)

// tagged makes the request one about the workspace that its resource ARN names. name is
// that of the rule groups namespace, where the ARN is one's.
func (a *AMP) tagged(r *gateway.Request) (name string, err error) {
	arn := r.Labels["resourceArn"]
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[2] != "aps" {
		return "", invalid("resourceArn", "is not an ARN of this service")
	}
	kind, id, _ := strings.Cut(parts[5], "/")
	if kind == kindOfRules {
		id, name, _ = strings.Cut(id, "/")
	}
	if kind != "workspace" && name == "" || parts[3] != r.Region {
		return "", notFound("resource", arn)
	}
	r.Labels["workspaceId"] = id
	w, err := a.visible(r)
	if err == nil && name == "" && w.arn() != arn || err == nil && name != "" && namespaceARN(w.Region, principal.Account, id, name) != arn {
		return "", notFound("resource", arn)
	}
	return name, err
}

func (a *AMP) listTagsForResource(rw http.ResponseWriter, r *gateway.Request) error {
	name, err := a.tagged(r)
	if err != nil {
		return err
	}
	w, err := a.visible(r)
	if err != nil {
		return err
	}
	tags := w.Tags
	if name != "" {
		n, err := a.namespaceOf(r, name)
		if err != nil {
			return err
		}
		tags = n.Tags
	}
	return gateway.WriteJSON(rw, http.StatusOK, map[string]any{"tags": tags})
}

func (a *AMP) tagResource(rw http.ResponseWriter, r *gateway.Request) error {
	var in struct{ Tags map[string]string }
	if err := parse(r, &in); err != nil {
		return err
	}
	return a.changeTags(rw, r, func(tags map[string]string) { maps.Copy(tags, in.Tags) })
}

func (a *AMP) untagResource(rw http.ResponseWriter, r *gateway.Request) error {
	keys := r.URL.Query()["tagKeys"]
	if len(keys) == 0 {
		return invalid("tagKeys", "is required")
	}
	return a.changeTags(rw, r, func(tags map[string]string) {
		for _, k := range keys {
			delete(tags, k)
		}
	})
}

// changeTags lets f change the tags of the resource that the request names.
func (a *AMP) changeTags(rw http.ResponseWriter, r *gateway.Request, f func(map[string]string)) error {
	name, err := a.tagged(r)
	if err != nil {
		return err
	}
	if err := a.once(r, "", nil, func(tx *state.Tx, w *workspace) error {
		if name == "" {
			f(w.Tags)
			return errors.Join(checkTags(w.Tags), tx.Put(workspaces, w.ID, w))
		}
		n, err := loadNamespace(tx, r.Now, w.ID, name)
		if err != nil {
			return err
		}
		if n == nil {
			return notFound(kindOfRules, name)
		}
		f(n.Tags)
		return errors.Join(checkTags(n.Tags), tx.Put(namespaces, n.key(), n))
	}); err != nil {
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
