package flags

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/spf13/cobra"

	"github.com/parascope/parascope/internal/awsconf"
	"github.com/parascope/parascope/internal/stack"
)

// Completion is a list of candidates. What cannot be asked, without credentials for
// example, completes nothing: a shell has no place for an error.
type Completion func(ctx context.Context, typed string) []cobra.Completion

// Complete offers candidates for a flag's value.
func Complete(c *cobra.Command, flag string, candidates Completion) {
	err := c.RegisterFlagCompletionFunc(flag, func(cmd *cobra.Command, _ []string, typed string) ([]cobra.Completion,
		cobra.ShellCompDirective) {
		return candidates(cmd.Context(), typed), cobra.ShellCompDirectiveNoFileComp
	})
	if err != nil {
		panic(err) // only for a flag that the command has not
	}
}

// CompleteArgs offers candidates for each argument.
func CompleteArgs(c *cobra.Command, candidates Completion) {
	c.ValidArgsFunction = func(cmd *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return candidates(cmd.Context(), typed), cobra.ShellCompDirectiveNoFileComp
	}
}

// Asked are the candidates that AWS knows.
func Asked[T any](o *awsconf.Options, list func(context.Context, aws.Config) ([]T, error), candidate func(T) cobra.Completion) Completion {
	return func(ctx context.Context, _ string) (found []cobra.Completion) {
		cfg, err := awsconf.Load(ctx, *o)
		if err != nil {
			return nil
		}
		all, err := list(ctx, cfg)
		if err != nil {
			return nil
		}
		for _, one := range all {
			found = append(found, candidate(one))
		}
		return found
	}
}

// StackNames are the region's stacks.
func StackNames(o *awsconf.Options) Completion {
	return Asked(o, stack.Names, func(name string) cobra.Completion { return name })
}
