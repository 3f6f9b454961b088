package page

import (
	"math"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestSample(t *testing.T) {
	size := &Family{Name: "size_bytes", Help: `Of a \ and` + "\nmore.", Type: Gauge, Labels: []string{"device", "mount"}}
	up := &Family{Name: "up_total", Help: "Ups.", Type: Counter}
	var p Page
	p.Sample(size, 1e9, "a", `C:\x`)
	p.Sample(size, math.NaN(), "b", "")
	p.Sample(size, math.Inf(1), "c", `say "hi"`)
	p.Sample(up, 3)
	const want = `# HELP size_bytes Of a \\ and\nmore.
# TYPE size_bytes gauge
size_bytes{device="a",mount="C:\\x5cx"} 1e+09
size_bytes{device="c",mount="say \"hi\""} +Inf
# HELP up_total Ups.
# TYPE up_total counter
up_total 3
`
	if got := string(p.Bytes()); got != want || p.Err() != nil {
		t.Errorf("page, error %v:\n%s\nwant\n%s", p.Err(), got, want)
	}
	if p.Series() != 3 {
		t.Errorf("%d series; want 3", p.Series())
	}
	p.Reset()
	if len(p.Bytes()) != 0 || p.Series() != 0 {
		t.Error("Reset leaves something")
	}
	values := []string{"a", "/mnt"}
	if n := testing.AllocsPerRun(100, func() { p.Reset(); p.Sample(size, 0.5, values...); p.Sample(size, 2, "b", "/data") }); n != 0 {
		t.Errorf("%v allocations for two samples; want none", n)
	}
}

func TestLabelValues(t *testing.T) {
	for value, want := range map[string]string{
		"/home":         "/home",
		`a\b`:           `a\\b`,
		`a\x41`:         `a\\x5cx41`, // or it would read as the next but one
		"a\xff":         `a\\xff`,
		"A\n":           `A\\x0a`,
		"\x1b[2J":       `\\x1b[2J`,
		"데이터":           "데이터",
		"\u202etxt":     `\\xe2\\x80\\xaetxt`,
		"tab\tback\\":   `tab\\x09back\\x5c`,
		"�":             "�",
		"quote\"\x00\"": `quote\"\\x00\"`,
	} {
		if got := string(AppendLabelValue(nil, value)); got != want {
			t.Errorf("%q: %s; want %s", value, got, want)
		}
	}
}

// FuzzLabelValue: the form is clean, bounded, and different values stay different.
func FuzzLabelValue(f *testing.F) {
	f.Add("/mnt/a", "/mnt/b")
	f.Add("a\xff", `a\xff`)
	f.Add(`\x5c`, `\`)
	f.Add(strings.Repeat("a", 2000)+"b", strings.Repeat("a", 2000)+"c")
	f.Add(strings.Repeat("é", 600), strings.Repeat("é", 601))
	f.Fuzz(func(t *testing.T, a, b string) {
		x, y := string(AppendLabelValue(nil, a)), string(AppendLabelValue(nil, b))
		if (a == b) != (x == y) {
			t.Errorf("%q and %q become %s and %s", a, b, x, y)
		}
		if !utf8.ValidString(x) || strings.ContainsAny(x, "\n\x1b\x00\r") {
			t.Errorf("%q becomes %q, which is not clean", a, x)
		}
		if len(x) > 5*maxLabelValue+32 {
			t.Errorf("%d bytes become %d", len(a), len(x))
		}
	})
}
