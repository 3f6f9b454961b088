package term

import (
	"fmt"
	"io"
	"regexp"
)

// own are the sequences that a Styler writes. Others may hide text or move the cursor.
var own = regexp.MustCompile("^\x1b\\[(?:0|1|2|32|31;1)m")

// Printf writes text for a person. What stands in args comes from outside as a rule, and
// is cleaned as Clean does, but for the colours of a Styler: the format alone can end a
// line. Data for machines is not written with it.
func Printf(w io.Writer, format string, args ...any) error {
	_, err := fmt.Fprintf(w, format, cleanArgs(args)...)
	return err
}

// Sprintf is the text that Printf would write.
func Sprintf(format string, args ...any) string { return fmt.Sprintf(format, cleanArgs(args)...) }

func cleanArgs(args []any) []any {
	clean := make([]any, len(args))
	for i, a := range args {
		switch a := a.(type) {
		case string:
			clean[i] = cleanPainted(a)
		case error:
			clean[i] = cleanPainted(a.Error())
		case fmt.Stringer:
			clean[i] = cleanPainted(a.String())
		default:
			clean[i] = a // numbers, which verbs such as %.2f want
		}
	}
	return clean
}
