package parascopehead

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/parascope/parascope/internal/cli"
)

// TestLogHasNoSecretOfURL: whoever logs an error, as a text or as it is, and in which form.
func TestLogHasNoSecretOfURL(t *testing.T) {
	const text = `Get "http://SECRET:p SECRET@h/x?k=SECRET": parse "http://u:SECRET": invalid port ":SECRET" after host`
	for _, format := range []string{"logfmt", "json"} {
		var log bytes.Buffer
		logger, err := daemonLogger(&cli.Process{Stderr: &log}, "info", format)
		if err != nil {
			t.Fatal(err)
		}
		logger.With("url", "http://SECRET@h/y").Error("could not do: "+text, "err", errors.New(text), "why", text)
		if got := log.String(); strings.Contains(got, "SECRET") || strings.Count(got, "xxxxx@h/x?xxxxx") != 3 ||
			!strings.Contains(got, "http://xxxxx@h/y") {
			t.Errorf("%s: %s", format, got)
		}
	}
}
