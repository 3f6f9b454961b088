package query

import (
	"encoding/base64"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Attributes are what a resource can be filtered by: the values it has under
// each name of a filter. That a name has no value still makes it a known one.
type Attributes map[string][]string

// Add gives the attribute further values; empty ones are none.
func (a Attributes) Add(name string, values ...string) {
	a[name] = append(a[name], slices.DeleteFunc(values, func(v string) bool { return v == "" })...)
}

// Tagged adds the filters that all resources with tags have.
func (a Attributes) Tagged(tags []Tag) Attributes {
	a["tag-key"] = nil
	for _, t := range tags {
		a.Add("tag-key", t.Key)
		a["tag:"+t.Key] = []string{t.Value}
	}
	return a
}

// Filters are a request's: all must match.
type Filters []filter

// filter matches where one of its values is among the attribute's.
type filter struct {
	name   string
	values []*regexp.Regexp
}

// ParseFilters reads the request's filters. known are the attributes of a
// resource of the kind, any at all: their names are the filters that there are.
func ParseFilters(form url.Values, known Attributes) (Filters, error) {
	_, hasTags := known["tag-key"]
	var filters Filters
	for i := 1; ; i++ {
		at := "Filter." + strconv.Itoa(i)
		if !form.Has(at + ".Name") {
			return filters, nil
		}
		f := filter{name: form.Get(at + ".Name")}
		if _, ok := known[f.name]; !ok && (!hasTags || !strings.HasPrefix(f.name, "tag:")) {
			return nil, Failure("InvalidParameterValue", "The filter '"+f.name+"' is invalid")
		}
		for _, v := range List(form, at+".Value") {
			f.values = append(f.values, wildcard(v))
		}
		filters = append(filters, f)
	}
}

// wildcard compiles a filter's value, in which * is any text and ? any character.
func wildcard(value string) *regexp.Regexp {
	pattern := strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(regexp.QuoteMeta(strings.ToValidUTF8(value, "\uFFFD")))
	return regexp.MustCompile("(?s)^" + pattern + "$")
}

// Match reports whether a resource with these attributes is one asked for.
func (f Filters) Match(a Attributes) bool {
	return !slices.ContainsFunc(f, func(one filter) bool { return !one.matches(a) })
}

func (f filter) matches(a Attributes) bool {
	return slices.ContainsFunc(a[f.name], func(value string) bool {
		return slices.ContainsFunc(f.values, func(v *regexp.Regexp) bool { return v.MatchString(value) })
	})
}

// Bounds of MaxResults; without it a request gets a full page.
const minPage, maxPage = 5, 1000

// Pick takes the parts that the request names, by ids or by filters or both, in
// the order of their ids; next is the token of the page that follows. The
// parameter called ids lists ids, notFound answers to one that is nobody's, and
// of is what a part can be filtered by, asked of an empty one too.
func Pick[T any](form url.Values, parts map[string]*T, ids string, notFound func(id string) error, of func(*T) Attributes) (picked []*T,
	next string, err error) {
	filters, err := ParseFilters(form, of(new(T)))
	if err != nil {
		return nil, "", err
	}
	asked := List(form, ids)
	from := slices.Sorted(maps.Keys(parts))
	if len(asked) > 0 {
		if form.Has("MaxResults") {
			return nil, "", Failure("InvalidParameterCombination", "The parameter "+ids+"s cannot be used with the parameter MaxResults")
		}
		for _, id := range asked {
			if parts[id] == nil {
				return nil, "", notFound(id)
			}
		}
		from = slices.Compact(slices.Sorted(slices.Values(asked)))
	}
	after, size, err := page(form)
	if err != nil {
		return nil, "", err
	}
	last := ""
	for _, id := range from {
		if id <= after || !filters.Match(of(parts[id])) {
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
func page(form url.Values) (after string, size int, err error) {
	size = maxPage
	if text := form.Get("MaxResults"); text != "" {
		size, err = strconv.Atoi(text)
		if err != nil || size < minPage || size > maxPage {
			return "", 0, InvalidValue(text, "maxResults", "Expecting a value between 5 and 1000.")
		}
	}
	token := form.Get("NextToken")
	raw, err := base64.URLEncoding.DecodeString(token)
	if err != nil {
		return "", 0, Failure("InvalidNextToken", "The token '"+token+"' is invalid")
	}
	return string(raw), size, nil
}
