package cloudwatch

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFormsAsTrees(t *testing.T) {
	for form, want := range map[string]string{
		"":                                     `{}`,
		"A=1&B.C=x":                            `{"A":"1","B":{"C":"x"}}`,
		"A.member.2=y&A.member.1=x":            `{"A":["x","y"]}`,
		"A.member.10.B=y&A.member.9.B=x":       `{"A":[{"B":"x"},{"B":"y"}]}`,
		"A.member.1.B.member.1=x&A.member.1.C": `{"A":[{"B":["x"],"C":""}]}`,
		"A.member.0=x&A.member.99999999999999": `{"A":[]}`,
		"A.member=":                            `{"A":{"member":""}}`,
		"A=1&" + strings.Repeat("B.", maxParts-1) + "B=2&" + strings.Repeat("C.", maxParts) + "C": `{"A":"1","B":` +
			strings.Repeat(`{"B":`, maxParts-1) + `"2"` + strings.Repeat("}", maxParts),
	} {
		values, err := url.ParseQuery(form)
		if err != nil {
			t.Fatal(err)
		}
		got, err := json.Marshal(tree(values))
		if diff := cmp.Diff(want, string(got)); diff != "" || err != nil {
			t.Errorf("%s: %v %s", form, err, diff)
		}
	}
}

// FuzzWire: no request breaks the readers.
func FuzzWire(f *testing.F) {
	f.Add("A.member.1.B=x&A=y", []byte("\xa1aA\x81\x01"))
	f.Add("A.B=x&A.B.C=y&A.B.member.1=z", []byte("\x9f\xff"))
	f.Add("...=&.=", []byte("\xc1\xfb\x41\xda\x48\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, form string, raw []byte) {
		if values, err := url.ParseQuery(form); err == nil {
			if _, err := json.Marshal(tree(values)); err != nil {
				t.Error(err)
			}
		}
		if out, err := fromCBOR(raw); err == nil && len(raw) > 0 && !json.Valid(out) {
			t.Errorf("%s is no JSON", out)
		}
	})
}
