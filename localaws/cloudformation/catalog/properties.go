package catalog

import (
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strconv"
)

// texts are a list's members.
func texts(v any) []string {
	list, _ := v.([]any)
	var out []string
	for _, x := range list {
		if s, ok := x.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// diff is what to adds to from, and what it leaves out.
func diff(from, to []string) (added, removed []string) {
	for _, s := range to {
		if !slices.Contains(from, s) {
			added = append(added, s)
		}
	}
	for _, s := range from {
		if !slices.Contains(to, s) {
			removed = append(removed, s)
		}
	}
	return added, removed
}

// tagMap is a property of kind Tags by key.
func tagMap(v any) map[string]string {
	list, _ := v.([]any)
	out := map[string]string{}
	for _, x := range list {
		tag, _ := x.(map[string]any)
		key, _ := tag["Key"].(string)
		out[key], _ = tag["Value"].(string)
	}
	return out
}

// tagChanges are the tags that an update sets and those that it takes away.
func tagChanges(w *Work) (set map[string]string, removed []string) {
	from, to := tagMap(w.Old["Tags"]), tagMap(w.Properties["Tags"])
	set = map[string]string{}
	for k, v := range to {
		if old, ok := from[k]; !ok || old != v {
			set[k] = v
		}
	}
	_, removed = diff(slices.Sorted(maps.Keys(from)), slices.Sorted(maps.Keys(to)))
	return set, removed
}

// document is a policy as text.
func document(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	b, err := json.Marshal(v)
	if err != nil {
		return "" // strings, lists and maps always have a JSON form
	}
	return string(b)
}

// values makes a form of names and texts, leaving out those that are empty.
func values(pairs ...string) url.Values {
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			form.Set(pairs[i], pairs[i+1])
		}
	}
	return form
}

// number is a typed number's or flag's text, "" for anything else.
func number(v any) string {
	switch v := v.(type) {
	case json.Number:
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}
