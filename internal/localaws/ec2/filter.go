package ec2

import (
	"encoding/base64"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// attributes are what a resource can be filtered by: the values it has under
// each name of a filter. That a name has no value still makes it a known one.
type attributes map[string][]string

func (a attributes) add(name string, values ...string) { a[name] = append(a[name], values...) }

// tagged adds the filters that all resources with tags have.
func (a attributes) tagged(tags []tag) attributes {
	a["tag-key"] = nil
	for _, t := range tags {
		a.add("tag-key", t.Key)
		a.add("tag:"+t.Key, t.Value)
	}
	return a
}

func boolText(b bool) string { return strconv.FormatBool(b) }

// filter is one of a request's: one of its values must be among the attribute's.
type filter struct {
	name   string
	values []*regexp.Regexp
}

// filtersOf reads the request's filters. known are the attributes of a resource
// of the kind, any at all: their names are the filters that there are.
func (c *call) filtersOf(known attributes) ([]filter, error) {
	_, hasTags := known["tag-key"]
	var filters []filter
	for i := 1; ; i++ {
		at := "Filter." + strconv.Itoa(i)
		if !c.Form.Has(at + ".Name") {
			return filters, nil
		}
		f := filter{name: c.Form.Get(at + ".Name")}
		if _, ok := known[f.name]; !ok && (!hasTags || !strings.HasPrefix(f.name, "tag:")) {
			return nil, failure("InvalidParameterValue", "The filter '"+f.name+"' is invalid")
		}
		for _, v := range listOf(c.Form, at+".Value") {
			f.values = append(f.values, wildcard(v))
		}
		filters = append(filters, f)
	}
}

// wildcard compiles a filter's value, in which * is any text and ? any character.
func wildcard(value string) *regexp.Regexp {
	pattern := strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(regexp.QuoteMeta(value))
	return regexp.MustCompile("(?s)^" + pattern + "$")
}

func (f filter) matches(a attributes) bool {
	return slices.ContainsFunc(a[f.name], func(value string) bool {
		return slices.ContainsFunc(f.values, func(v *regexp.Regexp) bool { return v.MatchString(value) })
	})
}

// Bounds of MaxResults; without it a request gets everything.
const minPage, maxPage = 5, 1000

// list picks the parts that the request names, by a list of ids or by filters or
// both, in the order of their ids; next is the token of the page that follows.
func list[T any](c *call, parts map[string]*T, k *kind, ids string, of func(*T) attributes) (picked []*T, next string, err error) {
	filters, err := c.filtersOf(of(new(T)))
	if err != nil {
		return nil, "", err
	}
	asked := listOf(c.Form, ids)
	from := slices.Sorted(maps.Keys(parts))
	if len(asked) > 0 {
		if c.Form.Has("MaxResults") {
			return nil, "", failure("InvalidParameterCombination", "The parameter "+ids+"s cannot be used with the parameter MaxResults")
		}
		for _, id := range asked {
			if _, err := find(parts, k, id); err != nil {
				return nil, "", err
			}
		}
		from = slices.Compact(slices.Sorted(slices.Values(asked)))
	}
	after, size, err := c.page()
	if err != nil {
		return nil, "", err
	}
	last := ""
	for _, id := range from {
		a := of(parts[id])
		if id <= after || slices.ContainsFunc(filters, func(f filter) bool { return !f.matches(a) }) {
			continue
		}
		if len(picked) == size {
			return picked, base64.URLEncoding.EncodeToString([]byte(last)), nil
		}
		picked, last = append(picked, parts[id]), id
	}
	return picked, "", nil
}

// page reads where a page begins, behind an id, and how many results it has.
func (c *call) page() (after string, size int, err error) {
	size = maxPage
	if text := c.Form.Get("MaxResults"); text != "" {
		size, err = strconv.Atoi(text)
		if err != nil || size < minPage || size > maxPage {
			return "", 0, invalidValue(text, "maxResults", "Expecting a value between 5 and 1000.")
		}
	}
	token := c.Form.Get("NextToken")
	raw, err := base64.URLEncoding.DecodeString(token)
	if err != nil {
		return "", 0, failure("InvalidNextToken", "The token '"+token+"' is invalid")
	}
	return string(raw), size, nil
}
