package cli

import (
	"context"
	"strings"

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
	err := c.RegisterFlagCompletionFunc(flag, func(cmd *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
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

// stackNames are the region's stacks.
func stackNames(o *awsconf.Options) completion {
	return func(ctx context.Context, _ string) []cobra.Completion {
		cfg, err := awsconf.Load(ctx, *o)
		if err != nil {
			return nil
		}
		names, err := stack.Names(ctx, cfg)
		if err != nil {
			return nil
		}
		return names
	}
}

// grafanaWorkspaces are the region's, by id with the name beside it.
func grafanaWorkspaces(o *awsconf.Options) completion {
	return func(ctx context.Context, _ string) []cobra.Completion {
		cfg, err := awsconf.Load(ctx, *o)
		if err != nil {
			return nil
		}
		all, err := amg.Workspaces(ctx, cfg)
		if err != nil {
			return nil
		}
		var found []cobra.Completion
		for _, w := range all {
			found = append(found, cobra.CompletionWithDesc(w.ID, w.Name))
		}
		return found
	}
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
	return func(ctx context.Context, _ string) []cobra.Completion {
		cfg, err := awsconf.Load(ctx, *o)
		if err != nil {
			return nil
		}
		directory, err := identity.Open(ctx, cfg)
		if err != nil {
			return nil
		}
		all, err := directory.List(ctx, "")
		if err != nil {
			return nil
		}
		var found []cobra.Completion
		for _, p := range all {
			found = append(found, p.String())
		}
		return found
	}
}

// members are those who have a role.
func (o *usersOptions) members(ctx context.Context, _ string) []cobra.Completion {
	team, err := o.open(ctx)
	if err != nil {
		return nil
	}
	var all []people.Member
	if all, err = team.Members(ctx); err != nil {
		return nil
	}
	var found []cobra.Completion
	for _, m := range all {
		found = append(found, m.Principal.String())
	}
	return found
}

// parameters are those of the template.
func parameters(context.Context, string) []cobra.Completion {
	var all []cobra.Completion
	for _, name := range stack.Parameters() {
		all = append(all, name+"=")
	}
	return all
}
