package sigv4

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
)

const unsignedPayload = "UNSIGNED-PAYLOAD"

// canonicalRequest is the text whose hash was signed: method, path, query,
// headers, the signed headers' names and the payload's hash.
func canonicalRequest(r *http.Request, s *Signature, payload string) string {
	var b strings.Builder
	b.WriteString(r.Method + "\n" + canonicalPath(r.URL.EscapedPath(), s.Service) + "\n" + canonicalQuery(r.URL.RawQuery) + "\n")
	for _, name := range s.SignedHeaders {
		b.WriteString(name + ":" + canonicalHeader(r, name) + "\n")
	}
	b.WriteString("\n" + strings.Join(s.SignedHeaders, ";") + "\n" + payload)
	return b.String()
}

// canonicalPath normalizes the path as it was sent, which is encoded already,
// and encodes it once more. S3, whose keys may hold "..", takes it as it is.
func canonicalPath(escaped, service string) string {
	if escaped == "" {
		return "/"
	}
	if service == "s3" {
		return escaped
	}
	return encode(CleanPath(escaped), true)
}

// CleanPath is a path as all services but S3 read it, signed and looked up: without empty
// segments, "." and "..".
func CleanPath(escaped string) string {
	clean := path.Clean(escaped)
	if strings.HasSuffix(escaped, "/") && clean != "/" {
		clean += "/"
	}
	return clean
}

// canonicalQuery is the query sorted by name, then value, each encoded once.
func canonicalQuery(raw string) string {
	type pair struct{ name, value string }
	var pairs []pair
	for part := range strings.SplitSeq(raw, "&") {
		name, value, _ := strings.Cut(part, "=")
		name, value = reencode(name), reencode(value)
		if part != "" && name != "X-Amz-Signature" {
			pairs = append(pairs, pair{name, value})
		}
	}
	slices.SortFunc(pairs, func(a, b pair) int {
		return cmp.Or(strings.Compare(a.name, b.name), strings.Compare(a.value, b.value))
	})
	var b strings.Builder
	for i, p := range pairs {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(p.name + "=" + p.value)
	}
	return b.String()
}

// canonicalHeader joins a header's values, trimmed and with runs of spaces made one.
func canonicalHeader(r *http.Request, name string) string {
	switch name {
	case "host":
		return r.Host
	case "content-length":
		return strconv.FormatInt(r.ContentLength, 10)
	}
	var values []string
	for _, v := range r.Header.Values(name) {
		values = append(values, strings.Join(strings.Fields(v), " "))
	}
	return strings.Join(values, ",")
}

// payloadHash is the hash of the body that was signed. A client that names one
// in X-Amz-Content-Sha256 must have named the right one.
func payloadHash(r *http.Request, body []byte, s *Signature) (string, error) {
	sum := sha256.Sum256(body)
	actual := hex.EncodeToString(sum[:])
	claimed := r.Header.Get("X-Amz-Content-Sha256")
	switch {
	case claimed == "" && s.Presigned && s.Service == "s3":
		return unsignedPayload, nil
	case claimed == "":
		return actual, nil
	case claimed == unsignedPayload && s.Service == "s3":
		return claimed, nil
	case claimed != actual:
		return "", &Failure{Mismatch, "The provided 'x-amz-content-sha256' header does not match what was computed."}
	}
	return claimed, nil
}

// reencode brings one part of a query to AWS's encoding, whatever the client's
// was. "+" is a plus sign in it, not a space.
func reencode(s string) string {
	plain, err := url.PathUnescape(s)
	if err != nil {
		return encode(s, false)
	}
	return encode(plain, false)
}

// encode is AWS's UriEncode: everything but RFC 3986's unreserved characters
// and, in a path, the slash.
func encode(s string, slash bool) string {
	const upperHex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9',
			c == '-', c == '.', c == '_', c == '~', c == '/' && slash:
			b.WriteByte(c)
		default:
			b.Write([]byte{'%', upperHex[c>>4], upperHex[c&15]})
		}
	}
	return b.String()
}
