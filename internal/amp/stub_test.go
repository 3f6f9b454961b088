package amp_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

const region = "eu-west-1"

var key = aws.Credentials{AccessKeyID: "AKIDTEST", SecretAccessKey: "secret"}

type summary struct{ id, alias, status string }

// stub speaks AMP's wire format as far as these tests ask: list (two workspaces
// a page), describe, and one canned answer to every query. It refuses what is
// not signed for it.
type stub struct {
	*httptest.Server
	workspaces []summary
	status     int
	answer     string
	asked      url.Values // the last query's form
	path       string     // and its path
}

func newStub(t *testing.T, workspaces ...summary) *stub {
	s := &stub{workspaces: workspaces, status: http.StatusOK}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /workspaces", s.list)
	mux.HandleFunc("GET /workspaces/{id}", s.describe)
	mux.HandleFunc("POST /workspaces/{id}/api/v1/{op}", s.query)
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !signed(t, r) {
			refuse(w, http.StatusForbidden, "AccessDeniedException", "the signature does not match")
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *stub) config() aws.Config {
	return aws.Config{
		Region:       region,
		BaseEndpoint: &s.URL,
		Credentials:  credentials.StaticCredentialsProvider{Value: key},
	}
}

// signed signs the request once more and compares.
func signed(t *testing.T, r *http.Request) bool {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Error(err)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	got := r.Header.Get("Authorization")
	_, rest, _ := strings.Cut(got, "SignedHeaders=")
	names, _, _ := strings.Cut(rest, ",")
	again := &http.Request{Method: r.Method, Host: r.Host, Header: http.Header{}}
	again.URL = &url.URL{Scheme: "http", Host: r.Host, Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery}
	for name := range strings.SplitSeq(names, ";") {
		switch name {
		case "host":
		case "content-length":
			again.ContentLength = r.ContentLength
		default:
			again.Header[http.CanonicalHeaderKey(name)] = r.Header.Values(name)
		}
	}
	at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	if err != nil {
		return false
	}
	hash := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(t.Context(), key, again, hex.EncodeToString(hash[:]), "aps", region, at); err != nil {
		t.Error(err)
	}
	return got == again.Header.Get("Authorization")
}

func (s *stub) list(w http.ResponseWriter, r *http.Request) {
	from, err := strconv.Atoi(r.URL.Query().Get("nextToken"))
	if err != nil {
		from = 0 // the first page has no token
	}
	to := min(from+2, len(s.workspaces))
	page := map[string]any{"workspaces": []any{}}
	for _, ws := range s.workspaces[from:to] {
		page["workspaces"] = append(page["workspaces"].([]any), s.describable(ws))
	}
	if to < len(s.workspaces) {
		page["nextToken"] = strconv.Itoa(to)
	}
	reply(w, http.StatusOK, page)
}

func (s *stub) describe(w http.ResponseWriter, r *http.Request) {
	for _, ws := range s.workspaces {
		if ws.id == r.PathValue("id") {
			d := s.describable(ws)
			d["prometheusEndpoint"] = s.URL + "/workspaces/" + ws.id + "/"
			reply(w, http.StatusOK, map[string]any{"workspace": d})
			return
		}
	}
	refuse(w, http.StatusNotFound, "ResourceNotFoundException", "Workspace not found")
}

func (s *stub) describable(ws summary) map[string]any {
	return map[string]any{
		"workspaceId": ws.id, "alias": ws.alias, "createdAt": 1795000000,
		"arn":    fmt.Sprintf("arn:aws:aps:%s:123456789012:workspace/%s", region, ws.id),
		"status": map[string]any{"statusCode": ws.status},
	}
}

func (s *stub) query(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.asked, s.path = r.PostForm, r.URL.Path
	w.WriteHeader(s.status)
	io.WriteString(w, s.answer)
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body)
}

func refuse(w http.ResponseWriter, status int, kind, message string) {
	w.Header().Set("X-Amzn-ErrorType", kind)
	reply(w, status, map[string]string{"message": message})
}
