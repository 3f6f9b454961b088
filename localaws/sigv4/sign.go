package sigv4

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/parascope/parascope/localaws/principal"
)

// Sign signs r, whose body is body, with key, in the Authorization header. Host, date,
// session token and the other headers of AWS's are signed, and nothing else, as AWS's
// managed services do: what a proxy adds on the way does no harm. A signature that r
// has is replaced.
func Sign(r *http.Request, body []byte, key principal.AccessKey, service, region string, now time.Time) {
	if r.Host == "" {
		r.Host = r.URL.Host
	}
	stamp := now.UTC().Format(timeFormat)
	s := &Signature{
		KeyID: key.ID, Date: stamp[:len(dateFormat)], Region: region, Service: service,
		SignedHeaders: []string{"host"}, Token: key.SessionToken, stamp: stamp,
	}
	r.Header.Set("X-Amz-Date", stamp)
	r.Header.Del("X-Amz-Security-Token")
	if key.SessionToken != "" {
		r.Header.Set("X-Amz-Security-Token", key.SessionToken)
	}
	sum := sha256.Sum256(body)
	payload := hex.EncodeToString(sum[:])
	r.Header.Del("X-Amz-Content-Sha256")
	if service == "s3" { // the only service that insists on it
		r.Header.Set("X-Amz-Content-Sha256", payload)
	}
	for name := range r.Header {
		if lower := strings.ToLower(name); strings.HasPrefix(lower, "x-amz-") {
			s.SignedHeaders = append(s.SignedHeaders, lower)
		}
	}
	slices.Sort(s.SignedHeaders)
	signature := sign(key.Secret, s, s.stringToSign(canonicalRequest(r, s, payload)))
	r.Header.Set("Authorization", algorithm+" Credential="+strings.Join([]string{s.KeyID, s.Date, s.Region, s.Service, terminator}, "/")+
		", SignedHeaders="+strings.Join(s.SignedHeaders, ";")+", Signature="+hex.EncodeToString(signature))
}
