package head

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
	"unicode/utf16"

	"google.golang.org/protobuf/encoding/protowire"
)

// hostilePages are answers that are meant to end, stall or fill a head.
func hostilePages() map[string]http.HandlerFunc {
	packed := func(unit string, n int) []byte {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		for range n {
			_, _ = io.WriteString(w, unit)
		}
		_ = w.Close()
		return b.Bytes()
	}
	long := strings.Repeat("x", 1<<20)
	text := func(encoding string, body []byte) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain; version=0.0.4")
			if encoding != "" {
				w.Header().Set("Content-Encoding", encoding)
			}
			_, _ = w.Write(body)
		}
	}
	endless := func(unit string, pause time.Duration) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			for n := 0; r.Context().Err() == nil; n++ {
				if _, err := fmt.Fprintf(w, unit, n); err != nil {
					return
				}
				if pause > 0 {
					w.(http.Flusher).Flush()
					<-time.After(pause)
				}
			}
		}
	}
	numbered := func(n int, unit string) []byte {
		var b bytes.Buffer
		for i := range n {
			fmt.Fprintf(&b, unit, i)
		}
		return b.Bytes()
	}
	return map[string]http.HandlerFunc{
		"label of 2^24 bytes": text("gzip", packed("evil{x=\""+strings.Repeat(long, 16)+"\"} 1\n", 1)),
		"label of 12 MB":      text("gzip", packed("evil{x=\""+strings.Repeat(long, 12)+"\"} 1\n", 1)),
		"bomb":                text("gzip", packed(long, 512)),
		"bomb of lines":       text("gzip", packed(strings.Repeat("# x\n", 1<<16), 2000)),
		"no gzip":             text("gzip", []byte("a 1\n")),
		"twice packed":        text("gzip, gzip", packed("a 1\n", 1000)),
		"series without end":  endless("a%d 1\n", 0),
		"slow":                endless("a%d 1\n", 100*time.Millisecond),
		"many series":         text("", numbered(1_000_000, "a%d 1\n")),
		"many labels":         text("", append(append([]byte("a{"), numbered(100_000, "l%d=\"x\",")...), "} 1\n"...)),
		"many texts":          text("", numbered(300_000, "# HELP a%d Help.\n")),
		"zeros":               text("", make([]byte, 8<<20)),
		"quotes":              text("", []byte(strings.Repeat("\"", 4<<20)+"\n")),
		"half a protobuf page": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/vnd.google.protobuf")
			_, _ = w.Write([]byte("\xff\xff\xff\xff\x7f"))
		},
	}
}

// oddPages are in formats and encodings that few exporters use, or none, and hold
// histograms of which little is right.
func oddPages() map[string]http.HandlerFunc {
	const (
		text        = "text/plain; version=0.0.4"
		openMetrics = "application/openmetrics-text; version=1.0.0; charset=utf-8"
		protobuf    = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
	)
	page := func(contentType string, body []byte, headers ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			for i := 0; i < len(headers); i += 2 {
				w.Header().Add(headers[i], headers[i+1])
			}
			_, _ = w.Write(body)
		}
	}
	lines := func(n int, unit string) []byte {
		var b bytes.Buffer
		for i := range n {
			fmt.Fprintf(&b, unit, i)
		}
		return b.Bytes()
	}
	classic := func(n int) []byte {
		return append([]byte("# TYPE h histogram\n"), lines(n, "h_bucket{le=\"%d\"} 1\n")...)
	}
	var deflated bytes.Buffer
	d, _ := flate.NewWriter(&deflated, flate.DefaultCompression)
	_, _ = d.Write(lines(1000, "a%d 1\n"))
	_ = d.Close()
	var wide []byte
	for _, u := range utf16.Encode([]rune(string(lines(100_000, "a%d 1\n")))) {
		wide = append(wide, byte(u), byte(u>>8))
	}
	large := strings.Split(strings.Repeat("X-A,"+strings.Repeat("x", 30_000)+",", 30)+"X-B,x", ",")
	const most = 15 << 20 // bytes
	return map[string]http.HandlerFunc{
		"deflate":                    page(text, deflated.Bytes(), "Content-Encoding", "deflate"),
		"zstd":                       page(text, []byte("\x28\xb5\x2f\xfd\x00\x00"), "Content-Encoding", "zstd"),
		"UTF-16":                     page(text, wide),
		"invalid UTF-8":              page(text, lines(300_000, "a{x=\"\xff\xfe%d\"} 1\n")),
		"returns":                    page(text, bytes.ReplaceAll(lines(500_000, "a%d 1\n"), []byte("\n"), []byte("\r"))),
		"escapes":                    page(text, []byte("a{x=\""+strings.Repeat("\\n", most/2-8)+"\"} 1\n")),
		"names in quotes":            page(text, lines(400_000, "{\"a b%d\",\"c d\"=\"x\"} 1\n")),
		"large headers":              page(text, []byte("a 1\n"), large...),
		"buckets of one histogram":   page(text, classic(500_000)),
		"buckets of many histograms": page(text, lines(300_000, "h_bucket{x=\"%[1]d\",le=\"%[1]d\"} 1\n")),
		"buckets without le":         page(text, append([]byte("# TYPE h histogram\n"), bytes.Repeat([]byte("h_bucket 1\n"), 500_000)...)),
		"OpenMetrics without an end": page(openMetrics, lines(500_000, "a%d 1\n")),
		"exemplars":                  page(openMetrics, append(lines(150_000, "a%[1]d_total 1 # {trace=\"%060[1]d\"} 1\n"), "# EOF\n"...)),
		"units":                      page(openMetrics, append(lines(300_000, "# UNIT a%[1]d_s s\n"), "# EOF\n"...)),
		"protobuf classic buckets":   page(protobuf, family(4, lengthOf(7, repeated(3, nil, most)))),
		"protobuf full buckets":      page(protobuf, family(4, lengthOf(7, repeated(3, []byte{8, 1, 17, 0, 0, 0, 0, 0, 0, 240, 63}, most)))),
		"protobuf spans":             page(protobuf, family(4, lengthOf(7, repeated(12, nil, most)))),
		"protobuf deltas":            page(protobuf, family(4, lengthOf(7, lengthOf(13, bytes.Repeat([]byte{2}, most))))),
		"protobuf exemplars":         page(protobuf, family(4, lengthOf(7, repeated(16, nil, most)))),
		"protobuf labels":            page(protobuf, family(1, repeated(1, nil, most))),
		"protobuf quantiles":         page(protobuf, family(2, lengthOf(4, repeated(3, nil, most)))),
		"protobuf metrics":           page(protobuf, familyOf(repeated(4, nil, most))),
		"protobuf families":          page(protobuf, bytes.Repeat(familyOf(nil), most/8)),
		"protobuf name":              page(protobuf, familyOf(lengthOf(2, bytes.Repeat([]byte("x"), most)))),
		"protobuf lie":               page(protobuf, append(protowire.AppendVarint(nil, 1<<62), make([]byte, 1000)...)),
	}
}

// lengthOf is a field of bytes, as protobuf writes it.
func lengthOf(field protowire.Number, b []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, field, protowire.BytesType), b)
}

// repeated is a field again and again, about size bytes of it.
func repeated(field protowire.Number, b []byte, size int) []byte {
	one := lengthOf(field, b)
	return bytes.Repeat(one, size/len(one))
}

// family is one of a type with one metric, delimited.
func family(kind uint64, metric []byte) []byte {
	b := lengthOf(1, []byte("evil"))
	b = protowire.AppendVarint(protowire.AppendTag(b, 3, protowire.VarintType), kind)
	return delimited(append(b, lengthOf(4, metric)...))
}

// familyOf has a name and what is given.
func familyOf(b []byte) []byte { return delimited(append(lengthOf(1, []byte("evil")), b...)) }

func delimited(b []byte) []byte { return protowire.AppendBytes(nil, b) }
