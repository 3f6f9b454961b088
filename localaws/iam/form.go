package iam

import (
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/parascope/parascope/localaws/gateway"
)

// Longest names, in characters.
const (
	entityName  = 64
	managedName = 128 // policies and instance profiles
)

var (
	namePattern = regexp.MustCompile(`^[\w+=,.@-]+$`)
	pathPattern = regexp.MustCompile(`^/([\x21-\x7e]*/)?$`)
)

func lowerFirst(field string) string { return strings.ToLower(field[:1]) + field[1:] }

// name reads a required name from the form.
func name(r *gateway.Request, field string, longest int) (string, error) {
	s := r.Form.Get(field)
	switch {
	case s == "":
		return "", outside(field, "Member must not be null")
	case len(s) > longest:
		return "", outside(field, "Member must have length less than or equal to "+strconv.Itoa(longest))
	case !namePattern.MatchString(s):
		return "", validationError("The specified value for %s is invalid. It must contain only alphanumeric characters and/or the following: "+
			"+=,.@_-", lowerFirst(field))
	}
	return s, nil
}

// path reads the path of what is to be made; "/" when there is none.
func path(r *gateway.Request) (string, error) {
	p := r.Form.Get("Path")
	if p == "" {
		return "/", nil
	}
	if len(p) > 512 || !pathPattern.MatchString(p) {
		return "", validationError("The specified value for path is invalid. It must begin and end with / and contain only alphanumeric " +
			"characters and/or / characters.")
	}
	return p, nil
}

func required(r *gateway.Request, field string) (string, error) {
	s := r.Form.Get(field)
	if s == "" {
		return "", outside(field, "Member must not be null")
	}
	return s, nil
}

// list reads Field.member.1, Field.member.2, …
func list(r *gateway.Request, field string) []string {
	var values []string
	for n := 1; r.Form.Has(field + ".member." + strconv.Itoa(n)); n++ {
		values = append(values, r.Form.Get(field+".member."+strconv.Itoa(n)))
	}
	return values
}

type tag struct{ Key, Value string }

// tags reads the request's tags; nil when it has none.
func tags(r *gateway.Request) map[string]string {
	var all map[string]string
	for n := 1; r.Form.Has("Tags.member." + strconv.Itoa(n) + ".Key"); n++ {
		if all == nil {
			all = map[string]string{}
		}
		at := "Tags.member." + strconv.Itoa(n)
		all[r.Form.Get(at+".Key")] = r.Form.Get(at + ".Value")
	}
	return all
}

// tagKeys are the condition keys of a request with tags.
func tagKeys(r *gateway.Request) map[string][]string {
	all := tags(r)
	keys := map[string][]string{"aws:TagKeys": slices.Sorted(maps.Keys(all))}
	for k, v := range all {
		keys["aws:RequestTag/"+k] = []string{v}
	}
	return keys
}

// checkTags holds tags to IAM's bounds.
func checkTags(all map[string]string) error {
	if len(all) > 50 {
		return limitExceeded("The number of tags has reached the maximum limit.")
	}
	for k, v := range all {
		switch {
		case k == "" || len(k) > 128:
			return outside("Tags.member.key", "Member must have length between 1 and 128")
		case len(v) > 256:
			return outside("Tags.member.value", "Member must have length less than or equal to 256")
		case strings.HasPrefix(strings.ToLower(k), "aws:"):
			return invalidInput("Tag keys beginning with aws: are reserved for system use")
		}
	}
	return nil
}

func tagList(all map[string]string) *members[tag] {
	list := members[tag]{}
	for _, k := range slices.Sorted(maps.Keys(all)) {
		list.Member = append(list.Member, tag{k, all[k]})
	}
	return &list
}

// members is a list of an answer: <Name><member>…</member></Name>, and an empty
// element when there is none.
type members[T any] struct {
	Member []T `xml:"member"`
}

func membersOf[E, T any](all []E, view func(E) T) members[T] {
	var m members[T]
	for _, e := range all {
		m.Member = append(m.Member, view(e))
	}
	return m
}

// paging ends every list's answer.
type paging struct {
	IsTruncated bool
	Marker      string `xml:",omitempty"`
}

// page cuts a list, which is in the order of its keys, to what was asked for.
func page[E any](r *gateway.Request, all []E, key func(E) string) ([]E, paging, error) {
	most := 100
	if s := r.Form.Get("MaxItems"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > 1000 {
			return nil, paging{}, outside("MaxItems", "Member must have value between 1 and 1000")
		}
		most = n
	}
	if after := r.Form.Get("Marker"); after != "" {
		from := slices.IndexFunc(all, func(e E) bool { return key(e) > after })
		if from < 0 {
			from = len(all)
		}
		all = all[from:]
	}
	if len(all) <= most {
		return all, paging{}, nil
	}
	return all[:most], paging{true, key(all[most-1])}, nil
}

// encoded is a policy as IAM answers with it: percent-encoded as in RFC 3986.
func encoded(document string) string {
	return strings.ReplaceAll(url.QueryEscape(document), "+", "%20")
}

func timestamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// size is a policy's length as IAM counts it: without white space.
func size(document string) int {
	n := 0
	for _, r := range document {
		if !unicode.IsSpace(r) {
			n++
		}
	}
	return n
}

// done answers an operation that has nothing to say.
func done(w http.ResponseWriter, r *gateway.Request) error {
	return gateway.WriteQuery(w, r, struct{}{})
}
