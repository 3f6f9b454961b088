package stack

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// Summary is a stack of the region in short.
type Summary struct {
	Name   string
	Status types.StackStatus
	Ours   bool // it has the template's parameter MonitoringType
}

// List lists the region's stacks, those of this template first, then by name.
func List(ctx context.Context, cfg aws.Config) ([]Summary, error) {
	var all []Summary
	pages := cloudformation.NewDescribeStacksPaginator(cloudformation.NewFromConfig(cfg), &cloudformation.DescribeStacksInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, explain("list stacks", err)
		}
		for _, s := range page.Stacks {
			ours := slices.ContainsFunc(s.Parameters, func(p types.Parameter) bool {
				return aws.ToString(p.ParameterKey) == MonitoringParameter
			})
			all = append(all, Summary{aws.ToString(s.StackName), s.StackStatus, ours})
		}
	}
	slices.SortFunc(all, func(a, b Summary) int {
		if a.Ours != b.Ours {
			if a.Ours {
				return -1
			}
			return 1
		}
		return cmp.Compare(a.Name, b.Name)
	})
	return all, nil
}

// Names lists the names of the region's stacks.
func Names(ctx context.Context, cfg aws.Config) ([]string, error) {
	all, err := List(ctx, cfg)
	names := make([]string, len(all))
	for i, s := range all {
		names[i] = s.Name
	}
	return names, err
}

// WasDeleted reports whether the region had a stack of the name that was deleted: within the
// last 90 days, which is how long CloudFormation remembers.
func WasDeleted(ctx context.Context, cfg aws.Config, name string) (bool, error) {
	pages := cloudformation.NewListStacksPaginator(cloudformation.NewFromConfig(cfg), &cloudformation.ListStacksInput{
		StackStatusFilter: []types.StackStatus{types.StackStatusDeleteComplete},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return false, explain("list deleted stacks", err)
		}
		if slices.ContainsFunc(page.StackSummaries, func(s types.StackSummary) bool { return aws.ToString(s.StackName) == name }) {
			return true, nil
		}
	}
	return false, nil
}

// mostListed bounds how many stacks a message names.
const mostListed = 20

// DescribeList names stacks with their states, for a message.
func DescribeList(all []Summary) string {
	if len(all) == 0 {
		return "none"
	}
	var words []string
	for i, s := range all {
		if i == mostListed {
			words = append(words, fmt.Sprintf("%d more", len(all)-i))
			break
		}
		words = append(words, fmt.Sprintf("%s (%s)", s.Name, s.Status))
	}
	return strings.Join(words, ", ")
}
