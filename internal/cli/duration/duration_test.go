package duration

import (
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"1d": 24 * time.Hour, "1w": 7 * 24 * time.Hour, "1h30m": 90 * time.Minute, "90s": 90 * time.Second, "10ms": 10 * time.Millisecond,
		"1.5s": 1500 * time.Millisecond, "-1h": -time.Hour,
	} {
		if got, err := Parse(text); err != nil || got != want {
			t.Errorf("%s: %s, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "1", "day", "1 d", "1y2", "١d"} {
		if got, err := Parse(text); err == nil {
			t.Errorf("%q is taken for %s", text, got)
		}
	}
	for want, d := range map[string]time.Duration{"1h": time.Hour, "1h30m": 90 * time.Minute, "1m30s": 90 * time.Second, "0s": 0} {
		if got := Format(d); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// FuzzParse: what is written is read back.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"1d", "1h30m", "1.5s", "-2h", "x", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := Parse(text)
		if err != nil {
			return
		}
		if again, err := Parse(Format(d)); err != nil || again != d {
			t.Errorf("%q is %s, written %q, read %s (%v)", text, d, Format(d), again, err)
		}
	})
}
