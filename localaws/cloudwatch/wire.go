package cloudwatch

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/parascope/parascope/localaws/gateway"
)

// decoder reads the input of an operation into a value.
type decoder func(into any) error

// decode reads a request in its protocol. All of them become JSON: operations know no
// protocol.
func decode(p gateway.Protocol, r *gateway.Request, into any) error {
	raw, err := plain(r)
	switch {
	case err != nil:
	case p == gateway.Query:
		raw, err = json.Marshal(tree(r.Form))
	case p == gateway.CBOR:
		raw, err = fromCBOR(raw)
	}
	if err == nil && len(bytes.TrimSpace(raw)) > 0 {
		err = json.Unmarshal(raw, into)
	}
	if err != nil {
		return invalid("SerializationException", "The request could not be read")
	}
	return nil
}

// maxPlain bounds a body that was compressed: that of PutMetricData may have 1 MB.
const maxPlain = 1 << 20

// plain is a request's body, as it was before its client compressed it.
func plain(r *gateway.Request) ([]byte, error) {
	if r.Header.Get("Content-Encoding") != "gzip" {
		return r.Body, nil
	}
	z, err := gzip.NewReader(bytes.NewReader(r.Body))
	if err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(io.LimitReader(z, maxPlain+1))
	if err == nil && len(raw) > maxPlain {
		err = fmt.Errorf("the body has more than %d bytes", maxPlain)
	}
	return raw, err
}

// fromCBOR is the JSON of a CBOR value. Its times become ISO 8601.
func fromCBOR(raw []byte) ([]byte, error) {
	if len(raw) == 0 {
		return nil, nil // an operation without an input
	}
	mode, err := cbor.DecOptions{DefaultMapType: reflect.TypeFor[map[string]any](), MaxNestedLevels: 16}.DecMode()
	if err != nil {
		return nil, fmt.Errorf("could not create the CBOR decoder: %w", err)
	}
	var v any
	if err := mode.Unmarshal(raw, &v); err != nil {
		return nil, fmt.Errorf("could not decode CBOR: %w", err)
	}
	return json.Marshal(v)
}

// Bounds of a form: more is a slip, or an attack.
const (
	maxIndex = 10_000 // of a list
	maxParts = 16     // of a name
)

// tree is a form of the query protocol as nested objects and lists: "A.member.1.B" is B of
// the first member of A.
func tree(form url.Values) map[string]any {
	root := map[string]any{}
	for name, values := range form {
		parts, at := strings.SplitN(name, ".", maxParts+1), root
		if len(parts) > maxParts {
			continue
		}
		for i, part := range parts {
			if i == len(parts)-1 {
				if _, there := at[part]; !there {
					at[part] = values[0]
				}
				break
			}
			next, ok := at[part].(map[string]any)
			if !ok {
				next = map[string]any{}
				at[part] = next
			}
			at = next
		}
	}
	return lists(root).(map[string]any) // a form is no list
}

// lists makes lists of objects that have numbered members only.
func lists(v any) any {
	object, ok := v.(map[string]any)
	if !ok {
		return v
	}
	if members, ok := object["member"].(map[string]any); ok && len(object) == 1 {
		var places []int
		for name := range members {
			if n, err := strconv.Atoi(name); err == nil && n > 0 && n <= maxIndex {
				places = append(places, n)
			}
		}
		slices.Sort(places)
		out := make([]any, 0, len(places))
		for _, n := range places {
			out = append(out, lists(members[strconv.Itoa(n)]))
		}
		return out
	}
	for name, x := range object {
		object[name] = lists(x)
	}
	return object
}

// list is one in all protocols: in XML its members stand in elements of that name.
type list[T any] []T

// MarshalXML writes <member> elements.
func (l list[T]) MarshalXML(e *xml.Encoder, start xml.StartElement) error {
	return e.EncodeElement(struct {
		Member []T `xml:"member"`
	}{l}, start)
}

// MarshalJSON writes an empty list as one.
func (l list[T]) MarshalJSON() ([]byte, error) { return json.Marshal(append([]T{}, l...)) }

// MarshalCBOR writes an empty list as one.
func (l list[T]) MarshalCBOR() ([]byte, error) { return cbor.Marshal(append([]T{}, l...)) }

// UnmarshalJSON reads a list, or the empty text by which a form says that it is empty.
func (l *list[T]) UnmarshalJSON(raw []byte) error {
	if string(raw) == `""` {
		return nil
	}
	return json.Unmarshal(raw, (*[]T)(l))
}

// instant is a time: ISO 8601 in forms and XML, seconds since 1970 in JSON, and those
// under tag 1 in CBOR.
type instant struct{ time.Time }

// UnmarshalJSON reads seconds or ISO 8601.
func (t *instant) UnmarshalJSON(raw []byte) error {
	if s, err := strconv.ParseFloat(string(raw), 64); err == nil && math.Abs(s) < 1e11 {
		t.Time = time.UnixMilli(int64(math.Round(s * 1000))).UTC()
		return nil
	}
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return err
	}
	at, err := time.Parse(time.RFC3339, text)
	t.Time = at.UTC()
	return err
}

func (t instant) seconds() float64 { return float64(t.UnixMilli()) / 1000 }

// MarshalText is for XML.
func (t instant) MarshalText() ([]byte, error) { return []byte(t.UTC().Format(time.RFC3339)), nil }

// MarshalJSON writes seconds.
func (t instant) MarshalJSON() ([]byte, error) { return json.Marshal(t.seconds()) }

// MarshalCBOR writes seconds under their tag.
func (t instant) MarshalCBOR() ([]byte, error) {
	return cbor.Marshal(cbor.Tag{Number: 1, Content: t.seconds()})
}
