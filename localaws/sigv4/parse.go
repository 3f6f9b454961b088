// Package sigv4 verifies AWS Signature Version 4 (AWS4-HMAC-SHA256), in the
// Authorization header and in presigned URLs. It is written from AWS's
// description of the algorithm and shares nothing with the SDK that its
// clients sign with, so that one checks the other.
package sigv4

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	algorithm  = "AWS4-HMAC-SHA256"
	terminator = "aws4_request"
	timeFormat = "20060102T150405Z"
	dateFormat = "20060102"
	// maxExpires is a week, the longest time a presigned URL can live.
	maxExpires = 604800
	// defaultExpires is for the services, STS among them, whose presigned URLs
	// need not say.
	defaultExpires = 900
)

// Signature is what a request claims about how it was signed. Nothing in it is
// to be trusted before Verify.
type Signature struct {
	KeyID, Date, Region, Service string
	SignedHeaders                []string // lower case, in the order given
	Time                         time.Time
	Token                        string        // session token, "" without one
	Presigned                    bool          // the signature is in the query
	Expires                      time.Duration // presigned only

	stamp string // Time as it was sent: it goes into the string to sign
	sum   []byte
}

// Parse reads the signature of a request from its Authorization header or from
// its query. Errors are *Failure of kind Missing, Incomplete or Scope.
func Parse(r *http.Request) (*Signature, error) {
	s, err := parse(r)
	if err != nil {
		return s, err
	}
	return s, s.checkSigned(r.Header)
}

func parse(r *http.Request) (*Signature, error) {
	if auth := r.Header.Get("Authorization"); auth != "" {
		return parseHeader(auth, r.Header)
	}
	// A semicolon or a bad escape in the query is none of the signature's
	// business; what can be read of it is enough to find the parameters.
	query, _ := url.ParseQuery(r.URL.RawQuery)
	if query.Has("X-Amz-Algorithm") || query.Has("X-Amz-Signature") {
		return parsePresigned(query)
	}
	return nil, &Failure{Missing, "Missing Authentication Token"}
}

func parseHeader(auth string, header http.Header) (*Signature, error) {
	fields := map[string]string{}
	scheme, rest, _ := strings.Cut(auth, " ")
	for part := range strings.SplitSeq(rest, ",") {
		name, value, ok := strings.Cut(strings.TrimSpace(part), "=")
		if ok {
			fields[name] = value
		}
	}
	var missing []string
	for _, name := range []string{"Credential", "Signature", "SignedHeaders"} {
		if fields[name] == "" {
			missing = append(missing, fmt.Sprintf("Authorization header requires '%s' parameter.", name))
		}
	}
	stamp, when, err := headerTime(header)
	if stamp == "" {
		missing = append(missing, "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
	}
	if scheme != algorithm || len(missing) > 0 {
		// The header itself may be someone's bearer token: only its hash is echoed.
		hash := sha256.Sum256([]byte(auth))
		missing = append(missing, "(Hashed with SHA-256 and encoded with Base64) Authorization="+base64.StdEncoding.EncodeToString(hash[:]))
		return nil, &Failure{Incomplete, strings.Join(missing, " ")}
	}
	if err != nil {
		return nil, err
	}
	s := &Signature{Time: when, stamp: when.Format(timeFormat), Token: header.Get("X-Amz-Security-Token")}
	return s, s.fill(fields["Credential"], fields["SignedHeaders"], fields["Signature"])
}

// checkSigned refuses headers of AWS's that the signature leaves out: they say what is
// to be done, and anybody on the way could have put them there.
func (s *Signature) checkSigned(header http.Header) error {
	for _, name := range slices.Sorted(maps.Keys(header)) {
		if lower := strings.ToLower(name); strings.HasPrefix(lower, "x-amz-") && !slices.Contains(s.SignedHeaders, lower) {
			return &Failure{Unsigned, fmt.Sprintf("'%s' must be a 'SignedHeader' in the AWS Authorization.", name)}
		}
	}
	return nil
}

func parsePresigned(query url.Values) (*Signature, error) {
	var missing []string
	for _, name := range []string{"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date"} {
		if query.Get(name) == "" {
			missing = append(missing, fmt.Sprintf("AWS query-string parameters must include '%s'.", name))
		}
	}
	if len(missing) > 0 {
		return nil, &Failure{Incomplete, strings.Join(missing, " ")}
	}
	if got := query.Get("X-Amz-Algorithm"); got != algorithm {
		return nil, &Failure{Incomplete, fmt.Sprintf("Unsupported AWS 'algorithm': '%s'.", got)}
	}
	when, err := basicTime(query.Get("X-Amz-Date"))
	if err != nil {
		return nil, err
	}
	expires := defaultExpires
	if query.Has("X-Amz-Expires") {
		expires, err = strconv.Atoi(query.Get("X-Amz-Expires"))
	}
	if err != nil || expires < 1 || expires > maxExpires {
		return nil, &Failure{Incomplete, fmt.Sprintf("X-Amz-Expires must be a number of seconds between 1 and %d.", maxExpires)}
	}
	s := &Signature{
		Time: when, stamp: query.Get("X-Amz-Date"), Token: query.Get("X-Amz-Security-Token"),
		Presigned: true, Expires: time.Duration(expires) * time.Second,
	}
	return s, s.fill(query.Get("X-Amz-Credential"), query.Get("X-Amz-SignedHeaders"), query.Get("X-Amz-Signature"))
}

// fill reads the parts that both ways of signing have in common.
func (s *Signature) fill(credential, signedHeaders, signature string) error {
	scope := strings.Split(credential, "/")
	if len(scope) != 5 {
		return &Failure{Incomplete, fmt.Sprintf("Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, "+
			"got '%s'", credential)}
	}
	s.KeyID, s.Date, s.Region, s.Service = scope[0], scope[1], scope[2], scope[3]
	s.SignedHeaders = strings.Split(strings.ToLower(signedHeaders), ";")
	sum, err := hex.DecodeString(signature)
	if err != nil {
		return &Failure{Incomplete, "Signature must be hexadecimal."}
	}
	s.sum = sum
	switch {
	case scope[4] != terminator:
		return &Failure{Scope, fmt.Sprintf("Credential should be scoped with a valid terminator: '%s', not '%s'.", terminator, scope[4])}
	case s.Date != s.Time.Format(dateFormat):
		return &Failure{Scope, fmt.Sprintf("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '%s' != "+
			"'%s', from '%s'.",
			s.Date, s.Time.Format(dateFormat), s.stamp)}
	case !slices.Contains(s.SignedHeaders, "host"):
		return &Failure{Scope, "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."}
	}
	return nil
}

// headerTime is when a request was signed, by X-Amz-Date or, without it, Date.
// The stamp is "" when the request has neither.
func headerTime(h http.Header) (stamp string, when time.Time, err error) {
	if stamp = h.Get("X-Amz-Date"); stamp != "" {
		when, err = basicTime(stamp)
		return stamp, when, err
	}
	if stamp = h.Get("Date"); stamp == "" {
		return "", time.Time{}, nil
	}
	if when, err = http.ParseTime(stamp); err != nil {
		when, err = basicTime(stamp)
	}
	return stamp, when.UTC(), err
}

func basicTime(s string) (time.Time, error) {
	t, err := time.Parse(timeFormat, s)
	if err != nil {
		return t, &Failure{Incomplete, fmt.Sprintf("Date must be in ISO-8601 'basic format'. Got '%s'. See http://en.wikipedia.org/wiki/ISO_8601",
			s)}
	}
	return t, nil
}
