package term

import "strings"

// Wrap breaks text at spaces into lines of at most so many columns; a longer word has a line of
// its own. What does not print is replaced.
func Wrap(text string, columns int) []string {
	var lines []string
	current := ""
	for word := range strings.FieldsSeq(cleanPainted(text)) {
		switch {
		case current == "":
			current = word
		case Columns(current)+1+Columns(word) <= columns:
			current += " " + word
		default:
			lines = append(lines, current)
			current = word
		}
	}
	if current != "" {
		lines = append(lines, current)
	}
	return lines
}
