package sigv4

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/parascope/parascope/localaws/principal"
)

// Presign is address with a signature in its query: whoever has it may make the
// request, with this method, until expires after now. Only the host is signed
// beside it; for S3 the body is free, elsewhere it must be empty.
func Presign(method, address string, key principal.AccessKey, service, region string, now time.Time, expires time.Duration) (string,
	error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", fmt.Errorf("presign: %w", err)
	}
	s := &Signature{
		KeyID: key.ID, Date: now.UTC().Format(dateFormat), Region: region, Service: service, SignedHeaders: []string{"host"},
		Presigned: true, stamp: now.UTC().Format(timeFormat),
	}
	query := u.Query()
	query.Set("X-Amz-Algorithm", algorithm)
	query.Set("X-Amz-Credential", key.ID+"/"+s.Date+"/"+region+"/"+service+"/"+terminator)
	query.Set("X-Amz-Date", s.stamp)
	query.Set("X-Amz-Expires", strconv.Itoa(int(expires.Seconds())))
	query.Set("X-Amz-SignedHeaders", "host")
	if key.SessionToken != "" {
		query.Set("X-Amz-Security-Token", key.SessionToken)
	}
	u.RawQuery = query.Encode()
	payload := unsignedPayload
	if service != "s3" {
		empty := sha256.Sum256(nil)
		payload = hex.EncodeToString(empty[:])
	}
	toSign := s.stringToSign(canonicalRequest(&http.Request{Method: method, URL: u, Host: u.Host}, s, payload))
	u.RawQuery += "&X-Amz-Signature=" + hex.EncodeToString(sign(key.Secret, s, toSign))
	return u.String(), nil
}

// EscapePath encodes one segment of a path as AWS does: all but letters, digits and
// "-._~", the slash included.
func EscapePath(segment string) string { return encode(segment, false) }
