package command

import (
	"context"
	"testing"
	"time"
)

// TestOutputIsBounded: a program that prints more than is kept ends as it would, and that is known.
func TestOutputIsBounded(t *testing.T) {
	for _, c := range []struct {
		script string
		text   string
		cut    bool
	}{
		{"printf 1234", "1234", false},
		{"printf 12345; printf 678", "1234", true},
		{"head -c 10000000 /dev/zero | tr '\\0' x", "xxxx", true},
	} {
		out, err := Program{Path: "/bin/sh", Args: []string{"-c", c.script}, MaxOutput: 4}.Run(t.Context())
		if err != nil || string(out.Text) != c.text || out.Cut != c.cut {
			t.Errorf("%s: %q, cut %t, %v", c.script, out.Text, out.Cut, err)
		}
	}
	out, err := Program{Path: "/bin/sh", Args: []string{"-c", "head -c 100000 /dev/zero >&2; exit 3"}}.Run(t.Context())
	if err == nil || len(out.Errors) != maxErrors {
		t.Errorf("%d bytes of errors, %v", len(out.Errors), err)
	}
}

// TestChildrenEnd: a child that holds the output open ends with the program.
func TestChildrenEnd(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	if _, err := (Program{Path: "/bin/sh", Args: []string{"-c", "sleep 100000 & wait"}}).Run(ctx); err == nil {
		t.Error("a program that was cancelled has no error")
	}
}
