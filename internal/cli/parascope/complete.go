package parascope

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/spf13/cobra"

	"github.com/parascope/parascope/internal/amg"
	"github.com/parascope/parascope/internal/awsconf"
	"github.com/parascope/parascope/internal/cli/parascope/flags"
	"github.com/parascope/parascope/internal/identity"
	"github.com/parascope/parascope/internal/people"
	"github.com/parascope/parascope/internal/stack"
)

// grafanaWorkspaces are the region's, by id with the name beside it.
func grafanaWorkspaces(o *awsconf.Options) flags.Completion {
	return flags.Asked(o, amg.Workspaces, func(w amg.Workspace) cobra.Completion { return cobra.CompletionWithDesc(w.ID, w.Name) })
}

// roleNames are the three roles.
func roleNames(context.Context, string) []cobra.Completion {
	return []cobra.Completion{"admin", "editor", "viewer"}
}

// wants are WHO, and once that is typed WHO:ROLE.
func wants(o *awsconf.Options) flags.Completion {
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
func inDirectory(o *awsconf.Options) flags.Completion {
	return flags.Asked(o, func(ctx context.Context, cfg aws.Config) ([]identity.Principal, error) {
		directory, err := identity.Open(ctx, cfg)
		if err != nil {
			return nil, err
		}
		return directory.List(ctx, "")
	}, identity.Principal.String)
}

// members are those who have a role.
func members(o *usersOptions) flags.Completion {
	return flags.Asked(&o.aws, func(ctx context.Context, _ aws.Config) ([]people.Member, error) {
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
