package identity

import (
	"strconv"
	"testing"
	"time"
)

// FuzzParseSeed: no file breaks the reader, and one that it takes can be added.
func FuzzParseSeed(f *testing.F) {
	f.Add([]byte(exampleSeed))
	f.Add([]byte(`{"users": [{"userName": "x", "email": "a@b"}], "groups": [{"displayName": "g", "members": ["X"]}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		people, err := parseSeed(raw)
		if err != nil {
			return
		}
		d := newDirectory()
		n := 0
		s := &Identity{opts: Options{NewID: func() string { n++; return strconv.Itoa(n) }, Now: func() time.Time { return time.Time{} }}}
		if err := s.add(d, people); err != nil {
			t.Errorf("%s: %v", raw, err)
		}
	})
}
