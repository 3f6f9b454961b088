package logs

import "testing"

func TestPatterns(t *testing.T) {
	const message = `2026 [ERROR] disk "full" in node-1`
	for pattern, want := range map[string]bool{
		"":                  true,
		"ERROR":             true,
		"ERROR disk":        true,
		"ERROR absent":      false,
		`"[ERROR] disk"`:    true,
		`"\"full\""`:        true,
		"ERROR -disk":       false,
		`ERROR -"node-2"`:   true,
		"?absent ?disk":     true,
		"?absent ?missing":  false,
		"?absent ERROR":     true,
		" \t ERROR  disk\n": true,
	} {
		matches, err := parsePattern(pattern)
		if err != nil || matches(message) != want {
			t.Errorf("%q: %v, want %t", pattern, err, want)
		}
	}
	for _, pattern := range []string{"{ $.x = 1 }", "[a, b]", "%x%", `"open`, "node-1", "-", "?"} {
		if _, err := parsePattern(pattern); err == nil {
			t.Errorf("%q was understood", pattern)
		}
	}
}

func FuzzPattern(f *testing.F) {
	for _, seed := range []string{"", "ERROR", `-"a \" b" ?c`, "{ $.x }", `"`, `"\`, "?-a"} {
		f.Add(seed, "message")
	}
	f.Fuzz(func(t *testing.T, pattern, message string) {
		if matches, err := parsePattern(pattern); err == nil {
			matches(message)
		}
	})
}
