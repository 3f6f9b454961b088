package result

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/parascope/parascope/internal/alerts/namespace"
	"github.com/parascope/parascope/internal/awserr"
)

const (
	kind    = "parascope-setup-run"
	version = 1 // changes when a reader of the last one would misunderstand the line

	maxLine = 64 << 10 // bytes of a line
	maxText = 1000     // bytes of a text in it
	maxList = 32       // data sources, dashboards, namespaces, warnings
)

// line is a Run as the log has it. The log has other lines as well, which are prose.
type line struct {
	Type    string `json:"type"`
	Version int    `json:"version"`
	Run
}

// Line is the run as one line of JSON for the function's log, with its line feed. Texts
// are cut so that ReadLine takes it.
func (r Run) Line() ([]byte, error) {
	r.clean()
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(line{Type: kind, Version: version, Run: r}); err != nil {
		return nil, fmt.Errorf("could not encode the result: %w", err)
	}
	if b.Len() > maxLine {
		return nil, fmt.Errorf("the result has %d bytes; a log line may have at most %d", b.Len(), maxLine)
	}
	return b.Bytes(), nil
}

// ReadLine reads a line of the function's log. It reports false for a line that is no
// run's: one that Lambda or an older function wrote, is not complete, is too long, or
// has another version. Texts of the run have no secrets and no control characters.
func ReadLine(text string) (Run, bool) {
	if len(text) > maxLine || !strings.HasPrefix(text, "{") {
		return Run{}, false
	}
	var l line
	if err := json.Unmarshal([]byte(text), &l); err != nil || l.Type != kind || l.Version != version {
		return Run{}, false
	}
	if l.Finished.IsZero() || l.Outcome != Connected && l.Outcome != Failed || (l.Outcome == Failed) != (l.Error != "") {
		return Run{}, false
	}
	l.clean()
	return l.Run, true
}

// ReadAnswer reads what the function answers whoever invokes it. Texts are as ReadLine
// gives them.
func ReadAnswer(payload []byte) (Connection, error) {
	var r Run
	if err := json.Unmarshal(payload, &r.Connection); err != nil {
		return Connection{}, err
	}
	r.clean()
	return r.Connection, nil
}

// ReadFailure is the message of Lambda's answer for a function that failed, fit to be
// shown. A function that was killed may leave none.
func ReadFailure(payload []byte) string {
	var failure struct {
		ErrorMessage string `json:"errorMessage"`
	}
	if err := json.Unmarshal(payload, &failure); err != nil || failure.ErrorMessage == "" {
		return "the response contains no error message"
	}
	return shown(failure.ErrorMessage)
}

// clean makes all texts of a run fit to be logged and shown.
func (r *Run) clean() {
	r.DataSources = append([]DataSource(nil), r.DataSources[:min(len(r.DataSources), maxList)]...)
	r.Dashboards = append([]Dashboard(nil), r.Dashboards[:min(len(r.Dashboards), maxList)]...)
	r.Rules = append([]namespace.Outcome(nil), r.Rules[:min(len(r.Rules), maxList)]...)
	r.Warnings = append([]string(nil), r.Warnings[:min(len(r.Warnings), maxList)]...)
	texts := []*string{&r.GrafanaWorkspaceID, &r.GrafanaURL, &r.GrafanaVersion, &r.Error}
	for i := range r.DataSources {
		d := &r.DataSources[i]
		texts = append(texts, &d.Name, &d.UID, &d.Type, (*string)(&d.Action), &d.Health)
	}
	for i := range r.Dashboards {
		d := &r.Dashboards[i]
		texts = append(texts, &d.Title, &d.UID, &d.URL, (*string)(&d.Action), &d.Kept)
	}
	for i := range r.Rules {
		n := &r.Rules[i]
		texts = append(texts, &n.Name, (*string)(&n.Action), &n.Error)
	}
	for i := range r.Warnings {
		texts = append(texts, &r.Warnings[i])
	}
	for _, text := range texts {
		*text = shown(*text)
	}
}

// shown is what may be shown of a text: no secret, no control character, and one line.
func shown(text string) string {
	text = strings.Map(func(c rune) rune {
		if unicode.IsPrint(c) {
			return c
		}
		return ' '
	}, awserr.Public(text))
	return Cut(text, maxText)
}

// Cut shortens a text to at most n bytes, between characters.
func Cut(text string, n int) string {
	const more = " …"
	if len(text) <= n {
		return text
	}
	text = text[:n-len(more)]
	for !utf8.ValidString(text) {
		text = text[:len(text)-1]
	}
	return text + more
}
