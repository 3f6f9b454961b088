// Package flags has the flags that commands of parascope share, and how shells complete them.
package flags

import (
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/parascope/parascope/internal/awsconf"
	"github.com/parascope/parascope/internal/deploy"
)

// Stack are the flags of a command that works on a stack: which stack, and where.
type Stack struct {
	Name string
	AWS  awsconf.Options
}

// Add defines the flags, and their completion.
func (s *Stack) Add(c *cobra.Command) {
	c.Flags().StringVar(&s.Name, "stack", deploy.DefaultStack, "`NAME` of the stack")
	AddAWS(c.Flags(), &s.AWS)
	Complete(c, "stack", StackNames(&s.AWS))
}

// AddAWS defines the flags that say which account and region AWS is asked in.
func AddAWS(f *pflag.FlagSet, o *awsconf.Options) {
	f.StringVar(&o.Region, "region", "", "AWS `REGION` (default: AWS_REGION, the profile's, "+awsconf.DefaultRegion+")")
	f.StringVar(&o.Profile, "profile", "", "AWS `PROFILE` of the shared configuration")
}

// Target is the stack, with the flags that were given: a command that is
// suggested as the next one must mean the same stack.
func (s *Stack) Target(c *cobra.Command) deploy.Target {
	t := deploy.Target{StackName: s.Name}
	c.Flags().Visit(func(f *pflag.Flag) {
		switch f.Name {
		case "region", "profile":
			t.Elsewhere += Written(c, f)
		case "stack", "yes", "json": // it is asked again, and by a person
		default:
			t.Options += Written(c, f)
		}
	})
	return t
}

// Written is a flag as it stands in a command line.
func Written(c *cobra.Command, f *pflag.Flag) (text string) {
	var values []string
	switch f.Value.Type() {
	case "bool":
		if f.Value.String() == "true" {
			return " --" + f.Name
		}
		return " --" + f.Name + "=false"
	case "stringToString":
		pairs, _ := c.Flags().GetStringToString(f.Name) // of its type, by the case
		for _, k := range slices.Sorted(maps.Keys(pairs)) {
			values = append(values, k+"="+pairs[k])
		}
	case "stringArray":
		values, _ = c.Flags().GetStringArray(f.Name) // likewise
	default:
		values = []string{f.Value.String()}
	}
	for _, v := range values {
		text += " --" + f.Name + " " + quoted(v)
	}
	return text
}

// quoted is a word as a shell reads it.
func quoted(word string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_.,:/@=+", r)
	}
	if word != "" && strings.IndexFunc(word, func(r rune) bool { return !plain(r) }) < 0 {
		return word
	}
	// Such a line stands between single quotes, so that double ones are read more easily.
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "$", `\$`, "`", "\\`").Replace(word) + `"`
}
