package sns

import (
	"encoding/xml"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/parascope/parascope/localaws/gateway"
)

func invalid(format string, args ...any) error {
	return &gateway.Error{Status: http.StatusBadRequest, Code: "InvalidParameter", Message: "Invalid parameter: " + fmt.Sprintf(format,
		args...)}
}

func notFound(message string) error {
	return &gateway.Error{Status: http.StatusNotFound, Code: "NotFound", Message: message}
}

// entries reads NAME.entry.1.key and NAME.entry.1.value.
func entries(form url.Values, name string) map[string]string {
	all := map[string]string{}
	for n := 1; form.Has(name + ".entry." + strconv.Itoa(n) + ".key"); n++ {
		at := name + ".entry." + strconv.Itoa(n)
		all[form.Get(at+".key")] = form.Get(at + ".value")
	}
	return all
}

const maxTags = 50

// tagsOf reads Tags.member.1.Key and .Value.
func tagsOf(form url.Values) (map[string]string, error) {
	all := map[string]string{}
	for n := 1; form.Has("Tags.member." + strconv.Itoa(n) + ".Key"); n++ {
		at := "Tags.member." + strconv.Itoa(n)
		key, value := form.Get(at+".Key"), form.Get(at+".Value")
		if key == "" || len(key) > 128 || len(value) > 256 {
			return nil, invalid("Tags Reason: a key has 1 to 128 characters, a value up to 256")
		}
		all[key] = value
	}
	if len(all) > maxTags {
		return nil, &gateway.Error{Status: http.StatusBadRequest, Code: "TagLimitExceeded",
			Message: "Could not complete request: tag quota of per resource exceeded"}
	}
	return all, nil
}

// attributes is a map as the query protocol prints it.
type attributes map[string]string

// MarshalXML writes <entry> elements, in the keys' order.
func (a attributes) MarshalXML(e *xml.Encoder, start xml.StartElement) error {
	type entry struct {
		Key   string `xml:"key"`
		Value string `xml:"value"`
	}
	var all struct {
		Entry []entry `xml:"entry"`
	}
	for _, k := range slices.Sorted(maps.Keys(a)) {
		all.Entry = append(all.Entry, entry{k, a[k]})
	}
	return e.EncodeElement(all, start)
}

// members is a list as the query protocol prints it.
type members[T any] struct {
	Member []T `xml:"member"`
}

const pageSize = 100

// page is the part of all that a NextToken, an ARN, begins at, and the next one's token.
func page[T any](all []T, arn func(T) string, token string) ([]T, string) {
	start := 0
	for start < len(all) && arn(all[start]) < token {
		start++
	}
	all = all[start:]
	if len(all) > pageSize {
		return all[:pageSize], arn(all[pageSize])
	}
	return all, ""
}
