package amp

import (
	"strings"
	"testing"

	"github.com/parascope/parascope/internal/hint"
)

// AMP repeats the request whose signature it refuses, session token and all, in the
// middle of its message.
func TestRefusalHoldsNoToken(t *testing.T) {
	_, err := decode(403, []byte(`{"message":"The request signature we calculated does not match.\n\n`+
		`The Canonical String for this request should have been\n'POST\n/\n\nx-amz-security-token:IQoJb3JpZ2lu\n'\n"}`))
	if err == nil || err.Error() != "HTTP 403: The request signature we calculated does not match." || hint.CodeOf(err) != hint.Denied {
		t.Errorf("code %d: %v", hint.CodeOf(err), err)
	}
	if _, err = decode(502, []byte("proxy: x-amz-security-token: IQoJb3JpZ2lu")); err == nil || strings.Contains(err.Error(), "IQoJ") {
		t.Errorf("%v", err)
	}
}

// FuzzDecode: whatever a server answers gives a value or an error.
func FuzzDecode(f *testing.F) {
	for _, body := range []string{
		`{"status":"success","data":{"resultType":"vector","result":[{"metric":{"a":"b"},"value":[1,"2"]}]}}`,
		`{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"histogram":[1,{"count":"2","sum":"3","buckets":[[0,"1","2","2"]]}]}]}}`,
		`{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1,"2"]]}]}}`,
		`{"status":"success","data":{"resultType":"scalar","result":[1,"2"]}}`,
		`{"status":"success","data":{"resultType":"string","result":[1,"x"]}}`,
		`{"status":"success","data":{"resultType":"scalar","result":null}}`,
		`{"status":"success","data":{"resultType":"vector","result":[null]}}`,
		`{"status":"error","errorType":"bad_data","error":"x"}`,
		`{"Message":"no"}`, `null`, `[]`, ``,
	} {
		f.Add(200, []byte(body))
		f.Add(400, []byte(body))
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		r, err := decode(status, body)
		if (err == nil) == (r.Value == nil) {
			t.Errorf("value %v and error %v", r.Value, err)
		}
		if err == nil {
			r.Empty()
			_ = r.Value.String()
		}
	})
}
