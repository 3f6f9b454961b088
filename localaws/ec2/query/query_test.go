package query

import (
	"net/url"
	"testing"
)

// FuzzParseFilters: no form breaks the reader, and no filter matches a resource
// without any of its values.
func FuzzParseFilters(f *testing.F) {
	f.Add("Filter.1.Name=tag:Name&Filter.1.Value.1=a*b?", "tag:Name", "a.b.")
	f.Add("Filter.1.Name=vpc-id&Filter.1.Value.1=%ff", "vpc-id", "\xff")
	f.Add("Filter.1.Name=vpc-id&Filter.1.Value.1=[&Filter.2.Name=tag-key", "vpc-id", "[")
	f.Fuzz(func(t *testing.T, body, name, value string) {
		form, err := url.ParseQuery(body)
		if err != nil {
			t.Skip("not a form")
		}
		filters, err := ParseFilters(form, Attributes{name: nil, "tag-key": nil})
		if err != nil {
			return
		}
		filters.Match(Attributes{name: {value}})
		if len(filters) > 0 && filters.Match(Attributes{}) {
			t.Errorf("%s matches what has nothing", body)
		}
	})
}

func TestWildcards(t *testing.T) {
	for _, tc := range []struct {
		pattern, value string
		want           bool
	}{
		{"public", "public", true}, {"public", "public2", false}, {"pub*", "public", true}, {"*b*", "pub", true}, {"p?b", "pub", true},
		{"p?b", "pb", false}, {"a.c", "abc", false}, {"[a]", "[a]", true}, {"*", "", true}, {"a*c", "a\nc", true},
	} {
		if got := wildcard(tc.pattern).MatchString(tc.value); got != tc.want {
			t.Errorf("%q on %q: %v", tc.pattern, tc.value, got)
		}
	}
}
