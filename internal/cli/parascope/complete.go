package parascope

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/spf13/cobra"

	"github.com/parascope/parascope/internal/amg"
	"github.com/parascope/parascope/internal/awsconf"
	"github.com/parascope/parascope/internal/identity"
	"github.com/parascope/parascope/internal/people"
	"github.com/parascope/parascope/internal/stack"
)

// completion is a list of candidates. What cannot be asked, without credentials for
// example, completes nothing: a shell has no place for an error.
type completion func(ctx context.Context, typed string) []cobra.Completion

// completeFlag offers candidates for a flag's value.
func completeFlag(c *cobra.Command, flag string, candidates completion) {
	err := c.RegisterFlagCompletionFunc(flag, func(cmd *cobra.Command, _ []string, typed string) ([]cobra.Completion,
		cobra.ShellCompDirective) {
		return candidates(cmd.Context(), typed), cobra.ShellCompDirectiveNoFileComp
	})
	if err != nil {
		panic(err) // only for a flag that the command has not
	}
}

// completeArgs offers candidates for each argument.
func completeArgs(c *cobra.Command, candidates completion) {
	c.ValidArgsFunction = func(cmd *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return candidates(cmd.Context(), typed), cobra.ShellCompDirectiveNoFileComp
	}
}

// asked are the candidates that AWS knows.
func asked[T any](o *awsconf.Options, list func(context.Context, aws.Config) ([]T, error), candidate func(T) cobra.Completion) completion {
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

// stackNames are the region's stacks.
func stackNames(o *awsconf.Options) completion {
	return asked(o, stack.Names, func(name string) cobra.Completion { return name })
}

// grafanaWorkspaces are the region's, by id with the name beside it.
func grafanaWorkspaces(o *awsconf.Options) completion {
	return asked(o, amg.Workspaces, func(w amg.Workspace) cobra.Completion { return cobra.CompletionWithDesc(w.ID, w.Name) })
}

// roleNames are the three roles.
func roleNames(context.Context, string) []cobra.Completion {
	return []cobra.Completion{"admin", "editor", "viewer"}
}

// wants are WHO, and once that is typed WHO:ROLE.
func wants(o *awsconf.Options) completion {
	return func(ctx context.Context, typed string) []cobra.Completion {
		if i := strings.LastIndex(typed, ":"); i >= 0 && !isKind(typed[:i]) {
			var all []cobra.Completion
			for _, role := range roleNames(ctx, "") {
				all = append(all, typed[:i+1]+role)
			}
			return all
		}
		return inDirectory(o)(ctx, typed)
	}
}

// inDirectory is everybody in Identity Center.
func inDirectory(o *awsconf.Options) completion {
	return asked(o, func(ctx context.Context, cfg aws.Config) ([]identity.Principal, error) {
		directory, err := identity.Open(ctx, cfg)
		if err != nil {
			return nil, err
		}
		return directory.List(ctx, "")
	}, identity.Principal.String)
}

// members are those who have a role.
func members(o *usersOptions) completion {
	return asked(&o.aws, func(ctx context.Context, _ aws.Config) ([]people.Member, error) {
		team, err := o.open(ctx)
		if err != nil {
			return nil, err
		}
		return team.Members(ctx)
	}, func(m people.Member) cobra.Completion { return m.Principal.String() })
}

// parameters are those of the template.
func parameters(context.Context, string) []cobra.Completion {
	var all []cobra.Completion
	for _, name := range stack.Parameters() {
		all = append(all, name+"=")
	}
	return all
}
