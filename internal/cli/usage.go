package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/parascope/parascope/internal/hint"
)

// ExplainFlag says in words what is wrong with a flag, as an error of kind hint.Usage.
func ExplainFlag(cmd *cobra.Command, err error) error {
	words := err
	if e, ok := errors.AsType[*pflag.NotExistError](err); ok {
		words = fmt.Errorf("%s has no flag --%s", cmd.CommandPath(), e.GetSpecifiedName())
		if e.GetSpecifiedShortnames() != "" {
			words = fmt.Errorf("%s has no flag -%s", cmd.CommandPath(), e.GetSpecifiedName())
		}
	}
	if e, ok := errors.AsType[*pflag.ValueRequiredError](err); ok {
		name, _ := pflag.UnquoteUsage(e.GetFlag())
		words = fmt.Errorf("--%s needs a value: --%s %s", e.GetFlag().Name, e.GetFlag().Name, strings.ToUpper(name))
	}
	if e, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		words = fmt.Errorf("--%s %q: %s", e.GetFlag().Name, e.GetValue(), explainValue(e))
	}
	return hint.New(hint.Usage, words, "see '"+cmd.CommandPath()+" --help'")
}

// explainValue says what a flag takes that does not take its value.
func explainValue(e *pflag.InvalidValueError) string {
	switch e.GetFlag().Value.Type() {
	case "bool":
		return "must be true or false"
	case "int", "int64", "uint", "uint64":
		return "must be a whole number"
	case "float64":
		return "must be a number"
	case "stringToString":
		return "must be NAME=VALUE"
	}
	_, cause, quoted := strings.Cut(e.Unwrap().Error(), e.GetValue()+`" `) // a value's own words begin with it
	if !quoted {
		cause = e.Unwrap().Error()
	}
	return cause
}

// explainArgs says in words what is wrong with a command's arguments. cobra's own texts
// count them, and call an argument of a command that takes none a command.
func explainArgs(cmd *cobra.Command, args []string, err error) error {
	text := err.Error()
	_, takes, _ := strings.Cut(cmd.Use, " ")
	got := fmt.Sprintf("%d arguments were given", len(args))
	if len(args) == 0 {
		got = "no arguments were given"
	}
	switch {
	case cmd.HasSubCommands() && strings.HasPrefix(text, "unknown command"):
		return err
	case strings.HasPrefix(text, "unknown command"), takes == "" && len(args) > 0:
		return fmt.Errorf("%s takes no argument, and was given %q", cmd.CommandPath(), args[0])
	case strings.HasPrefix(text, "accepts at most"), strings.HasPrefix(text, "accepts "), strings.HasPrefix(text, "requires at least"):
		return fmt.Errorf("%s takes %s; %s", cmd.CommandPath(), takes, got)
	}
	return err
}
