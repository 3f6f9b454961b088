package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"net/http"
	"time"

	"github.com/parascope/parascope/localaws/principal"
)

// maxSkew is how far the signer's clock may be from the cloud's.
const maxSkew = 5 * time.Minute

// Verify checks that the request r with the given body was signed with key, and
// that it was signed now. Errors are *Failure.
func (s *Signature) Verify(r *http.Request, body []byte, key principal.AccessKey, now time.Time) error {
	if err := s.check(key, now); err != nil {
		return err
	}
	payload, err := payloadHash(r, body, s)
	if err != nil {
		return err
	}
	return s.compare(r, payload, key)
}

// VerifyHead checks what Verify does as far as it does not depend on the body: all but
// the signature itself, and that too where the request names the body's hash.
func (s *Signature) VerifyHead(r *http.Request, key principal.AccessKey, now time.Time) error {
	if err := s.check(key, now); err != nil {
		return err
	}
	claimed := r.Header.Get("X-Amz-Content-Sha256")
	switch {
	case claimed == "" && s.Presigned && s.Service == "s3":
		claimed = unsignedPayload
	case claimed == "":
		return nil
	}
	return s.compare(r, claimed, key)
}

func (s *Signature) check(key principal.AccessKey, now time.Time) error {
	if err := s.checkToken(key, now); err != nil {
		return err
	}
	return s.checkTime(now)
}

// compare computes the signature of the request with this hash of its body.
func (s *Signature) compare(r *http.Request, payload string, key principal.AccessKey) error {
	canonical := canonicalRequest(r, s, payload)
	toSign := s.stringToSign(canonical)
	if !hmac.Equal(s.sum, sign(key.Secret, s, toSign)) {
		return &Failure{Mismatch, mismatch + "\n\nThe Canonical String for this request should have been\n'" + canonical +
			"'\n\nThe String-to-Sign should have been\n'" + toSign + "'\n"}
	}
	return nil
}

const mismatch = "The request signature we calculated does not match the signature you provided. " +
	"Check your AWS Secret Access Key and signing method. Consult the service documentation for details."

// checkToken: a temporary key is only half of the credentials, its session
// token is the other, and both end together.
func (s *Signature) checkToken(key principal.AccessKey, now time.Time) error {
	if subtle.ConstantTimeCompare([]byte(s.Token), []byte(key.SessionToken)) != 1 {
		return &Failure{UnknownKey, "The security token included in the request is invalid."}
	}
	if !key.Expires.IsZero() && !now.Before(key.Expires) {
		return &Failure{TokenExpired, "The security token included in the request is expired"}
	}
	return nil
}

func (s *Signature) checkTime(now time.Time) error {
	oldest, allowed := now.Add(-maxSkew), maxSkew
	if s.Presigned {
		oldest, allowed = now.Add(-s.Expires), s.Expires
	}
	stamp := func(t time.Time) string { return t.UTC().Format(timeFormat) }
	switch {
	case s.Time.Before(oldest):
		return &Failure{Expired, fmt.Sprintf("Signature expired: %s is now earlier than %s (%s - %s.)",
			stamp(s.Time), stamp(oldest), stamp(now), minutes(allowed))}
	case s.Time.After(now.Add(maxSkew)):
		return &Failure{Expired, fmt.Sprintf("Signature not yet current: %s is still later than %s (%s + %s.)",
			stamp(s.Time), stamp(now.Add(maxSkew)), stamp(now), minutes(maxSkew))}
	}
	return nil
}

func minutes(d time.Duration) string {
	if d%time.Minute == 0 {
		return fmt.Sprintf("%d min", d/time.Minute)
	}
	return fmt.Sprintf("%d sec", d/time.Second)
}

func (s *Signature) stringToSign(canonical string) string {
	hash := sha256.Sum256([]byte(canonical))
	return algorithm + "\n" + s.stamp + "\n" +
		s.Date + "/" + s.Region + "/" + s.Service + "/" + terminator + "\n" + hex.EncodeToString(hash[:])
}

func sign(secret string, s *Signature, toSign string) []byte {
	key := []byte("AWS4" + secret)
	for _, part := range []string{s.Date, s.Region, s.Service, terminator, toSign} {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(part)) // a hash's Write never fails
		key = mac.Sum(nil)
	}
	return key
}
