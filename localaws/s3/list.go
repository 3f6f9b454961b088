package s3

import (
	"encoding/xml"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/state"
)

const defaultPage = 1000

type listing struct {
	XMLName               xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListBucketResult"`
	Name                  string
	Prefix                string
	Delimiter             string `xml:",omitempty"`
	StartAfter            string `xml:",omitempty"`
	ContinuationToken     string `xml:",omitempty"`
	NextContinuationToken string `xml:",omitempty"`
	EncodingType          string `xml:",omitempty"`
	KeyCount              int
	MaxKeys               int
	IsTruncated           bool
	Contents              []content
	CommonPrefixes        []commonPrefix
}

type content struct {
	Key, LastModified, ETag string
	Size                    int64
	StorageClass            string
}

type commonPrefix struct{ Prefix string }

func (s *S3) listObjects(w http.ResponseWriter, r *gateway.Request) error {
	b, err := s.visible(r)
	if err != nil {
		return err
	}
	query := r.URL.Query()
	out := listing{
		Name: b.Name, Prefix: query.Get("prefix"), Delimiter: query.Get("delimiter"), MaxKeys: defaultPage,
		StartAfter: query.Get("start-after"), ContinuationToken: query.Get("continuation-token"), EncodingType: query.Get("encoding-type"),
	}
	if text := query.Get("max-keys"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return refuse(http.StatusBadRequest, "InvalidArgument", "Provided max-keys not an integer or within integer range")
		}
		out.MaxKeys = min(n, defaultPage)
	}
	err = s.opts.State.View(func(tx *state.Tx) error { return eachObject(tx, b.Name, out.add) })
	if err != nil {
		return err
	}
	if !out.IsTruncated {
		out.NextContinuationToken = ""
	}
	out.KeyCount = len(out.Contents) + len(out.CommonPrefixes)
	if out.EncodingType == "url" {
		out.encode()
	}
	return gateway.WriteXML(w, http.StatusOK, out)
}

// add takes one more object in, the keys being in their order: itself, or what it
// has in common with others up to the delimiter. The token of the next page is
// the last key, or common prefix, of this one.
func (l *listing) add(o *object) {
	after := max(l.StartAfter, l.ContinuationToken)
	if l.IsTruncated || !strings.HasPrefix(o.Key, l.Prefix) || o.Key <= after {
		return
	}
	prefix := ""
	if l.Delimiter != "" {
		if before, _, found := strings.Cut(o.Key[len(l.Prefix):], l.Delimiter); found {
			prefix = l.Prefix + before + l.Delimiter
		}
	}
	n := len(l.CommonPrefixes)
	if prefix != "" && (prefix == l.ContinuationToken || n > 0 && l.CommonPrefixes[n-1].Prefix == prefix) {
		return
	}
	if len(l.Contents)+n == l.MaxKeys {
		l.IsTruncated = l.MaxKeys > 0
		return
	}
	if prefix != "" {
		l.NextContinuationToken = prefix
		l.CommonPrefixes = append(l.CommonPrefixes, commonPrefix{prefix})
		return
	}
	l.NextContinuationToken = o.Key
	l.Contents = append(l.Contents, content{o.Key, o.LastModified.UTC().Format(stamp), `"` + o.ETag + `"`, o.Size, "STANDARD"})
}

// encode is for keys that XML cannot hold: the client asked for them encoded.
func (l *listing) encode() {
	escape := func(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "%2F", "/") }
	l.Prefix, l.Delimiter, l.StartAfter = escape(l.Prefix), escape(l.Delimiter), escape(l.StartAfter)
	for i := range l.Contents {
		l.Contents[i].Key = escape(l.Contents[i].Key)
	}
	for i := range l.CommonPrefixes {
		l.CommonPrefixes[i].Prefix = escape(l.CommonPrefixes[i].Prefix)
	}
}
