package dashboard

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// A dashboard that was installed says in a tag what it was: Grafana 13 writes dashboards
// anew in another form, and may add to what it was given, so that JSON cannot be compared.
const contentTag = "parascope-content-"

// Content is a checksum of what a dashboard asks and how its parts are called, in
// whichever form Grafana keeps it. Looks and places are no part of it.
func Content(model json.RawMessage) (string, error) {
	var m any
	if err := json.Unmarshal(model, &m); err != nil {
		return "", fmt.Errorf("could not read a dashboard: %w", err)
	}
	return contentOf(m), nil
}

func contentOf(model any) string {
	var texts []string
	collect(model, &texts)
	slices.Sort(texts)
	return checksum(strings.Join(texts, "\x00"))
}

func collect(node any, texts *[]string) {
	switch node := node.(type) {
	case map[string]any:
		for key, child := range node {
			if text, ok := child.(string); ok && (key == "expr" || key == "expression" || key == "title") && text != "" {
				*texts = append(*texts, key+"="+text)
			}
			collect(child, texts)
		}
	case []any:
		for _, child := range node {
			collect(child, texts)
		}
	}
}

func checksum(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:6])
}

// Mark is what a dashboard's tag says of it.
type Mark struct {
	Content string // of what was installed
	Source  string // a checksum of the data sources that were filled in
}

func (m Mark) tag() string { return contentTag + m.Content + "-" + m.Source }

// MarkOf reads the tag; found is false where a dashboard has none.
func MarkOf(model json.RawMessage) (m Mark, found bool) {
	var has struct{ Tags []string }
	if err := json.Unmarshal(model, &has); err != nil {
		return Mark{}, false
	}
	for _, tag := range has.Tags {
		if rest, ok := strings.CutPrefix(tag, contentTag); ok {
			m.Content, m.Source, found = strings.Cut(rest, "-")
			return m, found
		}
	}
	return Mark{}, false
}
